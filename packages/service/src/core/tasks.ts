import { isDeepStrictEqual } from 'node:util';
import type { StageName, StepProgress, StepRequest, StepResult, TaskList, TaskStatus } from '@mediajob/contract';
import { ProblemError } from './problem.js';
import { requestContext, withRequestContext } from './request-context.js';
import { RunMeter } from './run-meter.js';
import { failureOf, interrupted } from './task-failure.js';

/** What a run may write to its log; the same as the logger of packages/steps. */
export interface TaskLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface TaskContext {
  /** Aborted on cancel and on shutdown; the run must then stop its children and settle. */
  signal: AbortSignal;
  progress(progress: StepProgress): void;
  log: TaskLogger;
}

/** Does the work of one task. An error with a `failure` (a StepFailure) says how it failed; any other is Internal. */
export type TaskRun = (request: StepRequest, context: TaskContext) => Promise<StepResult>;

export interface TaskQueueOptions {
  instance: string;
  /** Stages served here. */
  stages: readonly StageName[];
  /** Tasks run at once. */
  concurrency: number;
  run: TaskRun;
  /** A logger for one task. */
  logger(task: { id: string; request: StepRequest }): TaskLogger;
  meter?: RunMeter;
  /** Tasks that may wait; more are asked to come again with 503 busy. */
  maxQueued?: number;
  /** Finished tasks kept, for their answer to be fetched: at most this many… */
  keepFinished?: number;
  /** …and for at most this long, in ms. */
  keepFinishedMs?: number;
  /** Least time in ms between two events of one task's progress. */
  progressEveryMs?: number;
  now?: () => Date;
  onFinished?(status: TaskStatus): void;
}

interface Task {
  readonly id: string;
  readonly request: StepRequest;
  readonly abort: AbortController;
  readonly listeners: Set<(status: TaskStatus) => void>;
  status: TaskStatus;
  cancelled: boolean;
  usage: () => TaskStatus['usage'];
  start(): Promise<void>;
  pendingEvent: NodeJS.Timeout | undefined;
}

/**
 * The tasks of one worker process. A task's id is the run's name, so a PUT may be sent again after any doubt:
 * the same content answers the same task, another content is refused. Tasks live in memory only: a new process is a
 * new instance that knows none, and main then puts them again; what a run had finished is on the volume.
 */
export class TaskQueue {
  readonly #options: Required<Omit<TaskQueueOptions, 'onFinished'>> & Pick<TaskQueueOptions, 'onFinished'>;
  readonly #tasks = new Map<string, Task>();
  readonly #queue: Task[] = [];
  readonly #running = new Set<Task>();
  #idle: (() => void)[] = [];
  #draining = false;

