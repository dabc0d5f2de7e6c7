import {
  Annotation,
  type MediaJob,
  type MediaJobSpecInput,
  MediaJobStatus,
  type RunKey,
  runName,
  type StageName,
  TERMINAL_PHASES,
} from '@mediajob/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aMediaJob, at, POLICY, resultOf, START } from '../test/builders.js';
import { findCondition } from './conditions.js';
import { decide } from './decide.js';
import type { Decision } from './decision.js';
import { isLive, type Observed, type ObservedRun, type SpentRun, sameKey } from './observed.js';

/** One thing that happens to a world; `pick` chooses the run it happens to. */
type Happening =
  | { kind: 'tick'; seconds: number }
  | { kind: 'begin'; pick: number }
  | { kind: 'progress'; pick: number; fraction: number }
  | { kind: 'succeed'; pick: number; readable: boolean }
  | { kind: 'fail'; pick: number; code: number }
  | { kind: 'lose'; pick: number }
  | { kind: 'stopped'; pick: number }
  | { kind: 'vanish'; pick: number }
  | { kind: 'suspend' | 'resume' | 'cancel' | 'retry' | 'delete' | 'crash' }
  | { kind: 'refuse' | 'hold' | 'pause'; on: boolean }
  | { kind: 'keepFiles' };

const pick = fc.nat({ max: 1000 });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('tick' as const), seconds: fc.constantFrom(1, 5, 60, 700) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('begin' as const), pick }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('progress' as const),
      pick,
      fraction: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('succeed' as const),
      pick,
      readable: fc.constant(true),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('succeed' as const), pick, readable: fc.constant(false) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('fail' as const),
      pick,
      code: fc.constantFrom(64, 65, 66, 69, 70, 73, 74, 75, 78, 137, 143, 1, 255),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lose' as const), pick }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('stopped' as const), pick }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom('suspend' as const, 'resume' as const, 'retry' as const) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('cancel' as const, 'crash' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const) }) },
);

/** What happens in Kubernetes alone: people and quotas come in between. */
const outside: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({ kind: fc.constant('vanish' as const), pick }),
  fc.record({ kind: fc.constantFrom('refuse' as const, 'hold' as const, 'pause' as const), on: fc.boolean() }),
  fc.constant({ kind: 'keepFiles' as const }),
);

const spec: fc.Arbitrary<Partial<MediaJobSpecInput>> = fc.oneof(
  fc.record({
    transcribe: fc.record({ parallelism: fc.integer({ min: 1, max: 4 }) }),
    retries: fc.integer({ min: 0, max: 3 }),
  }),
  fc.record({
    transcribe: fc.record({ parallelism: fc.integer({ min: 1, max: 4 }) }),
    convert: fc.constant<MediaJobSpecInput['convert']>({ renditions: [{ format: 'mp3' }] }),
    activeDeadlineSeconds: fc.constantFrom(100, 10_000),
  }),
  fc.record({
    transcribe: fc.record({ parallelism: fc.integer({ min: 1, max: 4 }) }),
    convert: fc.constant<MediaJobSpecInput['convert']>({ renditions: [{ format: 'mkv', subtitles: 'track' }] }),
  }),
  fc.record({
    convert: fc.constant<MediaJobSpecInput['convert']>({ renditions: [{ format: 'mp4', height: 720 }] }),
    transcribe: fc.constant(undefined),
  }),
);

const BEFORE: Record<StageName, StageName | undefined> = {
  convert: undefined,
  transcribe: 'convert',
  finalize: 'transcribe',
  render: 'convert',
  cleanup: undefined,
};

/** A runtime without I/O: it applies decisions at once, and checks every promise each time. */
class World {
  now = START;
  removed = false;
  /** The runtime dies after its next actions, before the status is written. */
  crashing = false;
  readonly startedNames = new Set<string>();
  runs: ObservedRun[] = [];
  job: MediaJob;
  readonly chunks: number;
  /** As the operator has it: shards in one Job, records that outlive their runs, starts that are refused. */
  readonly kubernetes: boolean;
  spent: SpentRun[] = [];
  #refusing = false;
  #held = false;
  #paused = false;
  #keepFiles = false;

