import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Leases } from '@mediajob/kube';
import { deathPrefix } from '../../scripts/setup/death-prefix.ts';
import { until } from '../cluster/until.ts';
import type { OperatorWorld } from './operator-rig.ts';

const PROGRAM = join(import.meta.dirname, '../../operator/dist/server.js');
const LEASE = 'mediajob-operator';
const KEPT_LINES = 60;

/** The operator as its image starts it, in a process of its own that is begun anew whenever it ends, as by a kubelet. */
export class OperatorProcess {
  /** How often it was killed. */
  kills = 0;
  readonly #world: OperatorWorld;
  readonly #output: string[] = [];
  #child: ChildProcess | undefined;
  #starts = 0;
  #stopped = false;

  constructor(world: OperatorWorld) {
    this.#world = world;
    this.#start();
  }

  /** SIGKILL at this moment; the next one is on its way when this settles. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    this.kills += 1;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Waits until the process that runs now has the Lease. */
  async leads(): Promise<void> {
    const { api, namespace } = this.#world;
    const explain = () => this.#output.join('');
    await until(
      'the operator leads',
      async () => {
        const { items } = await api.list(Leases, { namespace });
        const holder = items.find(({ metadata }) => metadata.name === LEASE)?.spec?.holderIdentity;
        return holder?.startsWith(`${this.#name}_`) === true;
      },
      { explain },
    );
  }

  async close(): Promise<void> {
    this.#stopped = true;
    await this.kill();
  }

  get #name(): string {
    return `operator-${this.#starts}`;
  }

  #start(): void {
    this.#starts += 1;
    const { namespace, controlPlane } = this.#world;
    const [command = process.execPath, ...args] = [...deathPrefix('KILL'), process.execPath, PROGRAM];
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        KUBECONFIG: controlPlane.kubeconfig,
        MEDIAJOB_HOST: '127.0.0.1',
        MEDIAJOB_PORT: '0',
        MEDIAJOB_METRICS_PORT: '0',
        MEDIAJOB_NAMESPACE: namespace,
        MEDIAJOB_WATCH_NAMESPACES: namespace,
        MEDIAJOB_POD_NAME: this.#name,
        MEDIAJOB_CONVERTER_IMAGE: 'converter:1',
        MEDIAJOB_TRANSCRIBER_IMAGE: 'transcriber:1',
        MEDIAJOB_MEDIA_CLAIM: 'media',
        MEDIAJOB_MODELS_CLAIM: 'models',
        MEDIAJOB_JOB_SERVICE_ACCOUNT: 'default',
        MEDIAJOB_CHUNKS_PER_SHARD: '2',
      },
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output.push(text);
        if (this.#output.length > KEPT_LINES) this.#output.shift();
      });
    }
    child.once('exit', () => void this.#again());
  }

  async #again(): Promise<void> {
    if (this.#stopped) return;
    // It is dead for certain: nobody need wait until its Lease runs out, which operator-leaders.spec.ts does.
    const { api, namespace } = this.#world;
    await api
      .delete(Leases, { namespace, name: LEASE }, { propagationPolicy: 'Background' })
      .catch((error: unknown) => this.#output.push(`no Lease to remove: ${String(error)}\n`));
    if (!this.#stopped) this.#start();
  }
}
