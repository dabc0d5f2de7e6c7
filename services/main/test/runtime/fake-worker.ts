import { isDeepStrictEqual } from 'node:util';
import type { StepFailure, StepProgress, StepRequest, StepResult, TaskList, TaskStatus } from '@mediajob/contract';
import type { WorkerAnswer, WorkerKind, WorkerLoad, Workers } from '../../src/runtime/workers.js';

/** How a run goes: it ends in one of these ways, or stays where it is. */
export type Behaviour = { result: StepResult } | { failure: StepFailure } | { progress: StepProgress };

export interface FakeWorkerOptions {
  readonly capacity?: number;
  /** Chunks that every conversion finds. */
  readonly chunks?: number;
  /** How each run goes; well, when left out. Asked at every look at a running run. */
  readonly behave?: (request: StepRequest, look: number) => Behaviour | undefined;
}

interface Task {
  status: TaskStatus;
  request: StepRequest;
  looks: number;
}

const SHA = 'a'.repeat(64);
let instances = 0;

/**
 * A worker process as main sees it: the tasks API without the work. A run moves on whenever it is looked at: it is
 * running at the first look, and ends at the second.
 */
export class FakeWorker {
  readonly options: FakeWorkerOptions;
  instance = '';
  draining = false;
  /** It was started over another directory than main’s. */
  elsewhere = false;
  tasks = new Map<string, Task>();
  /** Names of runs in the order in which they began, over all lives of the worker. */
  readonly begun: string[] = [];
  /** Most runs that ever ran here at once. */
  busiest = 0;

  constructor(options: FakeWorkerOptions = {}) {
    this.options = options;
    this.restart();
  }

  get capacity(): number {
    return this.options.capacity ?? 2;
  }

  /** A new process: it knows nothing. */
  restart(): void {
    instances++;
    this.instance = `worker-${instances}`;
    this.tasks = new Map();
    this.draining = false;
  }

  live(): string[] {
    return [...this.tasks.values()].filter((it) => it.status.finishedAt === undefined).map((it) => it.status.id);
  }

  list(): TaskList {
    const live = [...this.tasks.values()].map((it) => it.status).filter((it) => it.finishedAt === undefined);
    const running = live.filter((it) => it.state === 'running').length;
    return {
      instance: this.instance,
      capacity: this.capacity,
      running,
      queued: live.length - running,
      draining: this.draining,
      tasks: live,
    };
  }

  put(id: string, request: StepRequest): TaskStatus | 'busy' | 'differs' {
    const known = this.tasks.get(id);
    if (known !== undefined) return isDeepStrictEqual(known.request, request) ? known.status : 'differs';
    if (this.draining) return 'busy';
    const status: TaskStatus = {
      id,
      instance: this.instance,
      stage: request.stage,
      state: 'queued',
      createdAt: '2026-01-01T00:00:00.000Z',
    };
    this.tasks.set(id, { status, request, looks: 0 });
    this.begun.push(id);
    this.busiest = Math.max(this.busiest, this.live().length);
    return status;
  }

  get(id: string): TaskStatus | undefined {
    const task = this.tasks.get(id);
    if (task === undefined || task.status.finishedAt !== undefined) return task?.status;
    task.looks++;
    const time = '2026-01-01T00:00:01.000Z';
    if (task.looks === 1) {
      task.status = {
        ...task.status,
        state: 'running',
        startedAt: time,
        progress: { fraction: 0.25, realtimeFactor: 8 },
      };
      return task.status;
    }
    const { request } = task;
    const behaviour = this.options.behave?.(request, task.looks) ?? {
      result: resultOf(request, this.options.chunks ?? 1),
    };
    if ('progress' in behaviour) task.status = { ...task.status, progress: behaviour.progress };
    else if ('result' in behaviour) {
      task.status = { ...task.status, state: 'succeeded', finishedAt: time, result: behaviour.result };
    } else task.status = { ...task.status, state: 'failed', finishedAt: time, failure: behaviour.failure };
    return task.status;
  }

  cancel(id: string): TaskStatus | undefined {
    const task = this.tasks.get(id);
    if (task === undefined) return undefined;
    if (task.status.finishedAt === undefined) {
      task.status = { ...task.status, state: 'cancelled', finishedAt: '2026-01-01T00:00:02.000Z' };
    }
    return task.status;
  }
}

/** Workers without a network, at addresses of their own. */
export class FakeWorkers implements Workers {
  readonly workers: Record<WorkerKind, Map<string, FakeWorker>> = { converter: new Map(), transcriber: new Map() };
  /** Addresses at which nobody listens, or nobody answers. */
  readonly away = new Map<string, 'refused' | 'silent'>();
  /** Whether workers tell of runs by themselves; otherwise they have to be asked. */
  streams = false;
  readonly #followers = new Map<string, Set<{ tell: (status: TaskStatus) => void; end: () => void }>>();
  /** Called before an answer is given: a test makes things happen in between. */
  before: (call: string, id: string) => void = () => undefined;

