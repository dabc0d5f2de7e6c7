import { Annotation, MediaJobSpec, MediaJobStatus, TERMINAL_PHASES } from '@mediajob/contract';
import { CoreEvents, Jobs, Namespaces, PersistentVolumeClaims, Pods } from '@mediajob/kube';
import { atRandom, collectGarbage, refused, World } from '../../../packages/kube/test/memory-api/index.js';
import { type MediaJobObject, MediaJobs } from '../../src/media-job-kind.js';
import { parseProfiles, profilesOf } from '../../src/profiles.js';
import { NAMESPACE } from '../builders.js';
import { CONFIG } from '../rig.js';
import { Chance } from './chance.js';
import { Kubelet, NODES } from './kubelet.js';
import { Ledger } from './ledger.js';
import { MiniJobController } from './mini-job-controller.js';
import { People } from './people.js';
import { Promises } from './promises.js';
import { Replicas } from './replicas.js';
import { Story } from './story.js';

const NAMES = ['talk', 'film', 'song'];
const SKEW_MS = 60_000;
/** Counts of events are written so long after the last of them, at most. */
const EVENT_SERIES_MS = 480_000;
const QUIET_MS = 900_000;
const LONGEST_CALM_MS = 8 * 3_600_000;
const JOB_TTL_SECONDS = 120;

/** What came out of one seed; for figures. */
export interface Outcome {
  readonly seed: number;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly jobs: number;
  readonly phases: readonly string[];
  /** API writes that the MediaJob took which took most; Leases and Events left out. */
  readonly mostWrites: number;
  /** Writes to what is allowed, of the MediaJob that came nearest to that: 1 at most. */
  readonly nearestToBound: number;
  /** The same for the same seed. */
  readonly trace: string;
}

export class SimulationError extends Error {
  override readonly name = 'SimulationError';
  readonly code = 'promise-broken';

  constructor(seed: number, broken: readonly string[], story: readonly string[]) {
    super(
      [
        `seed ${seed}: ${broken.join('; ')}`,
        '',
        ...story,
        '',
        `seed ${seed}: ${broken.join('; ')}`,
        `again: npm run simulate -- --seeds 1 --from ${seed}`,
      ].join('\n'),
    );
  }
}

/** Profiles of a file that somebody changes. */
class ChangingProfiles {
  readonly #listeners = new Set<() => void>();
  #profiles = profilesOf({ profiles: {} });

  get names() {
    return this.#profiles.names;
  }
  pod: ReturnType<typeof profilesOf>['pod'] = (name, stage) => this.#profiles.pod(name, stage);
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }
  set(yaml: string): void {
    this.#profiles = profilesOf(parseProfiles(yaml));
    for (const listener of this.#listeners) listener();
  }
}

/** The whole controller in a cluster where everything may go wrong, and then no more; all of it from one seed. */
class ClusterSimulation {
  readonly #seed: number;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #story: Story;
  readonly #ledger = new Ledger();
  readonly #profiles = new ChangingProfiles();
  readonly #kubelet: Kubelet;
  readonly #promises: Promises;
  readonly #people: People;
  readonly #jobController: MiniJobController;
  readonly #replicas: Replicas;
  readonly #enabled: readonly boolean[];
  #steps = 0;
  #quotaUsedUp = false;