  constructor(change: Partial<MediaJobSpecInput>, chunks: number, kubernetes: boolean) {
    this.job = aMediaJob().withSpec(change).build();
    this.chunks = chunks;
    this.kubernetes = kubernetes;
  }

  #observed(): Observed {
    const { job, runs, spent } = this;
    return {
      job,
      runs,
      policy: { ...POLICY, batchShards: this.kubernetes },
      spent,
      paused: this.#paused,
      keepFiles: this.#keepFiles,
      ...(this.#held && { held: { reason: 'ProfileNotFound', message: 'There is no such profile.' } }),
    };
  }

  #decide(): Decision {
    const observed = this.#observed();
    const decision = decide(observed, this.now);
    if (!this.#refusing) return decision;
    const waiting = { reason: 'WaitingForQuota' as const, message: 'The quota is used up.' };
    const refused = decision.actions.flatMap((it) => (it.type === 'start' ? [{ key: it.key, waiting }] : []));
    const actions = decision.actions.filter((it) => it.type !== 'start');
    return refused.length === 0
      ? decision
      : { ...decide({ ...observed, refused }, this.now), actions, requeueAfterMs: 30_000 };
  }

  /** The one Job of all first tries is forgotten when all of them can be. */
  #canForget({ key }: { key: RunKey }, decision: Decision): boolean {
    if (!this.#isBatched(key)) return true;
    const together = this.runs.filter((run) => this.#isBatched(run.key) && run.key.attempt === key.attempt);
    return together.every((run) => decision.actions.some((it) => it.type === 'forget' && sameKey(it.key, run.key)));
  }

  #isBatched(key: RunKey): boolean {
    return this.kubernetes && key.stage === 'transcribe' && key.try === 1 && this.chunks > POLICY.chunksPerShard;
  }

