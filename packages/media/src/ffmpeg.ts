import type { ChildProcess } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { buildCommand, type Command, type FluentCommand } from './command.js';
import { ffmpegMissing, MediaError } from './errors.js';
import { childEnvironment, deathLauncher, type Launcher } from './launcher.js';
import { describeFailure, lastMessage } from './messages.js';
import { FfmpegLog, type FfmpegProgress } from './progress.js';

/** Which ffmpeg, and how patient to be with it. */
export interface FfmpegOptions {
  /** The program: a name on PATH, or an absolute path. */
  path: string;
  /** ffmpeg is stopped when it got no further for this many ms. */
  stallMs: number;
  /** Threads for encoding video; all CPUs this process may use when left out. */
  threads?: number;
}

export interface RunOptions {
  ffmpeg: FfmpegOptions;
  signal?: AbortSignal | undefined;
  /** Most ms that the whole run may take: for what moves on for ever without getting anywhere. */
  hardMs: number;
  onProgress?: ((progress: Readonly<FfmpegProgress>) => void) | undefined;
}

export interface RunResult {
  progress: Readonly<FfmpegProgress>;
  /** Text of the output `stdout`, at most 64 KiB. */
  stdout: string;
  /** ffmpeg's messages. */
  messages: string[];
}

/** Between the polite signal and the other one, and between that one and giving up on a child that cannot die (a dead disk). */
export const KILL_AFTER_MS = 5_000;
const STDOUT_LIMIT = 64 * 1024;

/**
 * Runs one ffmpeg call; the only place of the project that starts ffmpeg.
 *
 * fluent-ffmpeg builds and spawns; its `timeout`, `progress` and `ffprobe()` are not used, and its capability check (which would start
 * two more, unguarded ffmpegs) is passed by, by calling its builder and its spawn directly.
 * The child has its own process group and a minimal environment, and dies with this process.
 * Resolves only when ffmpeg exited with 0 and said that it had ended; whether its output is good is for the caller to verify.
 *
 * @throws MediaError with code `interrupted` (signal), `stalled`, `deadline`, `oom`, `killed`, `storage-full`, `storage-error`,
 *   `ffmpeg-missing`, `unsupported-media` or `failed`; after the child is gone
 */
export async function runFfmpeg(command: Command, options: RunOptions): Promise<RunResult> {
  const { signal } = options;
  if (signal?.aborted) throw interrupted(signal);
  const { fluent, args } = buildCommand(command);
  const launcher = await deathLauncher();
  if (signal?.aborted) throw interrupted(signal);

  const log = new FfmpegLog();
  let stdout = '';
  const exit = await superviseChild(fluent, args, launcher, {
    ...options,
    log,
    watched: command.outputs.flatMap((output) => (typeof output.target === 'object' ? [output.target.file] : [])),
    onStdout: (text) => {
      if (stdout.length < STDOUT_LIMIT) stdout += text.slice(0, STDOUT_LIMIT - stdout.length);
    },
  });

  const messages = log.lines();
  if (exit.stopped !== undefined) throw exit.stopped;
  // 126, 127: setpriv could not start it.
  if (exit.spawnError !== undefined || exit.code === 126 || exit.code === 127) {
    throw ffmpegMissing(exit.spawnError ?? new Error(lastMessage(messages)));
  }
  if (exit.signal === 'SIGKILL' || exit.code === 137) {
    throw new MediaError(
      'oom',
      'ffmpeg was killed from outside, most likely because memory ran out. Give it more memory.',
      {
        log: messages,
      },
    );
  }
  if (exit.signal !== null) {
    throw new MediaError(
      'killed',
      `ffmpeg ended by signal ${exit.signal}. If it happens again, the file may be damaged.`,
      {
        log: messages,
      },
    );
  }
  const failure = describeFailure(exit.code ?? -1, log.progress, messages);
  if (failure !== undefined) throw failure;
  return { progress: log.progress, stdout, messages };
}

interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  spawnError?: Error;
  /** Why we stopped it, when we did. */
  stopped?: MediaError;
}

