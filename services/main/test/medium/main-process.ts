import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface MainProcessOptions {
  /** Beside this file; main without jobs when left out. */
  readonly entry?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** main in a process of its own, from its sources, so that it can be killed. */
export class MainProcess {
  readonly #child: ChildProcess;
  readonly port: number;
  readonly url: string;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(dataDir: string, options: MainProcessOptions = {}): Promise<MainProcess> {
    const entry = fileURLToPath(new URL(options.entry ?? 'main-entry.ts', import.meta.url));
    const script = `
      const { runnerImport } = await import('vite');
      const resolve = { conditions: ['@mediajob/source', 'node'] };
      await runnerImport(${JSON.stringify(entry)}, { configFile: false, resolve, ssr: { resolve } });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: fileURLToPath(new URL('../../../..', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        MEDIAJOB_PORT: '0',
        MEDIAJOB_METRICS_PORT: '0',
        MEDIAJOB_DATA_DIR: dataDir,
        MEDIAJOB_LOG_FILES: 'false',
        MEDIAJOB_RESERVE_BYTES: '0',
        ...options.environment,
      },
    });
    if (!child.stdout) throw new Error('no stdout');
    for await (const line of createInterface({ input: child.stdout })) {
      const { msg, port } = JSON.parse(line);
      if (msg === 'listening') {
        child.stdout.resume();
        return new MainProcess(child, port);
      }
    }
    throw new Error('main did not start');
  }

  /** The most memory it ever had resident, in bytes. Linux only. */
  async peakRss(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}
