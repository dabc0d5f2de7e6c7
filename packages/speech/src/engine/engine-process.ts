import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { EngineInfo, EngineLogger } from './engine.js';
import { EngineError } from './engine-error.js';
import { type EngineMessage, errorOf, parseMessage, SHUTDOWN_LINE } from './messages.js';

export interface ProcessOptions {
  program: string;
  modelPath: string;
  states: number;
  threads: number;
  replicas?: number;
  /** Longest time for loading the model. */
  loadMs: number;
  logger?: EngineLogger | undefined;
  onMessage(message: Exclude<EngineMessage, { event: 'ready' }>): void;
  /** The process is gone for a reason that is not close(). Called once, after it was ready. */
  onEnd(error: EngineError): void;
}

const TAIL_LINES = 20;
const CLOSE_MS = 5_000;

/** A running engine: one process, from its `ready` to its end. */
export class EngineProcess {
  readonly info: EngineInfo;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<void>;

  private constructor(child: ChildProcessWithoutNullStreams, info: EngineInfo, ended: Promise<void>) {
    this.#child = child;
    this.info = info;
    this.#ended = ended;
  }

  /**
   * Starts the program and waits until it has loaded the model.
   * @throws EngineError engine-missing, model-not-found, bad-model, out-of-memory, stalled, crashed
   */
  static start(options: ProcessOptions): Promise<EngineProcess> {
    const { program, modelPath, states, threads, replicas } = options;
    const sizes = ['--states', `${states}`, '--threads', `${threads}`];
    if (replicas !== undefined) sizes.push('--replicas', `${replicas}`);
    const child = spawn(program, ['--model', modelPath, ...sizes], {
      // Its own group: a Ctrl-C in the terminal reaches us alone, and we end it in order.
      detached: true,
      env: environment(),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const tail: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (tail.push(line) > TAIL_LINES) tail.shift();
      options.logger?.debug({ engine: child.pid }, line);
    });
    child.stdin.on('error', () => undefined); // it is gone: its end is reported below

    return new Promise((resolve, reject) => {
      let running: EngineProcess | undefined;
      let failure: EngineError | undefined;
      const fail = (error: EngineError) => {
        failure ??= error;
        kill(child);
      };
      const deadline = setTimeout(
        () =>
          fail(new EngineError('stalled', `The engine did not load ${modelPath} within ${options.loadMs / 1000} s`)),
        options.loadMs,
      );
      const ended = new Promise<void>((resolveEnd) => child.once('close', () => resolveEnd()));

      createInterface({ input: child.stdout }).on('line', (line) => {
        let message: EngineMessage;
        try {
          message = parseMessage(line);
        } catch (error) {
          fail(error as EngineError);
          return;
        }
        if (message.event === 'ready') {
          clearTimeout(deadline);
          running = new EngineProcess(child, message.info, ended);
          resolve(running);
        } else if (message.event === 'error' && !running) {
          failure ??= errorOf(message.code, message.message);
        } else {
          options.onMessage(message);
        }
      });
      child.once('error', (cause: NodeJS.ErrnoException) => {
        clearTimeout(deadline);
        reject(
          new EngineError(
            'engine-missing',
            `The engine ${program} cannot be started (${cause.code}): run npm run setup`,
            {
              cause,
            },
          ),
        );
      });
      child.once('close', (code, signal) => {
        clearTimeout(deadline);
        const error = failure ?? endOf(running?.killed ?? false, code, signal, tail);
        if (running) {
          if (!running.#closing) options.onEnd(error);
        } else reject(error);
      });
    });
  }

  #closing = false;
  /** Whether we sent it SIGKILL ourselves. */
  killed = false;

  get pid(): number | undefined {
    return this.#child.pid;
  }

  write(line: string): void {
    this.#child.stdin.write(line);
  }

  /** Ends it at once; onEnd follows. */
  kill(): void {
    this.killed = true;
    kill(this.#child);
  }

  /** Asks it to end, and ends it when it does not. onEnd is not called. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#child.stdin.end(SHUTDOWN_LINE);
    const timer = setTimeout(() => this.kill(), CLOSE_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}

/** Nothing of ours but what finds libraries and says where temporary files would go. No backtraces: they start a debugger. */
function environment(): NodeJS.ProcessEnv {
  const { PATH, LD_LIBRARY_PATH, DYLD_LIBRARY_PATH, CUDA_VISIBLE_DEVICES, NVIDIA_VISIBLE_DEVICES, TMPDIR } =
    process.env;
  const wanted = { PATH, LD_LIBRARY_PATH, DYLD_LIBRARY_PATH, CUDA_VISIBLE_DEVICES, NVIDIA_VISIBLE_DEVICES, TMPDIR };
  const known = Object.entries(wanted).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(known), LC_ALL: 'C', GGML_NO_BACKTRACE: '1' };
}

function kill(child: ChildProcessWithoutNullStreams): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL'); // the group is gone, or was never made
  }
}

function endOf(killed: boolean, code: number | null, signal: NodeJS.Signals | null, tail: string[]): EngineError {
  const said = tail
    .filter((line) => !line.startsWith('info: '))
    .slice(-3)
    .join(' | ');
  const heard = said ? `; it said: ${said}` : '';
  if (signal === 'SIGKILL' && !killed)
    return new EngineError('out-of-memory', 'The engine was killed, most likely for using more memory than there is');
  if (signal === 'SIGILL')
    return new EngineError(
      'crashed',
      'The engine was built for another CPU: build it again on this machine, or use the portable build',
    );
  const how = signal ? `signal ${signal} (${constants.signals[signal]})` : `exit code ${code}`;
  return new EngineError('crashed', `The engine ended with ${how}${heard}`);
}
