import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CreateJobInput, MediaJob } from '@mediajob/contract';
import { Client } from '../../scripts/run/client.ts';
import { freePorts } from '../../scripts/run/free-ports.ts';
import { ROOT } from '../../scripts/setup/paths.ts';
import { MODELS_DIR } from '../../scripts/setup/setup.ts';

export type Service = 'main' | 'converter' | 'transcriber';

/** A service process at a fixed address, to be killed and started again. */
export interface Instance {
  service: Service;
  name: string;
  port: number;
  child: ChildProcess | undefined;
  /** What it printed, newest last; shown when a test fails. */
  output: string[];
}

export interface SystemOptions {
  /** How many of each worker. */
  converters?: number;
  transcribers?: number;
  environment?: Record<string, string>;
  dataDir?: string;
}

/** The three services as a user has them, compiled, on loopback and a data directory of their own. */
export class System {
  readonly dataDir: string;
  readonly instances: Instance[] = [];
  readonly client: Client;
  readonly url: string;
  readonly #environment: Record<string, string>;
  readonly #ownsDataDir: boolean;

  private constructor(options: SystemOptions, firstPort: number) {
    this.#ownsDataDir = options.dataDir === undefined;
    this.dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'mediajob-system-'));
    let port = firstPort;
    const add = (service: Service, name: string): Instance => {
      const instance: Instance = { service, name, port: port++, child: undefined, output: [] };
      this.instances.push(instance);
      return instance;
    };
    const main = add('main', 'main');
    const converters = Array.from({ length: options.converters ?? 1 }, (_, index) =>
      add('converter', `converter-${index}`),
    );
    const transcribers = Array.from({ length: options.transcribers ?? 1 }, (_, index) =>
      add('transcriber', `transcriber-${index}`),
    );
    const addresses = (list: Instance[]): string => list.map((it) => `http://127.0.0.1:${it.port}`).join(',');
    this.#environment = {
      MEDIAJOB_DATA_DIR: this.dataDir,
      MEDIAJOB_MODELS_DIR: MODELS_DIR,
      MEDIAJOB_CONVERTER_URLS: addresses(converters),
      MEDIAJOB_TRANSCRIBER_URLS: addresses(transcribers),
      MEDIAJOB_RESERVE_BYTES: '10MiB',
      ...options.environment,
    };
    this.url = `http://127.0.0.1:${main.port}`;
    this.client = new Client(this.url);
  }

  static async start(options: SystemOptions = {}): Promise<System> {
    const count = 1 + (options.converters ?? 1) + (options.transcribers ?? 1);
    const system = new System(options, await freePorts(count));
    for (const instance of system.instances) system.launch(instance);
    await Promise.all(system.instances.map((instance) => system.untilReady(instance)));
    return system;
  }

  /** The first instance of a service, or the one of that name. */
  instance(name: string): Instance {
    const found = this.instances.find((it) => it.name === name || it.service === name);
    if (!found) throw new Error(`no instance ${name}`);
    return found;
  }

  launch(instance: Instance, environment: Record<string, string> = {}): void {
    const child = spawn(process.execPath, [join(ROOT, 'services', instance.service, 'dist', 'server.js')], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        ...process.env,
        ...this.#environment,
        MEDIAJOB_PORT: String(instance.port),
        MEDIAJOB_METRICS_PORT: '0',
        MEDIAJOB_INSTANCE: instance.name,
        ...environment,
      },
    });
    instance.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        instance.output.push(text);
        if (instance.output.length > 400) instance.output.shift();
      });
    }
    child.once('exit', () => {
      if (instance.child === child) instance.child = undefined;
    });
  }

  async untilReady(instance: Instance): Promise<void> {
    let answer = '';
    await until(
      `${instance.name} is ready`,
      async () => {
        if (!instance.child) throw new Error(`${instance.name} ended: ${instance.output.slice(-20).join('')}`);
        const response = await fetch(`http://127.0.0.1:${instance.port}/health/ready`, {
          signal: AbortSignal.timeout(2_000),
        }).catch(() => undefined);
        answer = (await response?.text()) ?? 'no answer';
        return response?.ok;
      },
      () => `/health/ready says: ${answer}. A missing engine or model is brought by "npm run setup".`,
    );
  }

  /** As the kernel does it when memory is short: no chance to tidy up. */
  async kill(instance: Instance, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child } = instance;
    if (!child) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  async submit(file: string, job: Partial<CreateJobInput['spec']> = {}): Promise<MediaJob> {
    const upload = await this.client.upload(file, () => {}, AbortSignal.timeout(120_000));
    return this.client.createJob({
      metadata: {},
      spec: {
        source: { path: `uploads/${upload}/source` },
        transcribe: { language: 'en' },
        ...job,
      } as CreateJobInput['spec'],
    });
  }

  /** Waits until the job has ended, or `condition` holds. A main that is away just now is asked again. */
  async untilJob(id: string, condition: (job: MediaJob) => boolean = hasEnded): Promise<MediaJob> {
    let last: MediaJob | undefined;
    await until(
      `job ${id} is as wanted`,
      async () => {
        last = await this.client.job(id).catch(() => undefined);
        return last !== undefined && (condition(last) || hasEnded(last));
      },
      () =>
        JSON.stringify(last?.status, null, 1) +
        this.instances.map((it) => `\n--- ${it.name}\n${it.output.slice(-8).join('')}`).join(''),
    );
    return last as MediaJob;
  }

  async stop(): Promise<void> {
    for (const instance of this.instances) await this.kill(instance, 'SIGTERM');
    if (this.#ownsDataDir) rmSync(this.dataDir, { recursive: true, force: true });
  }
}

export function hasEnded(job: MediaJob): boolean {
  return ['Succeeded', 'Failed', 'Cancelled'].includes(job.status.phase);
}

/** Asks every 50 ms until the answer is true. The limit is there to end a broken test, not to measure anything. */
export async function until(
  what: string,
  ask: () => Promise<boolean | undefined>,
  explain: () => string = () => '',
  limitMs = 480_000,
): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await ask())) {
    if (Date.now() > end) throw new Error(`never came true: ${what}\n${explain()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
