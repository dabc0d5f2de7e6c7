import { join } from 'node:path';
import buildRollingFile from 'pino-roll';

type RollingFile = Awaited<ReturnType<typeof buildRollingFile>>;

export interface LogFileOptions {
  /** Folder of this instance alone; made when missing. */
  folder: string;
  /** Size in bytes at which a file is rotated; every file is rotated daily, too. */
  maxBytes: number;
  /** Rotated files kept beside the present one. */
  keep: number;
  /** Called for lines that did not reach a file. */
  onDrop(lines: number): void;
  /** Called once an outage, when files cannot be written, and once when they can again. */
  onState(state: 'failed' | 'recovered', error?: unknown): void;
  /** Pause in ms before files are tried again; 60 s when left out. */
  retryMs?: number;
}

/** Lines kept while a file is being opened. */
const MAX_WAITING = 1000;
/** Bytes kept for a disk that does not keep up; beyond, lines are dropped. */
const MAX_BUFFER = 1024 * 1024;

/**
 * Log files that can never harm the service: writes are asynchronous, buffers are bounded, and a disk that is full,
 * read-only or gone costs lines (counted), not the process. Stdout has them all anyway.
 *
 * pino-roll counts only files of its own process, which is right here, because a folder belongs to one process.
 */
export class LogFiles {
  readonly #options: LogFileOptions;
  #file: RollingFile | undefined;
  #opening: Promise<void> | undefined;
  #waiting: string[] = [];
  /** Lines handed to the file since its buffer was last empty. */
  #unwritten = 0;
  /** Files that failed; one that never opened does not count as destroyed. */
  readonly #dead = new WeakSet<RollingFile>();
  #failed = false;
  #closed = false;
  #retryAt = 0;

  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#open();
  }

  /** One line, with its newline. Never throws. */
  write(line: string): void {
    if (this.#closed) return;
    if (this.#file !== undefined) {
      this.#append(this.#file, line);
    } else if (this.#opening !== undefined && this.#waiting.length < MAX_WAITING) {
      this.#waiting.push(line);
    } else {
      this.#options.onDrop(1);
      if (this.#opening === undefined && Date.now() >= this.#retryAt) this.#open();
    }
  }

  /** Writes what is buffered and closes; gives up after `timeoutMs`, for a disk that hangs. */
  async close(timeoutMs = 2000): Promise<void> {
    this.#closed = true;
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, timeoutMs).unref());
    await Promise.race([this.#opening, timeout]);
    const file = this.#file;
    if (file === undefined || file.destroyed) return;
    const closed = new Promise<void>((resolve) => file.once('close', () => resolve()));
    file.end();
    await Promise.race([closed, timeout]);
  }

  /** For the last moments of a process that crashes. */
  flushSync(): void {
    try {
      this.#file?.flushSync();
    } catch {
      // The lines are on stdout.
    }
  }

  #append(file: RollingFile, line: string): void {
    try {
      this.#unwritten++;
      file.write(line);
    } catch (error) {
      this.#fail(file, error);
    }
  }

  #open(): void {
    const { folder, maxBytes, keep } = this.#options;
    this.#opening = buildRollingFile({
      file: join(folder, 'app.log'),
      size: `${maxBytes}b`,
      frequency: 'daily',
      limit: { count: keep },
      mkdir: true,
      sync: false,
      maxLength: MAX_BUFFER,
    })
      .then(async (file) => {
        file.on('error', (error: unknown) => this.#fail(file, error));
        file.on('drop', () => {
          this.#unwritten--;
          this.#options.onDrop(1);
        });
        file.on('drain', () => {
          this.#unwritten = 0;
        });
        await new Promise<void>((resolve) => {
          file.once('ready', () => resolve());
          file.once('error', () => resolve());
        });
        if (this.#dead.has(file)) return;
        this.#file = file;
        if (this.#failed) {
          this.#failed = false;
          this.#options.onState('recovered');
        }
        for (const line of this.#waiting.splice(0)) this.#append(file, line);
      })
      .catch((error: unknown) => this.#fail(undefined, error))
      .finally(() => {
        this.#opening = undefined;
      });
  }

  #fail(file: RollingFile | undefined, error: unknown): void {
    if (file !== undefined) {
      if (this.#dead.has(file)) return;
      this.#dead.add(file);
    }
    const lost = this.#unwritten + this.#waiting.length;
    this.#unwritten = 0;
    this.#waiting = [];
    this.#file = undefined;
    this.#retryAt = Date.now() + (this.#options.retryMs ?? 60_000);
    file?.destroy();
    if (lost > 0) this.#options.onDrop(lost);
    if (this.#failed) return;
    this.#failed = true;
    this.#options.onState('failed', error);
  }
}
