import type { StepRequest, TaskStatus } from '@mediajob/contract';

export const WORKER_KINDS = ['converter', 'transcriber'] as const;
export type WorkerKind = (typeof WORKER_KINDS)[number];

/** What one worker process is doing, as it last said. */
export interface WorkerLoad {
  readonly address: string;
  readonly instance: string;
  /** Runs at once. */
  readonly capacity: number;
  /** Runs that run or wait there. */
  readonly taken: number;
  readonly draining: boolean;
  /** It does not have main’s media volume: it is given nothing. */
  readonly elsewhere?: boolean;
  /** Ids of runs that have not ended there. */
  readonly tasks: readonly string[];
}

/**
 * What a worker said about a run.
 * - status: it knows the run.
 * - unknown: it knows no such run.
 * - busy: it takes nothing now; another may, or itself later.
 * - rejected: it will never take this request.
 * - unreachable: nobody knows; `refused` when no process listens there at all, so that nothing runs there either.
 */
export type WorkerAnswer =
  | { readonly kind: 'status'; readonly status: TaskStatus }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'busy'; readonly detail: string }
  | { readonly kind: 'rejected'; readonly detail: string }
  | { readonly kind: 'unreachable'; readonly refused: boolean; readonly detail: string };

/** The workers as the runtime needs them. None of these throws for what a worker or the network does. */
export interface Workers {
  /** Loads of all workers of a kind that answer. */
  loads(kind: WorkerKind): Promise<WorkerLoad[]>;
  put(address: string, id: string, request: StepRequest): Promise<WorkerAnswer>;
  get(address: string, id: string): Promise<WorkerAnswer>;
  cancel(address: string, id: string): Promise<WorkerAnswer>;
  /**
   * Tells the status of a run now and at each change, as its worker does by itself. Ends with the run, with the
   * connection, with `signal`, or at once where a worker cannot: it is the quick way to know, `get` the sure one.
   */
  follow(address: string, id: string, tell: (status: TaskStatus) => void, signal: AbortSignal): Promise<void>;
}

/** Which kind of worker runs a stage; undefined: the runtime itself (cleanup needs nothing but the volume). */
export function workerKindOf(stage: StepRequest['stage']): WorkerKind | undefined {
  switch (stage) {
    case 'convert':
    case 'render':
      return 'converter';
    case 'transcribe':
    case 'finalize':
      return 'transcriber';
    case 'cleanup':
      return undefined;
  }
}
