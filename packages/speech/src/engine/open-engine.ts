import { access } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  AudioWindow,
  DecodeRequest,
  DecodeResult,
  Engine,
  EngineInfo,
  EngineLogger,
  LanguageProbability,
  RequestOptions,
} from './engine.js';
import { EngineError } from './engine-error.js';
import { EngineProcess } from './engine-process.js';
import { cancelLineOf, type EngineMessage, errorOf, lineOf, type Operation } from './messages.js';

export interface EngineOptions {
  /** The engine program; see enginePath(). */
  program: string;
  /** Absolute path of a ggml model. */
  modelPath: string;
  /** Windows in its hands at once. */
  states: number;
  /** Threads for each window, or for each replica. */
  threads: number;
  /** Of an engine that decodes in batches: workers over the same weights. It chooses when left out. */
  replicas?: number;
  /** A request without any sign of life for this long fails as `stalled`, and the process is killed. */
  stallMs: number;
  /** Longest time for loading the model; stallMs when left out. */
  loadMs?: number;
  logger?: EngineLogger;
}

/**
 * Starts an engine and keeps it running: when its process ends, what it was decoding fails, what was waiting goes on in a
 * new one, which is started after a pause that grows with each failure in a row.
 * @throws EngineError engine-missing, model-not-found, bad-model, out-of-memory, stalled, crashed
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  await reachable(options.program, 'engine-missing', 'The engine is not there', 'run npm run setup');
  await reachable(
    options.modelPath,
    'model-not-found',
    'The model is not there',
    'install it with mediajob-models pull',
  );
  const engine = new SupervisedEngine(options);
  await engine.start();
  return engine;
}

async function reachable(path: string, code: 'engine-missing' | 'model-not-found', what: string, mend: string) {
  try {
    await access(path);
  } catch (cause) {
    throw new EngineError(code, `${what}: ${path} (${mend})`, { cause });
  }
}

type Answer = Extract<EngineMessage, { event: 'segments' } | { event: 'languages' }>;

interface Pending {
  readonly id: string;
  readonly operation: Operation;
  readonly onProgress: ((fraction: number) => void) | undefined;
  readonly settle: (outcome: { answer: Answer } | { error: EngineError }) => void;
  fraction: number;
  /** Runs while the engine has it. */
  stall?: NodeJS.Timeout;
  /** The engine has said that it works on it. */
  started: boolean;
  /** Processes that ended before they began with it. */
  lost: number;
  /** The caller no longer waits; the engine has not let go of it yet. */
  abandoned: boolean;
}

/** A request that no process began with has harmed none; but more than this is no chance any more. */
const MOST_LOST = 3;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;

class SupervisedEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #waiting: Pending[] = [];
  readonly #running = new Map<string, Pending>();
  #process: EngineProcess | undefined;
  #starting: Promise<void> | undefined;
  #info: EngineInfo | undefined;
  #failuresInARow = 0;
  #lastId = 0;
  readonly #closing = new AbortController();

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  get info(): EngineInfo {
    if (!this.#info) throw new EngineError('internal', 'The engine was asked before it was started');
    return this.#info;
  }

  async start(): Promise<void> {
    const started: EngineProcess = await EngineProcess.start({
      ...this.#options,
      loadMs: this.#options.loadMs ?? this.#options.stallMs,
      logger: this.#options.logger,
      onMessage: (message) => {
        if (this.#process === started) this.#receive(message);
      },
      onEnd: (error) => {
        if (this.#process === started) this.#ended(error);
      },
    });
    this.#process = started;
    this.#info = started.info;
  }

  async decode(request: DecodeRequest, options: RequestOptions = {}): Promise<DecodeResult> {
    const answer = await this.#ask({ op: 'decode', request }, options);
    if (answer.event !== 'segments') throw new EngineError('internal', 'The engine gave languages instead of segments');
    return { segments: answer.segments };
  }

  async detectLanguage(request: AudioWindow, options: RequestOptions = {}): Promise<LanguageProbability[]> {
    const answer = await this.#ask({ op: 'detect-language', request }, options);
    if (answer.event !== 'languages')
      throw new EngineError('internal', 'The engine gave segments instead of languages');
    return answer.languages;
  }

  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort();
      const error = new EngineError('closed', 'The engine was closed');
      for (const pending of this.#waiting.splice(0)) pending.settle({ error });
      for (const pending of this.#running.values()) this.#finish(pending, { error });
    }
    await this.#starting?.catch(() => undefined);
    await this.#process?.close();
  }

  #ask(operation: Operation, { signal, onProgress }: RequestOptions): Promise<Answer> {
    if (this.#closing.signal.aborted)
      return Promise.reject(new EngineError('closed', 'The engine was closed: open another'));
    if (signal?.aborted) return Promise.reject(interrupted(signal));
    return new Promise((resolve, reject) => {
      const onAbort = () => this.#abandon(pending, interrupted(signal));
      const pending: Pending = {
        id: `${++this.#lastId}`,
        operation,
        onProgress,
        fraction: 0,
        abandoned: false,
        started: false,
        lost: 0,
        settle: (outcome) => {
          signal?.removeEventListener('abort', onAbort);
          if ('answer' in outcome) resolve(outcome.answer);
          else reject(outcome.error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(pending);
      this.#feed();
    });
  }

  /** The caller gets its error now; the state is free again when the engine says so. */
  #abandon(pending: Pending, error: EngineError): void {
    const index = this.#waiting.indexOf(pending);
    if (index >= 0) this.#waiting.splice(index, 1);
    else if (this.#running.has(pending.id)) {
      pending.abandoned = true;
      this.#process?.write(cancelLineOf(pending.id));
    }
    pending.settle({ error });
  }

  /** Gives the process as much as it can do at once, and no more: what waits here survives its death. */
  #feed(): void {
    if (this.#waiting.length === 0 || this.#closing.signal.aborted) return;
    if (!this.#process) {
      this.#starting ??= this.#restart().finally(() => {
        this.#starting = undefined;
        this.#feed();
      });
      return;
    }
    while (this.#running.size < this.#process.info.states) {
      const pending = this.#waiting.shift();
      if (!pending) return;
      this.#running.set(pending.id, pending);
      this.#watch(pending);
      this.#process.write(lineOf(pending.id, pending.operation));
    }
  }

  async #restart(): Promise<void> {
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, this.#failuresInARow - 1));
    try {
      await sleep(pause, undefined, { signal: this.#closing.signal });
      await this.start();
    } catch (cause) {
      if (this.#closing.signal.aborted) return;
      this.#failuresInARow += 1;
      const error = cause instanceof EngineError ? cause : new EngineError('internal', String(cause), { cause });
      this.#options.logger?.warn({ err: error }, 'the engine could not be started again');
      // Whoever waits learns it; whoever asks next makes the next attempt.
      for (const pending of this.#waiting.splice(0)) pending.settle({ error });
    }
  }

  #receive(message: Exclude<EngineMessage, { event: 'ready' }>): void {
    const pending = message.id === undefined ? undefined : this.#running.get(message.id);
    if (!pending) return;
    switch (message.event) {
      case 'started':
        pending.started = true;
        this.#watch(pending);
        if (!pending.abandoned) pending.onProgress?.(0);
        return;
      case 'progress':
        this.#watch(pending);
        if (message.fraction > pending.fraction && !pending.abandoned) {
          pending.fraction = message.fraction;
          pending.onProgress?.(message.fraction);
        }
        return;
      case 'segments':
      case 'languages':
        this.#failuresInARow = 0;
        this.#finish(pending, { answer: message });
        break;
      case 'error':
        this.#finish(pending, { error: errorOf(message.code, message.message) });
        break;
      case 'pong':
        return;
    }
    this.#feed();
  }

  #finish(pending: Pending, outcome: { answer: Answer } | { error: EngineError }): void {
    clearTimeout(pending.stall);
    this.#running.delete(pending.id);
    if (!pending.abandoned) pending.settle(outcome);
  }

  /** Starts the request's deadline anew. */
  #watch(pending: Pending): void {
    clearTimeout(pending.stall);
    const { stallMs } = this.#options;
    pending.stall = setTimeout(() => {
      const error = new EngineError(
        'stalled',
        `The engine gave no sign of life for ${stallMs / 1000} s and was stopped`,
      );
      const stuck = this.#process;
      this.#finish(pending, { error });
      this.#ended(new EngineError('crashed', 'The engine was stopped because of another request, which had stalled'));
      stuck?.kill();
    }, stallMs);
  }

  /** The process is gone, or as good as that: what it was at fails, all else goes on in a new one. */
  #ended(error: EngineError): void {
    this.#process = undefined;
    this.#failuresInARow += 1;
    this.#options.logger?.warn({ err: error, requests: this.#running.size }, 'the engine ended');
    const again: Pending[] = [];
    for (const pending of [...this.#running.values()]) {
      pending.lost += 1;
      if (pending.started || pending.lost > MOST_LOST) this.#finish(pending, { error });
      else {
        clearTimeout(pending.stall);
        this.#running.delete(pending.id);
        if (!pending.abandoned) again.push(pending);
      }
    }
    this.#waiting.unshift(...again);
    this.#feed();
  }
}

function interrupted(signal: AbortSignal | undefined): EngineError {
  return new EngineError('interrupted', 'The request was cancelled', { cause: signal?.reason });
}
