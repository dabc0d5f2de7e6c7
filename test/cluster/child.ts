import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { deathPrefix } from '../../scripts/setup/death-prefix.ts';

export interface ChildOptions {
  readonly cwd: string;
  /** stdout and stderr are appended to it. */
  readonly logFile: string;
}

const TAIL_LINES = 25;

/** A program that runs until it is stopped, and never longer than this process. */
export class Child {
  readonly name: string;
  readonly #logFile: string;
  readonly #process: ChildProcess;
  #failure: Error | undefined;

  constructor(name: string, program: string, args: readonly string[], { cwd, logFile }: ChildOptions) {
    this.name = name;
    this.#logFile = logFile;
    const [command, ...rest] = [...deathPrefix('KILL'), program, ...args] as [string, ...string[]];
    const log = openSync(logFile, 'a');
    try {
      this.#process = spawn(command, rest, {
        cwd,
        stdio: ['ignore', log, log],
        env: { PATH: process.env.PATH, HOME: cwd, TMPDIR: cwd },
      });
    } finally {
      closeSync(log);
    }
    this.#process.once('error', (error) => {
      this.#failure = error;
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get isRunning(): boolean {
    return this.#failure === undefined && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** The last lines of what it said. */
  log(): string {
    return readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
  }

  /** @throws Error with its last words, when it has ended. */
  mustRun(): void {
    if (this.isRunning) return;
    const how = this.#failure?.message ?? this.#process.signalCode ?? `exit code ${this.#process.exitCode}`;
    throw new Error(`${this.name} ended (${how}):\n${this.log()}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Nothing of a test's control plane is worth a graceful end. Resolves when it is gone. */
  async kill(): Promise<void> {
    if (!this.isRunning) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await gone;
  }
}