  constructor(seed: number) {
    this.#seed = seed;
    const world = new World({ seed });
    this.#world = world;
    const { simulation, server } = world;
    this.#chance = new Chance(simulation.random);
    simulation.choose = atRandom(simulation.random, this.#chance.pick([1, 3, 8]));
    this.#enabled = Array.from({ length: 16 }, (_, index) => index === 0 || this.#chance.hits(0.6));
    this.#story = new Story(() => simulation.now);
    server
      .register(MediaJobs, {
        status: true,
        listKeys: { 'status.stages': ['name'], 'status.conditions': ['type'], 'status.outputs': ['name'] },
      })
      .register(CoreEvents, { selectable: ['reason', 'involvedObject.kind'] });
    server.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    for (const name of ['media', 'models']) {
      const metadata = { name, namespace: NAMESPACE };
      server.create(PersistentVolumeClaims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata });
    }
    const common = { server, simulation, chance: this.#chance, ledger: this.#ledger, story: this.#story };
    this.#kubelet = new Kubelet({
      ...common,
      progress: (uid, run, fraction) => this.#replicas.report(uid, run, fraction),
    });
    this.#promises = new Promises({ ...common, kubelet: this.#kubelet });
    this.#jobController = new MiniJobController(server, simulation, (job, why) => this.#failedCreate(job, why));
    this.#people = new People(common);
    const skewMs = this.#chance.pick([0, 2_000, SKEW_MS]);
    this.#replicas = new Replicas({
      world,
      chance: this.#chance,
      story: this.#story,
      ledger: this.#ledger,
      config: { ...CONFIG, jobs: { ...CONFIG.jobs, ttlSeconds: JOB_TTL_SECONDS } },
      profiles: this.#profiles,
      count: this.#chance.pick([1, 2, 2]),
      skewMs,
      faults: this.#chance.pick([0, 0.02, 0.08]),
      mistake: (what) => this.#promises.break(what),
    });
    server.table(MediaJobs).listeners.add(({ type }) => type === 'DELETED' && this.#collectGarbage());
    server.table(Jobs).listeners.add(({ type }) => type === 'DELETED' && this.#collectGarbage());
  }

  async run(): Promise<Outcome> {
    const { simulation } = this.#world;
    await this.#chaos();
    this.#calm();
    await this.#until(() => this.#isSettled(), LONGEST_CALM_MS, 'no job is under way any more');
    this.#checkOutcomes();
    await this.#until(() => this.#isClean(), LONGEST_CALM_MS, 'nothing is left of the runs');
    const phases = this.#people.jobs.map((it) => statusOf(it).phase);
    await this.#quiet();
    for (const { metadata } of this.#people.jobs) this.#people.delete(metadata.name);
    const isGone = () => this.#people.jobs.length === 0 && this.#isClean();
    await this.#until(isGone, LONGEST_CALM_MS, 'nothing is left of deleted jobs');
    const { mostWrites, nearestToBound } = this.#checkWrites();
    return {
      seed: this.#seed,
      steps: this.#steps,
      simulatedMs: simulation.now - START_MS,
      jobs: [...this.#ledger.jobs.values()].reduce((a, b) => a + b, 0),
      phases,
      mostWrites,
      nearestToBound,
      trace: `${simulation.now} ${this.#world.server.version} ${simulation.trace.length} ${simulation.trace.at(-1)}`,
    };
  }

  async #chaos(): Promise<void> {
    const { simulation } = this.#world;
    let left = this.#chance.whole(5, 40);
    const pause = this.#chance.pick([4_000, 16_000, 50_000]);
    this.#people.create(this.#chance.pick(NAMES));
    const happen = () => {
      this.#happen();
      left -= 1;
      if (left > 0)
        simulation.at(simulation.now + this.#chance.between(0, pause), 'world', 'something happens', happen);
    };
    happen();
    while (left > 0) await this.#step();
  }

  #calm(): void {
    this.#story.tell('world', 'is kind from here on');
    this.#kubelet.kind = true;
    // Whatever is asked is answered before more time passes.
    this.#world.simulation.choose = atRandom(this.#chance.random, 0);
    for (const node of NODES) this.#kubelet.find(node);
    this.#quotaUsedUp = false;
    this.#jobController.refuse = () => undefined;
    this.#world.server.admit = () => undefined;
    this.#profiles.set(PROFILES);
    this.#replicas.calm();
    this.#people.calm();
  }

  #happen(): void {
    const { server, simulation } = this.#world;
    const chance = this.#chance;
    const replica = chance.pick([...this.#replicas.running.values()]);
    const kinds = [MediaJobs, Jobs, Pods];
    const job = chance.pick(this.#people.jobs);
    const all: [number, () => void][] = [
      [5, () => this.#people.create(chance.pick(NAMES))],
      [12, () => job && this.#meddle(job.metadata.name)],
      [3, () => replica?.process.api.cutWatches(chance.pick(kinds))],
      [
        2,
        () => {
          server.compact();
          replica?.process.api.cutWatches();
        },
      ],
      [
        4,
        () => {
          replica?.process.api.holdWatches(chance.pick(kinds));
          const later = simulation.now + chance.between(0, 40_000);
          simulation.at(later, 'world', 'watches go on', () => replica?.process.api.releaseWatches());
        },
      ],
      [3, () => replica && this.#replicas.pause(replica, chance.between(1_000, 90_000))],
      [2, () => replica && this.#replicas.kill(replica)],
      [1, () => replica?.stop.abort()],
      [
        3,
        () => {
          const pod = chance.pick(this.#kubelet.unended);
          if (pod !== undefined) this.#kubelet.disrupt(pod);
        },
      ],
      [2, () => this.#kubelet.lose(chance.pick(NODES), chance.between(10_000, 2_400_000))],
      [1, () => this.#useUpQuota(!this.#quotaUsedUp)],
      [2, () => this.#profiles.set(chance.pick(['profiles: {}', PROFILES, OTHER_PROFILES]))],
    ];
    // What happens at all differs from seed to seed: much of a few things finds what a little of everything does not.
    chance.weighted(all.map(([weight, deed], index) => [this.#enabled[index] === false ? 0 : weight, deed] as const))();
  }

  /** People often change their minds at once. */
  #meddle(name: string): void {
    const { simulation } = this.#world;
    const job = this.#people.jobs.find(({ metadata }) => metadata.name === name);
    if (this.#kubelet.kind || job === undefined || job.metadata.deletionTimestamp !== undefined) return;
    this.#people.meddle(job);
    if (!this.#chance.hits(0.4)) return;
    const again = simulation.now + this.#chance.between(0, 15_000);
    simulation.at(again, 'world', `${name} once more`, () => this.#meddle(name));
  }

  #useUpQuota(used: boolean): void {
    this.#quotaUsedUp = used;
    const why = 'pods "x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=9, limited: pods=9';
    this.#story.tell('person', used ? 'takes the quota away' : 'gives quota again');
    if (this.#chance.hits(0.5)) this.#jobController.refuse = () => (used ? why : undefined);
    else {
      this.#world.server.admit = ({ kind, operation }) =>
        used && kind.plural === Jobs.plural && operation === 'create'
          ? refused(403, 'Forbidden', `was answered with 403 Forbidden: ${why}`)
          : undefined;
    }
  }

  #failedCreate(job: { metadata: { name: string; uid: string } }, message: string): void {
    const { name, uid } = job.metadata;
    this.#world.server.create(CoreEvents, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { generateName: `${name}.`, namespace: NAMESPACE },
      involvedObject: { kind: 'Job', name, uid, namespace: NAMESPACE },
      reason: 'FailedCreate',
      message,
      type: 'Warning',
    });
  }

  #collectGarbage(): void {
    const { simulation, server } = this.#world;
    simulation.at(simulation.now + this.#chance.between(0, 10_000), 'gc', 'collects garbage', () => {
      while (collectGarbage(server)) {
        // Another round finds what the last one left.
      }
    });
  }

  /** Every job has ended, and those that have a time to live, or were deleted, are gone. */
  #isSettled(): boolean {
    return this.#people.jobs.every((job) => {
      const { spec, metadata } = job;
      const { cancel, ttlSecondsAfterFinished } = spec as MediaJobSpec;
      if (metadata.deletionTimestamp !== undefined || ttlSecondsAfterFinished !== undefined) return false;
      const { phase, retryToken } = statusOf(job);
      const token = metadata.annotations?.[Annotation.retry];
      return TERMINAL_PHASES.includes(phase) && (token === undefined || token === retryToken || cancel);
    });
  }

  #isClean(): boolean {
    const { server } = this.#world;
    return server.all(Jobs).length === 0 && server.all(Pods).length === 0;
  }

  #checkOutcomes(): void {
    for (const job of this.#people.jobs) {
      const { name, uid } = job.metadata;
      const { phase, attempt, message, conditions, startedAt, finishedAt } = statusOf(job);
      const spec = MediaJobSpec.parse(job.spec);
      const { chunks = 0 } = this.#ledger.natures.get(uid) ?? {};
      const done = (stage: 'convert' | 'transcribe' | 'finalize' | 'render', shard = 0) =>
        this.#ledger.isDone({ uid, stage, shard, attempt });
      const reason = conditions.find(({ type }) => type === 'Failed')?.reason;
      if (phase === 'Succeeded') {
        const shards = spec.transcribe === undefined ? 0 : Math.ceil(chunks / 2);
        const wanted = [
          done('convert'),
          ...Array.from({ length: shards }, (_, shard) => done('transcribe', shard)),
          ...(spec.transcribe !== undefined && shards !== 1 ? [done('finalize')] : []),
          ...(spec.convert.renditions.length > 0 ? [done('render')] : []),
        ];
        if (wanted.includes(false)) this.#promises.break(`${name} is said to have succeeded, and has not: ${wanted}`);
      } else if (phase === 'Failed') {
        const ms = Date.parse(finishedAt ?? '') - Date.parse(startedAt ?? '');
        const why =
          reason === 'DeadlineExceeded' ? ms >= this.#ledger.deadlineMs(uid) : this.#ledger.mayHaveFailed(uid, attempt);
        if (!why) this.#promises.break(`${name} is said to have failed without a cause: ${message}`);
      } else if (phase !== 'Cancelled' || !spec.cancel) {
        this.#promises.break(`${name} ends as ${phase}, and cancel is ${spec.cancel}`);
      }
    }
    this.#throwIfBroken();
  }

  /** With nothing to do, nothing is written. */
  async #quiet(): Promise<void> {
    // Events are told in a series for some minutes.
    await this.#pass(EVENT_SERIES_MS);
    const before = Promises.writesOf(this.#replicas);
    await this.#pass(QUIET_MS);
    const writes = Promises.writesOf(this.#replicas) - before;
    if (writes > 0) this.#promises.break(`${writes} writes although there is nothing to do`);
    if (this.#replicas.leaders.length !== 1)
      this.#promises.break(`${this.#replicas.leaders.length} leaders at the end`);
    this.#throwIfBroken();
  }

  #checkWrites(): { mostWrites: number; nearestToBound: number } {
    this.#promises.countWrites(this.#replicas);
    let mostWrites = 0;
    let nearestToBound = 0;
    for (const [uid, writes] of this.#promises.writes) {
      const bound = writeBound(this.#ledger, uid);
      mostWrites = Math.max(mostWrites, writes);
      nearestToBound = Math.max(nearestToBound, writes / bound);
      if (writes > bound) this.#promises.break(`${writes} writes for ${uid}, of which ${bound} are allowed`);
    }
    this.#throwIfBroken();
    return { mostWrites, nearestToBound };
  }

  async #pass(ms: number): Promise<void> {
    const { simulation } = this.#world;
    const end = simulation.now + ms;
    await this.#until(() => simulation.now >= end, 2 * ms, TIME_PASSES);
  }

  async #until(holds: () => boolean, mostMs: number, what: string): Promise<void> {
    const { simulation, server } = this.#world;
    const end = simulation.now + mostMs;
    let looked: string | number = '';
    for (;;) {
      // Most steps change nothing that it depends on.
      const moment = what === TIME_PASSES ? simulation.now : server.version;
      if (moment !== looked && holds()) return;
      looked = moment;
      if (simulation.now >= end) {
        const left = this.#people.jobs.map(
          (job) => `${job.metadata.name} is ${statusOf(job).phase}: ${statusOf(job).message}`,
        );
        const jobs = this.#world.server.all(Jobs).map(({ metadata }) => metadata.name);
        this.#promises.break(
          `after ${mostMs} ms without a fault it does not hold that ${what}: ${left.join(', ')}; ${jobs}`,
        );
        this.#throwIfBroken();
      }
      await this.#step();
    }
  }

  async #step(): Promise<void> {
    this.#steps += 1;
    await this.#world.simulation.step();
    this.#promises.checkCalls(this.#replicas);
    this.#throwIfBroken();
  }

  #throwIfBroken(): void {
    if (this.#promises.broken.length > 0) {
      throw new SimulationError(this.#seed, this.#promises.broken, this.#story.last);
    }
  }
}

const NEW = MediaJobStatus.parse({});
const TIME_PASSES = 'time passes';
const START_MS = Date.parse('2026-01-01T00:00:00.000Z');
const PROFILES = 'profiles: {gpu: {}}';
const OTHER_PROFILES = 'profiles: {gpu: {}, default: {convert: {resources: {requests: {cpu: "3"}}}}}';

/**
 * API writes that a MediaJob may take, Leases and Events left out: so many for itself, for each Job and each pod of it,
 * and for each thing that a person did to it.
 */
export function writeBound({ jobs, pods, deeds }: Ledger, uid: string): number {
  return 12 + 6 * (jobs.get(uid) ?? 0) + 8 * (pods.get(uid) ?? 0) + 8 * (deeds.get(uid) ?? 0);
}

/** It was looked at when it was written. */
function statusOf({ status }: MediaJobObject): MediaJobStatus {
  return { ...NEW, ...(status as Partial<MediaJobStatus> | undefined) };
}

/** @throws SimulationError that tells which promise is broken, and how to see it again */
export function simulate(seed: number): Promise<Outcome> {
  return new ClusterSimulation(seed).run();
}