  add(kind: WorkerKind, name: string, worker: FakeWorker): string {
    const address = `http://${name}`;
    this.workers[kind].set(address, worker);
    return address;
  }

  async loads(kind: WorkerKind): Promise<WorkerLoad[]> {
    return [...this.workers[kind]].flatMap(([address, worker]) => {
      if (this.away.has(address)) return [];
      const { instance, capacity, running, queued, draining, tasks } = worker.list();
      const { elsewhere } = worker;
      const ids = tasks.map((it) => it.id);
      return [{ address, instance, capacity, taken: running + queued, draining, elsewhere, tasks: ids }];
    });
  }

  async put(address: string, id: string, request: StepRequest): Promise<WorkerAnswer> {
    this.before('put', id);
    return this.#reach(address, (worker) => {
      const answer = worker.put(id, request);
      if (answer === 'busy') return { kind: 'busy', detail: 'shutting down' };
      if (answer === 'differs') return { kind: 'rejected', detail: 'another content' };
      return { kind: 'status', status: answer };
    });
  }

  async get(address: string, id: string): Promise<WorkerAnswer> {
    this.before('get', id);
    return this.#reach(address, (worker) => known(worker.get(id)));
  }

  async cancel(address: string, id: string): Promise<WorkerAnswer> {
    this.before('cancel', id);
    return this.#reach(address, (worker) => known(worker.cancel(id)));
  }

  follow(address: string, id: string, tell: (status: TaskStatus) => void, signal: AbortSignal): Promise<void> {
    const answer = this.#reach(address, (worker) => known(worker.tasks.get(id)?.status));
    if (!this.streams || answer.kind !== 'status') return Promise.resolve();
    this.before('follow', id);
    return new Promise((resolve) => {
      const follower = { tell, end: resolve };
      const followers = this.#followers.get(id) ?? new Set();
      this.#followers.set(id, followers.add(follower));
      signal.addEventListener('abort', () => {
        followers.delete(follower);
        resolve();
      });
      tell(answer.status);
    });
  }

  /** How many follow a run. */
  followers(id: string): number {
    return this.#followers.get(id)?.size ?? 0;
  }

  /** A run moves on, and its worker tells so. */
  tell(address: string, id: string): void {
    const answer = this.#reach(address, (worker) => known(worker.get(id)));
    if (answer.kind !== 'status') return;
    for (const { tell } of this.#followers.get(id) ?? []) tell(answer.status);
  }

  /** Streams of a run are cut. */
  cut(id: string): void {
    for (const { end } of this.#followers.get(id) ?? []) end();
    this.#followers.delete(id);
  }

  #reach(address: string, ask: (worker: FakeWorker) => WorkerAnswer): WorkerAnswer {
    const away = this.away.get(address);
    const worker = this.workers.converter.get(address) ?? this.workers.transcriber.get(address);
    if (away !== undefined || worker === undefined) {
      return { kind: 'unreachable', refused: away !== 'silent', detail: away ?? 'no such worker' };
    }
    return ask(worker);
  }
}

function known(status: TaskStatus | undefined): WorkerAnswer {
  return status === undefined ? { kind: 'unknown' } : { kind: 'status', status };
}

/** What a step answers when all goes well. */
export function resultOf(request: StepRequest, chunks: number): StepResult {
  const manifest = { path: `jobs/${request.jobId}/work/${request.stage}.manifest.json`, sha256: SHA };
  const finalized = {
    stage: 'finalize' as const,
    language: 'en',
    segments: 1,
    words: 2,
    doubtful: 0,
    outputs: [{ name: 'transcript.json', format: 'json', bytes: 10 }],
    manifest,
  };
  switch (request.stage) {
    case 'convert':
      return {
        stage: 'convert',
        media: {
          durationMs: 60_000,
          container: 'wav',
          audioCodec: 'pcm_s16le',
          sampleRate: 16_000,
          channels: 1,
          audioTracks: 1,
          video: false,
          bytes: 1000,
        },
        chunks: request.transcript ? chunks : 0,
        speechMs: 50_000,
        manifest,
      };
    case 'transcribe':
      return {
        stage: 'transcribe',
        shard: request.shard,
        chunks: request.chunks.to - request.chunks.from,
        reused: 0,
        audioMs: 60_000,
        language: 'en',
        languageProbability: 0.9,
        ...(request.finalize === undefined ? {} : { finalize: finalized }),
        manifest,
      };
    case 'finalize':
      return finalized;
    case 'render':
      return { stage: 'render', outputs: [{ name: 'media.mp3', format: 'mp3', bytes: 5 }], manifest };
    case 'cleanup':
      return { stage: 'cleanup', removed: 0 };
  }
}