  constructor(options: TaskQueueOptions) {
    this.#options = {
      maxQueued: 1000,
      keepFinished: 1000,
      keepFinishedMs: 3_600_000,
      progressEveryMs: 250,
      now: () => new Date(),
      ...options,
      meter: options.meter ?? new RunMeter(),
    };
  }

  /**
   * Starts a task, or answers the one that exists.
   *
   * @throws ProblemError task-differs, validation-failed (stage), shutting-down, busy
   */
  put(id: string, request: StepRequest): { status: TaskStatus; created: boolean } {
    const existing = this.#tasks.get(id);
    if (existing !== undefined) {
      if (isDeepStrictEqual(existing.request, request)) return { status: this.#statusOf(existing), created: false };
      throw new ProblemError(
        'task-differs',
        `Task ${id} exists with another content. The same run must be put with the same content; take a new attempt for another.`,
      );
    }
    const { stages, maxQueued, concurrency } = this.#options;
    if (!stages.includes(request.stage)) {
      const message = `is ${request.stage}; this service runs ${stages.join(', ')}`;
      throw new ProblemError('validation-failed', `“stage” ${message}. Put the task to the service that runs it.`, {
        errors: [{ path: 'stage', message }],
      });
    }
    if (this.#draining) {
      throw new ProblemError(
        'shutting-down',
        'This instance is shutting down. Put the task to another, or try again shortly.',
        {
          headers: { 'retry-after': '5' },
        },
      );
    }
    if (this.#queue.length >= maxQueued) {
      throw new ProblemError(
        'busy',
        `${this.#queue.length} tasks wait here already, ${concurrency} run at once. Put it to another instance, or try again shortly.`,
        { headers: { 'retry-after': '10' } },
      );
    }
    const task = this.#newTask(id, request);
    this.#tasks.set(id, task);
    this.#queue.push(task);
    this.#pump();
    return { status: this.#statusOf(task), created: true };
  }

  /** @throws ProblemError task-not-found */
  get(id: string): TaskStatus {
    return this.#statusOf(this.#find(id));
  }

  /** Load and unfinished tasks: main asks every second, so finished ones are told only by their id. */
  list(): TaskList {
    this.#forget();
    return {
      instance: this.#options.instance,
      capacity: this.#options.concurrency,
      running: this.#running.size,
      queued: this.#queue.length,
      draining: this.#draining,
      tasks: [...this.#tasks.values()]
        .filter((task) => task.status.finishedAt === undefined)
        .map((task) => this.#statusOf(task)),
    };
  }

  /**
   * Cancels a task that has not finished; a running one is `cancelled` once its run has settled.
   *
   * @throws ProblemError task-not-found
   */
  cancel(id: string): TaskStatus {
    const task = this.#find(id);
    if (task.status.finishedAt === undefined) {
      task.cancelled = true;
      task.abort.abort(new Error('cancelled'));
      const position = this.#queue.indexOf(task);
      if (position >= 0) {
        this.#queue.splice(position, 1);
        this.#finish(task, { state: 'cancelled' });
      }
    }
    return this.#statusOf(task);
  }

  /**
   * Calls `listener` with the present status and then with each change, until the task has finished.
   *
   * @returns a function that ends it
   * @throws ProblemError task-not-found
   */
  subscribe(id: string, listener: (status: TaskStatus) => void): () => void {
    const task = this.#find(id);
    task.listeners.add(listener);
    listener(this.#statusOf(task));
    return () => task.listeners.delete(listener);
  }

  /** From now on nothing new is taken; what waits is given back as Interrupted, what runs goes on. */
  stopTaking(): void {
    this.#draining = true;
    for (const task of this.#queue.splice(0)) this.#finish(task, { state: 'failed', failure: interrupted() });
  }

  /** Aborts what runs, and waits until all of it has settled. */
  async stopRunning(): Promise<void> {
    this.stopTaking();
    for (const task of this.#running) task.abort.abort(new Error('shutting down'));
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  get running(): number {
    return this.#running.size;
  }

  get queued(): number {
    return this.#queue.length;
  }

  #newTask(id: string, request: StepRequest): Task {
    // The run belongs to the request that put it: its log lines carry that request's id and trace.
    const context = requestContext();
    const task: Task = {
      id,
      request,
      abort: new AbortController(),
      listeners: new Set(),
      cancelled: false,
      usage: () => undefined,
      pendingEvent: undefined,
      status: {
        id,
        instance: this.#options.instance,
        stage: request.stage,
        state: 'queued',
        createdAt: this.#options.now().toISOString(),
      },
      start: () => (context === undefined ? this.#run(task) : withRequestContext(context, () => this.#run(task))),
    };
    return task;
  }

  #pump(): void {
    while (this.#running.size < this.#options.concurrency) {
      const task = this.#queue.shift();
      if (task === undefined) return;
      this.#running.add(task);
      task.status = { ...task.status, state: 'running', startedAt: this.#options.now().toISOString() };
      this.#tell(task);
      void task.start();
    }
  }

  async #run(task: Task): Promise<void> {
    const log = this.#options.logger(task);
    let outcome: Pick<TaskStatus, 'state' | 'result' | 'failure'>;
    try {
      log.info({ attempt: task.id }, `${task.request.stage} started`);
      const result = await this.#options.meter.measure((usage) => {
        task.usage = usage;
        return this.#options.run(task.request, {
          signal: task.abort.signal,
          log,
          progress: (progress) => this.#onProgress(task, progress),
        });
      });
      outcome = { state: 'succeeded', result };
    } catch (error) {
      outcome = this.#outcomeOf(task, error);
      if (outcome.state === 'failed')
        log.error({ err: error, failure: outcome.failure }, `${task.request.stage} failed`);
    }
    this.#running.delete(task);
    this.#finish(task, outcome);
    log.info({ state: outcome.state, usage: task.status.usage }, `${task.request.stage} ${outcome.state}`);
    this.#pump();
    if (this.#running.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #outcomeOf(task: Task, error: unknown): Pick<TaskStatus, 'state' | 'failure'> {
    if (task.cancelled) return { state: 'cancelled' };
    // Whatever an aborted run throws, it was interrupted: it may be tried again, uncounted.
    if (task.abort.signal.aborted) return { state: 'failed', failure: interrupted() };
    return { state: 'failed', failure: failureOf(error) };
  }

  #onProgress(task: Task, progress: StepProgress): void {
    if (task.status.finishedAt !== undefined) return;
    task.status = { ...task.status, progress };
    // Progress comes faster than anyone reads: the newest is told at most every so often.
    task.pendingEvent ??= setTimeout(() => {
      task.pendingEvent = undefined;
      this.#tell(task);
    }, this.#options.progressEveryMs).unref();
  }

  #finish(task: Task, outcome: Pick<TaskStatus, 'state' | 'result' | 'failure'>): void {
    clearTimeout(task.pendingEvent);
    const usage = task.usage();
    task.usage = () => usage;
    task.status = {
      ...task.status,
      ...outcome,
      ...(usage === undefined ? {} : { usage }),
      finishedAt: this.#options.now().toISOString(),
    };
    this.#tell(task);
    task.listeners.clear();
    this.#options.onFinished?.(task.status);
    this.#forget();
  }

  #statusOf(task: Task): TaskStatus {
    const usage = task.usage();
    return usage === undefined ? task.status : { ...task.status, usage };
  }

  #tell(task: Task): void {
    const status = this.#statusOf(task);
    for (const listener of task.listeners) listener(status);
  }

  #find(id: string): Task {
    const task = this.#tasks.get(id);
    if (task !== undefined) return task;
    throw new ProblemError(
      'task-not-found',
      `Instance ${this.#options.instance} knows no task ${id}. It may have been started again since; put the task once more.`,
    );
  }

  #forget(): void {
    const { keepFinished, keepFinishedMs, now } = this.#options;
    const finished = [...this.#tasks.values()].filter((task) => task.status.finishedAt !== undefined);
    finished.sort((a, b) => (a.status.finishedAt ?? '').localeCompare(b.status.finishedAt ?? ''));
    const oldest = new Date(now().getTime() - keepFinishedMs).toISOString();
    finished.forEach((task, position) => {
      const tooMany = position < finished.length - keepFinished;
      if (tooMany || (task.status.finishedAt ?? '') < oldest) this.#tasks.delete(task.id);
    });
  }
}