  /** Decides until nothing is left to do at this moment. */
  settle(): void {
    for (let round = 0; round < 50; round++) {
      if (this.removed) return;
      const before = this.job.status;
      const full = this.#decide();
      const decision = {
        ...full,
        actions: full.actions.filter((it) => it.type !== 'forget' || this.#canForget(it, full)),
      };
      MediaJobStatus.parse(decision.status);
      if (before.attempt === decision.status.attempt) {
        expect(decision.status.progress.percent).toBeGreaterThanOrEqual(before.progress.percent);
        for (const stage of decision.status.stages) {
          const old = before.stages.find((it) => it.name === stage.name);
          expect(stage.percent).toBeGreaterThanOrEqual(old?.percent ?? 0);
        }
        if (TERMINAL_PHASES.includes(before.phase)) expect(decision.status.phase).toBe(before.phase);
      }
      const crashed = this.crashing;
      this.crashing = false;
      for (const action of decision.actions) {
        // What is forgotten has to be in the written status first.
        if (crashed && (action.type === 'forget' || action.type === 'remove')) continue;
        if (action.type === 'start') this.#start(action);
        if (action.type === 'stop') {
          const run = this.#find(action.key);
          expect(run && isLive(run) && run.stopRequested !== true).toBe(true);
          this.#change(action.key, { stopRequested: true });
        }
        if (action.type === 'forget') {
          const run = this.#find(action.key);
          expect(run && !isLive(run)).toBe(true);
          if (this.kubernetes) this.spent.push(action.key);
          this.runs = this.runs.filter((it) => !sameKey(it.key, action.key));
        }
        if (action.type === 'delete') this.#delete();
        if (action.type === 'remove') {
          expect(this.runs.some((it) => isLive(it))).toBe(false);
          this.removed = true;
        }
      }
      if (crashed) continue;
      this.job = { ...this.job, status: decision.status };
      if (this.removed) return;
      if (decision.actions.length === 0 && decision.requeueAfterMs !== 0) {
        const second = this.#decide();
        expect(second.status).toEqual(decision.status);
        expect(second.actions.filter((it) => it.type !== 'forget' || this.#canForget(it, second))).toEqual([]);
        expect(second.events).toEqual([]);
        this.#hasReasonToWait(second.requeueAfterMs);
        return;
      }
    }
    throw new Error('it never comes to rest');
  }

  #start(action: { key: ObservedRun['key']; tally: ObservedRun['tally'] }): void {
    const { key, tally } = action;
    const name = runName(this.job.metadata.uid, key);
    expect(this.startedNames.has(name), `${name} is started twice`).toBe(false);
    this.startedNames.add(name);
    for (const other of this.runs.filter(isLive)) {
      expect(other.key.stage === key.stage && other.key.shard === key.shard, `two live runs of ${key.stage}`).toBe(
        false,
      );
      if (key.stage === 'cleanup') throw new Error('files are removed while a run could write');
    }
    const first = BEFORE[key.stage];
    if (first !== undefined && !(first === 'transcribe' && this.chunks === 0)) {
      const done = this.runs.some(
        (run) =>
          run.key.stage === first &&
          run.key.attempt === key.attempt &&
          run.state === 'succeeded' &&
          run.result !== undefined,
      );
      expect(done, `${key.stage} starts before ${first} is done`).toBe(true);
    }
    expect(TERMINAL_PHASES.includes(this.job.status.phase) && key.stage !== 'cleanup').toBe(false);
    this.runs.push({ key, tally, state: 'pending' });
    expect(this.#held && key.stage !== 'cleanup', 'nothing starts while it is held').toBe(false);
    const parallel = this.runs.filter((run) => isLive(run) && run.key.stage === 'transcribe').length;
    if (key.stage === 'transcribe' && !this.#isBatched(key))
      expect(parallel).toBeLessThanOrEqual(this.job.spec.transcribe?.parallelism ?? 1);
  }

  #hasReasonToWait(requeueAfterMs: number | undefined): void {
    if (this.#paused) {
      const ended = TERMINAL_PHASES.includes(this.job.status.phase) && !this.job.metadata.deletionTimestamp;
      if (!ended) expect(findCondition(this.job.status.conditions, 'Queued')?.reason).toBe('Paused');
      return;
    }
    if (this.job.metadata.deletionTimestamp !== undefined) {
      expect(this.runs.some(isLive) || requeueAfterMs !== undefined).toBe(true);
      return;
    }
    const { phase, conditions } = this.job.status;
    if (TERMINAL_PHASES.includes(phase)) return;
    if (phase === 'Suspended') {
      expect(findCondition(conditions, 'Suspended')?.status).toBe('True');
      return;
    }
    const held = findCondition(conditions, 'Accepted')?.reason === 'ProfileNotFound';
    expect(this.runs.some(isLive) || requeueAfterMs !== undefined || held, 'it waits for nothing').toBe(true);
    if (phase === 'Queued') expect(findCondition(conditions, 'Queued')).toMatchObject({ status: 'True' });
  }

  happen(event: Happening): void {
    const time = () => new Date(this.now).toISOString();
    const live = this.runs.filter(isLive);
    const run = 'pick' in event ? live[event.pick % Math.max(1, live.length)] : undefined;
    switch (event.kind) {
      case 'tick':
        this.now += event.seconds * 1000;
        break;
      case 'begin':
        // The Job itself has no more pods at once than asked for.
        if (run?.state === 'pending' && (!this.#isBatched(run.key) || this.#runningShards() < this.#parallelism)) {
          this.#change(run.key, { state: 'running', startedAt: time() });
          expect(this.#runningShards()).toBeLessThanOrEqual(this.#parallelism);
        }
        break;
      case 'progress':
        if (run?.state === 'running')
          this.#change(run.key, { progress: { fraction: event.fraction, realtimeFactor: 3 } });
        break;
      case 'succeed': {
        if (run === undefined) break;
        const { stage, shard } = run.key;
        const shards = Math.ceil(this.chunks / POLICY.chunksPerShard);
        const result = resultOf(stage, { chunks: this.chunks, shard, alone: shards === 1 });
        this.#change(run.key, { state: 'succeeded', finishedAt: time(), ...(event.readable ? { result } : {}) });
        break;
      }
      case 'fail':
        if (run !== undefined) this.#change(run.key, { state: 'failed', exitCode: event.code, finishedAt: time() });
        break;
      case 'lose':
        if (run !== undefined) this.#change(run.key, { state: 'lost', finishedAt: time() });
        break;
      case 'stopped':
        if (run?.stopRequested === true) this.#change(run.key, { state: 'failed', exitCode: 143, finishedAt: time() });
        break;
      case 'vanish': {
        // Somebody removes a Job: what ended is gone, what runs is seen until it ends.
        const lost = this.runs[event.pick % Math.max(1, this.runs.length)];
        if (lost === undefined) break;
        const gone = (it: ObservedRun) =>
          !isLive(it) &&
          (sameKey(it.key, lost.key) ||
            (this.#isBatched(lost.key) && this.#isBatched(it.key) && it.key.attempt === lost.key.attempt));
        for (const it of this.runs.filter(gone)) this.startedNames.delete(runName(this.job.metadata.uid, it.key));
        this.runs = this.runs.filter((it) => !gone(it));
        break;
      }
      case 'refuse':
        this.#refusing = event.on;
        break;
      case 'hold':
        this.#held = event.on;
        break;
      case 'pause':
        this.#paused = event.on;
        break;
      case 'keepFiles':
        this.#keepFiles = true;
        break;
      case 'suspend':
        this.#spec({ suspend: true });
        break;
      case 'resume':
        this.#spec({ suspend: false });
        break;
      case 'cancel':
        this.#spec({ cancel: true });
        break;
      case 'retry':
        this.#spec({ cancel: false });
        this.job = {
          ...this.job,
          metadata: {
            ...this.job.metadata,
            annotations: { [Annotation.retry]: `at-${this.now}-${this.startedNames.size}` },
          },
        };
        break;
      case 'delete':
        this.#delete();
        break;
      case 'crash':
        this.crashing = true;
        break;
    }
  }

  /** From here on everything goes well; the job has to end. */
  goWell(): void {
    this.#refusing = false;
    this.#held = false;
    this.#paused = false;
    for (let step = 0; step < 2000; step++) {
      this.settle();
      const { phase } = this.job.status;
      if (this.removed || (TERMINAL_PHASES.includes(phase) && this.job.metadata.deletionTimestamp === undefined))
        return;
      const run = this.runs.find(isLive);
      if (run?.stopRequested === true) this.happen({ kind: 'stopped', pick: 0 });
      else if (run !== undefined) this.happen({ kind: 'succeed', pick: 0, readable: true });
      else if (phase === 'Suspended' && this.job.metadata.deletionTimestamp === undefined)
        this.happen({ kind: 'resume' });
      else this.happen({ kind: 'tick', seconds: 700 });
    }
    throw new Error(`it never ends: ${JSON.stringify(this.job.status)}`);
  }

  get #parallelism(): number {
    return this.job.spec.transcribe?.parallelism ?? 1;
  }

  #runningShards(): number {
    return this.runs.filter((run) => run.state === 'running' && run.key.stage === 'transcribe').length;
  }

  #spec(change: Partial<MediaJob['spec']>): void {
    this.job = {
      ...this.job,
      metadata: { ...this.job.metadata, generation: this.job.metadata.generation + 1 },
      spec: { ...this.job.spec, ...change },
    };
  }

  #delete(): void {
    if (this.job.metadata.deletionTimestamp !== undefined) return;
    this.job = { ...this.job, metadata: { ...this.job.metadata, deletionTimestamp: at(0) } };
  }

  #find(key: ObservedRun['key']): ObservedRun | undefined {
    return this.runs.find((run) => sameKey(run.key, key));
  }

  #change(key: ObservedRun['key'], change: Partial<ObservedRun>): void {
    this.runs = this.runs.map((run) => (sameKey(run.key, key) ? { ...run, ...change } : run));
  }
}

describe('in any world', () => {
  it.each([
    ['on one machine', false, happening],
    ['on Kubernetes', true, fc.oneof({ weight: 12, arbitrary: happening }, { weight: 1, arbitrary: outside })],
  ] as const)(
    'keeps every promise at every step %s, and ends once things go well',
    (_, kubernetes, events) => {
      fc.assert(
        fc.property(
          spec,
          fc.integer({ min: 0, max: 9 }),
          fc.array<Happening>(events, { maxLength: 80 }),
          (change, chunks, events) => {
            const world = new World(change, change.transcribe === undefined ? 0 : chunks, kubernetes);
            world.settle();
            for (const event of events) {
              if (world.removed) break;
              world.happen(event);
              world.settle();
            }
            if (!world.removed) world.goWell();
          },
        ),
        { numRuns: 400 },
      );
    },
    60_000,
  );
});
