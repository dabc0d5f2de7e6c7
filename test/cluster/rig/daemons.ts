import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startOf } from '../process-start.ts';
import { until } from '../until.ts';

export interface DaemonPlaces {
  /** A file a daemon: its process id and when that started. */
  readonly pids: string;
  readonly logs: string;
  /** Where they run: relative paths of theirs, and their HOME. */
  readonly home: string;
}

const TAIL_LINES = 25;

/** Programs that go on when the command that started them has ended, and that any later command finds again. */
export class Daemons {
  readonly #places: DaemonPlaces;

  constructor(places: DaemonPlaces) {
    this.#places = places;
    for (const directory of [places.pids, places.logs]) mkdirSync(directory, { recursive: true });
  }

  /** Starts it in a session of its own, unless it runs already. @returns whether it was started */
  start(name: string, program: string, args: readonly string[], environment: Record<string, string> = {}): boolean {
    if (this.pid(name) !== undefined) return false;
    const log = openSync(join(this.#places.logs, `${name}.log`), 'a');
    try {
      const child = spawn(program, args, {
        detached: true,
        cwd: this.#places.home,
        stdio: ['ignore', log, log],
        env: { PATH: process.env.PATH, HOME: this.#places.home, ...environment },
      });
      child.once('error', (error) => writeFileSync(join(this.#places.logs, `${name}.log`), `${error.message}\n`));
      if (child.pid === undefined) throw new Error(`${name}: ${program} could not be started`);
      writeFileSync(this.#file(name), `${child.pid} ${startOf(child.pid)}`);
      child.unref();
    } finally {
      closeSync(log);
    }
    return true;
  }

  /** Of what runs; a number that another process has got in the meantime is not it. */
  pid(name: string): number | undefined {
    if (!existsSync(this.#file(name))) return undefined;
    const [pid = 0, start = 0] = readFileSync(this.#file(name), 'utf8').split(' ').map(Number);
    return pid > 0 && start > 0 && startOf(pid) === start ? pid : undefined;
  }

  /** All that were started and not stopped, whether they still run or not. */
  names(): string[] {
    return readdirSync(this.#places.pids);
  }

  /** @throws Error with its last words, when it has ended. */
  mustRun(name: string): void {
    if (this.pid(name) === undefined) throw new Error(`${name} has ended:\n${this.log(name)}`);
  }

  log(name: string): string {
    const file = join(this.#places.logs, `${name}.log`);
    return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n') : '';
  }

  /** SIGKILL, as an outage: a later {@link start} of the same name begins anew. Resolves when it is gone. */
  async kill(name: string): Promise<void> {
    const pid = this.pid(name);
    if (pid !== undefined) await end(pid, 'SIGKILL');
  }

  /** Asks it to end, insists after `graceMs`, and forgets it. */
  async stop(name: string, graceMs = 5000): Promise<void> {
    const pid = this.pid(name);
    if (pid !== undefined) await end(pid, 'SIGTERM', graceMs);
    rmSync(this.#file(name), { force: true });
  }

  #file(name: string): string {
    return join(this.#places.pids, name);
  }
}

/** Resolves when the process is gone, or a zombie: who starts a daemon and ends does not wait for it. */
export async function end(pid: number, signal: NodeJS.Signals, graceMs = 0): Promise<void> {
  const start = startOf(pid);
  if (start === 0) return;
  const isGone = (): boolean => startOf(pid) !== start;
  const send = (it: NodeJS.Signals): void => {
    try {
      process.kill(pid, it);
    } catch {
      // gone in the meantime
    }
  };
  send(signal);
  if (signal !== 'SIGKILL') {
    await until(`process ${pid} has ended`, isGone, { limitMs: graceMs }).catch(() => send('SIGKILL'));
  }
  await until(`process ${pid} is gone`, isGone, { limitMs: 30_000 });
}
