import {
  BrokenCircuitError,
  BulkheadRejectedError,
  bulkhead,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  type IPolicy,
  retry,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import type { ServiceMetrics } from './metrics.js';

export interface DependencyOptions {
  /** Name in metrics; one of a few fixed words such as converter, never an address. */
  name: string;
  /** Longest time in ms of one try. */
  timeoutMs: number;
  /** Tries after the first; 0 for what must not be sent twice. */
  retries: number;
  /** Calls at once; as many again wait, more are refused. */
  concurrency?: number;
  /** Failures in a row after which calls fail at once for a while; 5 when left out. */
  breakAfter?: number;
  /** Pause in ms until one call may try whether it works again; 5 s when left out. */
  halfOpenAfterMs?: number;
  /** First pause in ms between tries; grows, with jitter. 100 when left out. */
  backoffMs?: number;
  /** Whether an error means “try again”; network errors, timeouts and `transient: true` when left out. */
  isTransient?: (error: unknown) => boolean;
  metrics?: Pick<ServiceMetrics, 'dependencyUp' | 'breakerState'>;
}

/** The other side is not there, too slow or too busy. The cause tells which. */
export class DependencyUnavailableError extends Error {
  override readonly name = 'DependencyUnavailableError';
  readonly code = 'dependency-unavailable';
  readonly dependency: string;
  /** Marks it as worth another try, later. */
  readonly transient = true;

  constructor(dependency: string, message: string, cause: unknown) {
    super(message, { cause });
    this.dependency = dependency;
  }
}

/** Calls to one other service. */
export interface Dependency {
  /**
   * @throws DependencyUnavailableError when no try worked; the call's own error when that is not transient
   */
  call<T>(work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T>;
  readonly state: 'closed' | 'half-open' | 'open';
}

/**
 * Every call to another service goes through one of these: a time limit for each try, tries with growing, jittered
 * pauses, a breaker that fails at once while the other side is down, and a limit on calls at once.
 */
export function createDependency(options: DependencyOptions): Dependency {
  const { name, metrics } = options;
  const isTransient = options.isTransient ?? looksTransient;
  const breaker = circuitBreaker(
    handleWhen((error) => isTransient(error) || error instanceof TaskCancelledError),
    {
      halfOpenAfter: options.halfOpenAfterMs ?? 5000,
      breaker: new ConsecutiveBreaker(options.breakAfter ?? 5),
    },
  );
  breaker.onStateChange((state) => metrics?.breakerState.set({ name }, stateNumber(state)));
  metrics?.breakerState.set({ name }, 0);
  const policies: IPolicy[] = [
    retry(
      handleWhen((error) => isTransient(error) || error instanceof TaskCancelledError),
      {
        maxAttempts: options.retries,
        backoff: new ExponentialBackoff({ initialDelay: options.backoffMs ?? 100, maxDelay: 5000 }),
      },
    ),
    breaker,
    ...(options.concurrency === undefined ? [] : [bulkhead(options.concurrency, options.concurrency)]),
    timeout(options.timeoutMs, TimeoutStrategy.Aggressive),
  ];
  const policy = wrap(...policies);
  return {
    async call(work, signal) {
      try {
        const value = await policy.execute(({ signal: inner }) => work(inner), signal);
        metrics?.dependencyUp.set({ name }, 1);
        return value;
      } catch (error) {
        if (signal?.aborted) throw error;
        const reason = reasonOf(error, options, isTransient);
        if (reason === undefined) throw error;
        if (!(error instanceof BulkheadRejectedError)) metrics?.dependencyUp.set({ name }, 0);
        throw new DependencyUnavailableError(name, `${name} ${reason}`, error);
      }
    },
    get state() {
      if (breaker.state === CircuitState.Closed) return 'closed';
      return breaker.state === CircuitState.HalfOpen ? 'half-open' : 'open';
    },
  };
}

function reasonOf(
  error: unknown,
  options: DependencyOptions,
  isTransient: (error: unknown) => boolean,
): string | undefined {
  if (error instanceof BrokenCircuitError) return 'did not answer the last calls; it is tried again shortly';
  if (error instanceof BulkheadRejectedError) return 'has too many calls waiting';
  if (error instanceof TaskCancelledError) return `did not answer within ${options.timeoutMs} ms`;
  return isTransient(error) ? 'cannot be reached' : undefined;
}

/** undici throws a TypeError “fetch failed” with the system's error as its cause. */
const NETWORK_CODES = /^(E(CONN|HOST|NET|PIPE|AI_|TIMEDOUT)|ENOTFOUND|UND_ERR_)/;

function looksTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('transient' in error) return error.transient === true;
  if (error instanceof TypeError && error.message === 'fetch failed') return true;
  return 'code' in error && typeof error.code === 'string' && NETWORK_CODES.test(error.code);
}

function stateNumber(state: CircuitState): number {
  if (state === CircuitState.Closed) return 0;
  return state === CircuitState.HalfOpen ? 1 : 2;
}