interface Supervision extends RunOptions {
  log: FfmpegLog;
  watched: string[];
  onStdout: (text: string) => void;
}

function superviseChild(
  fluent: FluentCommand,
  args: string[],
  launcher: Launcher,
  options: Supervision,
): Promise<Exit> {
  const [program = '', ...prefix] = [...launcher, options.ffmpeg.path];
  fluent._getFfmpegPath = (callback) => callback(null, program);
  return new Promise((resolve) => {
    let child: ChildProcess | undefined;
    let stopped: MediaError | undefined;
    const exit: Exit = { code: null, signal: null };
    const timers = new Set<NodeJS.Timeout>();
    const after = (ms: number, action: () => void): void => void timers.add(setTimeout(action, ms));

    const finish = (spawnError?: Error): void => {
      for (const timer of timers) clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      resolve({ ...exit, ...(spawnError && { spawnError }), ...(stopped && { stopped }) });
    };
    const stop = (reason: MediaError): void => {
      if (stopped !== undefined) return;
      stopped = reason;
      signalGroup(child, 'SIGTERM');
      after(KILL_AFTER_MS, () => {
        signalGroup(child, 'SIGKILL');
        // A child that hangs in the kernel (a dead network disk) does not die now: do not hang with it.
        after(KILL_AFTER_MS, () => {
          child?.unref();
          finish();
        });
      });
    };
    const onAbort = (): void => stop(interrupted(options.signal));

    const spawnOptions = {
      cwd: '/',
      env: childEnvironment(),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      stdoutLines: 1,
    };
    fluent._spawnFfmpeg(
      [...prefix, ...args],
      spawnOptions,
      (started) => {
        child = started;
        options.signal?.addEventListener('abort', onAbort, { once: true });
        // 'close' comes after the exit and after the last byte of both streams; without a process there is only 'error', below.
        started.once('close', (code, signal) => {
          exit.code = code;
          exit.signal = signal;
          if (started.pid !== undefined) finish();
        });
        started.stdout.setEncoding('utf8').on('data', options.onStdout);
        started.stderr.on('data', (text: string) => {
          if (options.log.push(text) && stopped === undefined) options.onProgress?.(options.log.progress);
        });
        after(options.hardMs, () =>
          stop(
            new MediaError(
              'deadline',
              `ffmpeg was stopped after ${Math.round(options.hardMs / 1000)} s, far more than this file should take.`,
            ),
          ),
        );
        watchForStall(options, after, stop);
      },
      (error) => {
        if (child?.pid === undefined) finish(error ?? new Error('no process'));
      },
    );
  });
}

/** Stops a child that neither reports progress nor writes its files any more (moving the index of a large MP4 reports nothing). */
function watchForStall(
  { ffmpeg, log, watched }: Supervision,
  after: (ms: number, action: () => void) => void,
  stop: (reason: MediaError) => void,
): void {
  let last = '';
  let since = performance.now();
  const period = Math.max(10, Math.min(1_000, ffmpeg.stallMs / 4));
  const look = async (): Promise<void> => {
    const files = await Promise.all(watched.map((path) => stat(path).catch(() => undefined)));
    const now = [log.heartbeat, ...files.map((file) => `${file?.size} ${file?.mtimeMs}`)].join();
    if (now !== last) {
      last = now;
      since = performance.now();
    }
    if (performance.now() - since >= ffmpeg.stallMs) {
      stop(
        new MediaError(
          'stalled',
          `ffmpeg made no progress for ${Math.round(ffmpeg.stallMs / 1000)} s and was stopped. Try again; if it happens again, the file may be damaged or the disk too slow.`,
        ),
      );
      return;
    }
    after(period, () => void look());
  };
  after(period, () => void look());
}

function signalGroup(child: ChildProcess | undefined, signal: NodeJS.Signals): void {
  if (child?.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Gone already.
  }
}

function interrupted(signal: AbortSignal | undefined): MediaError {
  return new MediaError('interrupted', 'The media work was stopped.', { cause: signal?.reason });
}
