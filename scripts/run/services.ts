import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from '../setup/paths.ts';
import { SetupError, say } from '../setup/step.ts';

export type ServiceName = 'main' | 'converter' | 'transcriber';

export interface ServiceOptions {
  /** Port of main; the transcriber takes the next one, the converter the one after. */
  port: number;
  dataDir: string;
  modelsDir: string;
  verbose: boolean;
}

/** Restarts within a minute after which a service is taken for broken rather than unlucky. */
const MAX_RESTARTS = 5;
const RESTART_WINDOW_MS = 60_000;
const TAIL_LINES = 15;

/**
 * The three services as child processes: started together, started again when one dies, stopped in order.
 * Each is told by its IPC channel when this process goes, however it goes, and then ends by itself.
 */
export class LocalServices {
  readonly mainUrl: string;
  readonly #options: ServiceOptions;
  readonly #children = new Map<ServiceName, ChildProcess>();
  readonly #tails = new Map<ServiceName, string[]>();
  readonly #deaths = new Map<ServiceName, number[]>();
  #stopping = false;
  #broken: ((error: Error) => void) | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.mainUrl = `http://127.0.0.1:${options.port}`;
  }

  #ports(): Record<ServiceName, number> {
    const { port } = this.#options;
    return { main: port, transcriber: port + 1, converter: port + 2 };
  }

  /** Starts all three and waits until each can do its work. Rejects with what a service said last when one cannot. */
  async start(signal: AbortSignal): Promise<void> {
    for (const [name, port] of Object.entries(this.#ports())) await requireFreePort(name, port);
    const broken = new Promise<never>((_, reject) => {
      this.#broken = reject;
    });
    for (const name of ['converter', 'transcriber', 'main'] as const) this.#spawn(name);
    const ready = Promise.all(
      Object.values(this.#ports()).map((port) => waitUntilReady(`http://127.0.0.1:${port}/health/ready`, signal)),
    );
    await Promise.race([ready, broken]);
    this.#broken = (error) => say(`error: ${error.message}`);
  }

  #spawn(name: ServiceName): void {
    const ports = this.#ports();
    const child = spawn(process.execPath, ['--enable-source-maps', join(ROOT, 'services', name, 'dist', 'server.js')], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        ...process.env,
        MEDIAJOB_PORT: String(ports[name]),
        MEDIAJOB_METRICS_PORT: String(ports[name] + 1100),
        MEDIAJOB_INSTANCE: 'local',
        MEDIAJOB_DATA_DIR: this.#options.dataDir,
        MEDIAJOB_MODELS_DIR: this.#options.modelsDir,
        MEDIAJOB_CONVERTER_URLS: `http://127.0.0.1:${ports.converter}`,
        MEDIAJOB_TRANSCRIBER_URLS: `http://127.0.0.1:${ports.transcriber}`,
      },
    });
    this.#children.set(name, child);
    const tail: string[] = [];
    this.#tails.set(name, tail);
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        tail.push(line);
        if (tail.length > TAIL_LINES) tail.shift();
        if (this.#options.verbose) say(`${name}: ${line}`);
      });
    }
    child.once('exit', (code, signal) => this.#exited(name, code, signal));
  }

  #exited(name: ServiceName, code: number | null, signal: NodeJS.Signals | null): void {
    this.#children.delete(name);
    if (this.#stopping) return;
    const now = Date.now();
    const deaths = [...(this.#deaths.get(name) ?? []).filter((at) => now - at < RESTART_WINDOW_MS), now];
    this.#deaths.set(name, deaths);
    const how = signal ? `killed by ${signal}` : `exit code ${code}`;
    // 64: a setting is wrong. Starting again would only say so again.
    if (code === 64 || deaths.length > MAX_RESTARTS) {
      this.#broken?.(
        new SetupError(
          `the ${name} service does not stay up (${how}). It said last:\n${(this.#tails.get(name) ?? []).join('\n')}`,
          'mend what it says and run this again',
        ),
      );
      return;
    }
    say(`the ${name} service ended (${how}); starting it again`);
    setTimeout(() => !this.#stopping && this.#spawn(name), 500 * 2 ** (deaths.length - 1));
  }

  /** Asks all to end, main first so that it hands out no more work, and waits; what hangs is killed. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const name of ['main', 'converter', 'transcriber'] as const) {
      const child = this.#children.get(name);
      if (!child) continue;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
      await gone;
      clearTimeout(timer);
    }
  }
}

async function requireFreePort(name: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new SetupError(`port ${port} (${name}) is taken by another program`, `npm start -- --port ${port + 10}`, {
              cause: error,
            })
          : error,
      ),
    );
    server.listen(port, '127.0.0.1', () => server.close(() => resolve()));
  });
}

async function waitUntilReady(url: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
      if (response.ok) return;
    } catch {
      // not listening yet
    }
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}
