import { CreateJob, type CreateJobInput, type MediaJob, type ServerEvent } from '@mediajob/contract';
import {
  type Call,
  type Fault,
  inOrder,
  lostBefore,
  type Process,
  type SimulationOptions,
  World,
} from '../../../../packages/kube/test/memory-api/index.js';
import { JobsService } from '../../src/jobs/jobs.service.js';
import { Cluster } from '../../src/kubernetes/cluster.js';
import { type MediaJobObject, MediaJobs } from '../../src/kubernetes/media-job-kind.js';
import { type Effect, MemoryOutboxFiles, OutboxDisk } from './memory-outbox-files.js';

export const NAMESPACE = 'media';

/** The only upload there is, unless a test says otherwise. */
export const UPLOAD = 'uploads/01JD0000000000000000000ABC/source';
export const NAME = 'job-01jd0000000000000000000abc';

export const request = (input: Partial<CreateJobInput['spec']> = {}, metadata: CreateJobInput['metadata'] = {}) =>
  CreateJob.parse({ metadata, spec: { source: { path: UPLOAD }, transcribe: {}, ...input } });

/** An API server in memory, a volume, and the mains over both. */
export class ClusterWorld {
  readonly world: World;
  readonly disk = new OutboxDisk();
  /** What becomes of calls, of all mains: nothing bad when left out. */
  faults: (call: Call) => Fault | undefined = () => undefined;
  #mains = 0;

  constructor(options: SimulationOptions = { choose: inOrder }) {
    this.world = new World(options);
    this.world.server.register(MediaJobs, { status: true, validate: immutable });
  }

  /** The API server is away: nothing arrives there. */
  goAway(): void {
    this.faults = () => lostBefore;
  }

  comeBack(): void {
    this.faults = () => undefined;
  }

  start(): ClusterMain {
    this.#mains++;
    return new ClusterMain(this, this.world.process(`main-${this.#mains}`));
  }

  jobs(): MediaJobObject[] {
    return this.world.server.all(MediaJobs, { namespace: NAMESPACE });
  }

  /** What `kubectl apply` would make. */
  apply(name: string, spec: object, metadata: object = {}): MediaJobObject {
    return this.world.server.create(MediaJobs, {
      apiVersion: 'mediajob.io/v1alpha1',
      kind: 'MediaJob',
      metadata: { name, namespace: NAMESPACE, ...metadata },
      spec,
    });
  }

  patchStatus(name: string, status: object): void {
    const body = { status };
    this.world.server.patch(
      MediaJobs,
      { namespace: NAMESPACE, name },
      { type: 'merge', body },
      { subresource: 'status' },
    );
  }

  async until(what: () => boolean): Promise<void> {
    if (!(await this.world.simulation.run(what))) throw new Error('it never came to be so');
  }

  async pass(ms: number): Promise<void> {
    await this.world.simulation.runFor(ms);
  }

  /** What a promise comes to, with the world going on meanwhile. */
  async settle<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const end = () => {
      over = true;
    };
    work.then(end, end);
    await this.until(() => over);
    return work;
  }
}

/** One life of main. */
export class ClusterMain {
  readonly cluster: Cluster;
  readonly service: JobsService;
  readonly files: MemoryOutboxFiles;
  readonly events: ServerEvent[] = [];
  readonly process: Process;
  readonly #world: ClusterWorld;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(world: ClusterWorld, process: Process) {
    this.#world = world;
    this.process = process;
    this.files = new MemoryOutboxFiles(world.disk);
    process.api.faults = (call) => world.faults(call);
    this.cluster = new Cluster({
      api: process.api,
      namespace: NAMESPACE,
      files: this.files,
      environment: process.environment,
      publish: (event) => this.events.push(event),
    });
    this.service = new JobsService(this.cluster.jobs, { check: async () => 'Talk.mp3' });
    const { signal } = this.#stop;
    const delivery = this.cluster.outbox.load().then(() => this.cluster.delivery.run(signal));
    this.#running = Promise.all([this.cluster.watch(signal), delivery]);
  }

  /** Asked before each write on the disk and at the API server, as kill -9 may come at any of them. */
  set effect(effect: Effect) {
    const dying: Effect = () => {
      const fate = effect();
      if (fate !== 'go-on') this.kill();
      return fate;
    };
    this.files.effect = dying;
    this.process.api.faults = (call) => {
      const fate = call.isWrite ? dying() : 'go-on';
      return fate === 'go-on' ? this.#world.faults(call) : { applied: fate === 'die-after' };
    };
  }

  /** An orderly end. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  kill(): void {
    this.files.die();
    this.#world.world.kill(this.process);
  }

  create(...wish: Parameters<typeof request>): Promise<Awaited<ReturnType<JobsService['create']>>> {
    return this.#world.settle(this.service.create(request(...wish)));
  }

  do<T>(work: (service: JobsService) => Promise<T>): Promise<T> {
    return this.#world.settle(work(this.service));
  }

  listed(): MediaJob[] {
    return this.service.list({ limit: 500 }).items;
  }

  told(type: ServerEvent['type']): ServerEvent[] {
    return this.events.filter((event) => event.type === type);
  }
}

/** As the CustomResourceDefinition's rules have it. */
function immutable(object: object, before: object | undefined): string | undefined {
  const work = (it: object | undefined) =>
    JSON.stringify((it as { spec?: { source?: unknown } } | undefined)?.spec?.source);
  const retries = (object as { spec?: { retries?: number } }).spec?.retries ?? 0;
  if (retries > 10) return 'spec.retries: Invalid value: must be at most 10';
  return before !== undefined && work(before) !== work(object) ? 'spec.source: is immutable' : undefined;
}
