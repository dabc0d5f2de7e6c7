import {
  Annotation,
  type MediaJob,
  type MediaJobSpecInput,
  MediaJobStatus,
  runName,
  type StageName,
  TERMINAL_PHASES,
} from '@mediajob/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aMediaJob, at, POLICY, resultOf, START } from '../test/builders.js';
import { findCondition } from './conditions.js';
import { decide } from './decide.js';
import { isLive, type ObservedRun, sameKey } from './observed.js';

/** One thing that happens to a world; `pick` chooses the run it happens to. */
type Happening =
  | { kind: 'tick'; seconds: number }
  | { kind: 'begin'; pick: number }
  | { kind: 'progress'; pick: number; fraction: number }
  | { kind: 'succeed'; pick: number; readable: boolean }
  | { kind: 'fail'; pick: number; code: number }
  | { kind: 'lose'; pick: number }
  | { kind: 'stopped'; pick: number }
  | { kind: 'suspend' | 'resume' | 'cancel' | 'retry' | 'delete' | 'crash' };

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

  constructor(change: Partial<MediaJobSpecInput>, chunks: number) {
    this.job = aMediaJob().withSpec(change).build();
    this.chunks = chunks;
  }

  #observed() {
    return { job: this.job, runs: this.runs, policy: POLICY };
  }

  /** Decides until nothing is left to do at this moment. */
  settle(): void {
    for (let round = 0; round < 50; round++) {
      if (this.removed) return;
      const before = this.job.status;
      const decision = decide(this.#observed(), this.now);
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
        const second = decide(this.#observed(), this.now);
        expect(second.status).toEqual(decision.status);
        expect(second.actions).toEqual([]);
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
    const parallel = this.runs.filter((run) => isLive(run) && run.key.stage === 'transcribe').length;
    expect(parallel).toBeLessThanOrEqual(this.job.spec.transcribe?.parallelism ?? 1);
  }

  #hasReasonToWait(requeueAfterMs: number | undefined): void {
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
    expect(this.runs.some(isLive) || requeueAfterMs !== undefined, 'it waits for nothing').toBe(true);
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
        if (run?.state === 'pending') this.#change(run.key, { state: 'running', startedAt: time() });
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
  it('keeps every promise at every step, and ends once things go well', () => {
    fc.assert(
      fc.property(
        spec,
        fc.integer({ min: 0, max: 9 }),
        fc.array(happening, { maxLength: 80 }),
        (change, chunks, events) => {
          const world = new World(change, change.transcribe === undefined ? 0 : chunks);
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
  });
});
