import { spawn } from 'node:child_process';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MediaJob, MediaJobStatus } from '@mediajob/contract';
import { mediaJobCrd } from '@mediajob/contract/crd';
import { MODELS_DIR } from '../../scripts/setup/setup.ts';
import { type KubeClient, type Resource, StatusError } from '../cluster/kube-client.ts';
import { kubeProgram } from '../cluster/programs.ts';
import { run } from '../cluster/run.ts';
import { until } from '../cluster/until.ts';
import { SAMPLE } from '../system/speech.ts';
import { FILES_POD, filesPod } from './files-pod.ts';
import { CHART, isRig, type TheCluster, theCluster } from './the-cluster.ts';

export type MediaJobObject = Resource & { spec: MediaJob['spec']; status?: MediaJobStatus };

export interface Deployment extends Resource {
  spec: { replicas: number };
  status?: { availableReplicas?: number; updatedReplicas?: number; observedGeneration?: number };
}

export interface Pod extends Resource {
  spec: { nodeName?: string; containers: { name: string }[] };
  status: {
    phase: string;
    podIP?: string;
    containerStatuses?: { name: string; containerID?: string; restartCount: number; state: Record<string, unknown> }[];
  };
}

export type Values = Readonly<Record<string, unknown>>;

const LIMIT_MS = 300_000;

/** As little as a node of two CPUs can give to a dozen pods; limits are those that people get. */
const SMALL = { requests: { cpu: '20m', memory: '64Mi' } };

/** Settings that let several releases share a small node, without a way out of it. */
export const TEST_VALUES: Values = {
  image: { pullPolicy: isRig ? 'Never' : 'IfNotPresent' },
  // Each file of tests has releases of its own, and one definition serves them all.
  crds: { enabled: false },
  models: { pull: { enabled: false } },
  persistence: { media: { size: '1Gi' }, models: { size: '1Gi' } },
  operator: { replicas: 1, resources: SMALL },
  main: { resources: SMALL },
  converter: { resources: SMALL },
  transcriber: { resources: SMALL },
  profiles: {
    default: {
      convert: { resources: { ...SMALL, limits: { memory: '1Gi' } } },
      transcribe: { resources: { ...SMALL, limits: { memory: '2Gi' } } },
      finalize: { resources: { ...SMALL, limits: { memory: '1Gi' } } },
    },
  },
};

export interface InstallOptions {
  readonly namespace: string;
  /** `mediajob` when left out. */
  readonly name?: string;
  readonly values?: Values;
  /** Of the namespace. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** The chart, installed in a namespace of its own, and what a test does with it. */
export class Release {
  readonly namespace: string;
  readonly name: string;
  readonly cluster: TheCluster;
  readonly #work: string;

  private constructor(cluster: TheCluster, namespace: string, name: string) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.name = name;
    this.#work = mkdtempSync(join(tmpdir(), 'mediajob-e2e-'));
  }

  /** Installs the chart; the models come by hand, as where there is no way out of the cluster. Resolves when all are Ready. */
  static async install(options: InstallOptions): Promise<Release> {
    const release = await Release.begin(options);
    await release.bringFiles();
    await release.untilReady();
    return release;
  }

  /** Installs the chart, and waits for nothing. */
  static async begin(options: InstallOptions): Promise<Release> {
    const { namespace, name = 'mediajob', values = {}, labels = {}, args = [] } = options;
    const release = new Release(await theCluster(), namespace, name);
    if (values.crds === undefined) await release.defineMediaJob();
    await release.makeNamespace(namespace, labels);
    await release.helm(['install', name, CHART, ...args], values);
    return release;
  }

  /** One that enforces `restricted`. */
  async makeNamespace(name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    const metadata = { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted', ...labels } };
    await this.cluster.client.create('/api/v1/namespaces', { metadata });
    await until(`namespace ${name} has its service account`, () =>
      this.cluster.client.find(`/api/v1/namespaces/${name}/serviceaccounts/default`),
    );
  }

  async defineMediaJob(): Promise<void> {
    await this.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], {
      input: JSON.stringify(mediaJobCrd()),
    });
    await this.kubectl(['wait', '--for=condition=Established', 'crd/mediajobs.mediajob.io', '--timeout=60s']);
  }

  /** A pod that reaches the volumes, and the model that set-up has brought. */
  async bringFiles(namespace = this.namespace): Promise<void> {
    const media = `${this.name}-media`;
    await this.kubectl(['apply', '-n', namespace, '-f', '-'], {
      input: JSON.stringify(filesPod({ image: this.image('main'), media, models: `${this.name}-models` })),
    });
    await this.kubectl(['wait', '-n', namespace, '--for=condition=Ready', `pod/${FILES_POD}`, '--timeout=180s']);
    for (const name of ['base.bin', 'base.json']) await this.put(join(MODELS_DIR, name), `/models/${name}`, namespace);
  }

  image(name: 'main' | 'operator' | 'converter' | 'transcriber'): string {
    return `mediajob/${name}:${VERSION}`;
  }

  async deployments(): Promise<Deployment[]> {
    return this.cluster.client.list<Deployment>(
      `/apis/apps/v1/namespaces/${this.namespace}/deployments?labelSelector=app.kubernetes.io/instance=${this.name}`,
    );
  }

  /** Resolves when every replica of the present generation is available. */
  async untilReady(): Promise<void> {
    let last = '';
    await until(
      `all Deployments of ${this.namespace} are Ready`,
      async () => {
        const deployments = await this.deployments();
        const waiting = deployments.filter(
          ({ metadata, spec, status }) =>
            status?.observedGeneration !== metadata.generation ||
            status?.updatedReplicas !== spec.replicas ||
            status?.availableReplicas !== spec.replicas,
        );
        last = waiting.map((it) => it.metadata.name).join(', ');
        return deployments.length > 0 && waiting.length === 0;
      },
      { limitMs: LIMIT_MS, everyMs: 500, explain: () => `not Ready: ${last}` },
    );
  }

  /** helm upgrade. Resolves when all are Ready, and none is left of those before, which work on until they have ended. */
  async upgrade(values: Values = {}): Promise<void> {
    await this.helm(['upgrade', this.name, CHART], values);
    await this.untilReady();
    const wanted = (await this.deployments()).reduce((sum, { spec }) => sum + spec.replicas, 0);
    await until(
      `the pods before the upgrade of ${this.namespace} are gone`,
      async () => (await this.pods(`app.kubernetes.io/instance=${this.name},pod-template-hash`)).length === wanted,
      { limitMs: LIMIT_MS, everyMs: 500 },
    );
  }

  /** Puts the bundled speech into inbox/. @returns its path on the volume */
  async putSample(name = 'jfk.mp3', file = SAMPLE): Promise<string> {
    await this.put(file, `/data/inbox/${name}`);
    return `inbox/${name}`;
  }

  /** Makes a file in the files' pod. */
  put(file: string, path: string, namespace = this.namespace): Promise<void> {
    const directory = path.slice(0, path.lastIndexOf('/'));
    const script = 'set -eu; mkdir -p "$2"; cat > "$1.partial"; mv "$1.partial" "$1"';
    const args = ['exec', '-i', '-n', namespace, FILES_POD, '--', 'sh', '-c', script, 'sh', path, directory];
    return new Promise((resolve, reject) => {
      const child = spawn(kubeProgram('kubectl'), [`--kubeconfig=${this.cluster.kubeconfig}`, ...args], {
        stdio: ['pipe', 'ignore', 'pipe'],
      });
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      child.once('error', reject);
      child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`put ${path}: ${said}`))));
      child.stdin.on('error', () => {}); // it ended without reading all: its exit code says why
      createReadStream(file).pipe(child.stdin);
    });
  }

  /** Runs a command in the files' pod. @returns what it printed */
  inFiles(command: readonly string[], namespace = this.namespace): Promise<string> {
    return this.kubectl(['exec', '-n', namespace, FILES_POD, '--', ...command]);
  }

  /** A file of the media volume. */
  read(path: string): Promise<string> {
    return this.inFiles(['cat', `/data/${path}`]);
  }

  /** Names in a directory of the media volume; none when it is not there. */
  async names(path: string): Promise<string[]> {
    const text = await this.inFiles(['sh', '-c', 'if [ -d "$1" ]; then ls -A "$1"; fi', 'sh', `/data/${path}`]);
    return text.split('\n').filter(Boolean);
  }

  async create(name: string, spec: object): Promise<MediaJobObject> {
    return this.cluster.client.create<MediaJobObject>(this.jobsPath, {
      apiVersion: 'mediajob.io/v1alpha1',
      kind: 'MediaJob',
      metadata: { name },
      spec,
    });
  }

  get jobsPath(): string {
    return `/apis/mediajob.io/v1alpha1/namespaces/${this.namespace}/mediajobs`;
  }

  job(name: string): Promise<MediaJobObject> {
    return this.cluster.client.get<MediaJobObject>(`${this.jobsPath}/${name}`);
  }

  /** Resolves when the MediaJob has this phase. @throws Error with what it says, when it ends otherwise */
  async untilPhase(name: string, phase: string, limitMs = LIMIT_MS): Promise<MediaJobObject> {
    let last: MediaJobObject | undefined;
    return until(
      `${name} is ${phase}`,
      async () => {
        last = await this.job(name);
        const now = last.status?.phase ?? '';
        if (now === phase) return last;
        if (['Succeeded', 'Failed', 'Cancelled'].includes(now))
          throw new Error(`${name} is ${now}: ${last.status?.message}`);
        return false;
      },
      { limitMs, everyMs: 250, explain: () => JSON.stringify(last?.status, null, 2) },
    );
  }

  /** Text of a MediaJob's transcript, as it lies on the volume. */
  async transcriptText({ metadata }: MediaJobObject): Promise<string> {
    return plain(await this.read(`outputs/${metadata.uid}/transcript.txt`));
  }

  pods(selector: string, namespace = this.namespace): Promise<Pod[]> {
    return this.cluster.client.list<Pod>(
      `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`,
    );
  }

  /** As a drain does: whoever disrupts it says so, and it may be refused. */
  async evict(pod: string): Promise<void> {
    await this.cluster.client.create(`/api/v1/namespaces/${this.namespace}/pods/${pod}/eviction`, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: pod, namespace: this.namespace },
    });
  }

  /** Of one component of the release. */
  podsOf(component: string): Promise<Pod[]> {
    return this.pods(`app.kubernetes.io/instance=${this.name},app.kubernetes.io/component=${component}`);
  }

  kubectl(args: readonly string[], options: { input?: string } = {}): Promise<string> {
    return run(kubeProgram('kubectl'), [`--kubeconfig=${this.cluster.kubeconfig}`, ...args], {
      cwd: this.#work,
      ...options,
    });
  }

  /** helm VERB … with the values of the tests, and `values` over them. */
  helm(args: readonly string[], values: Values = {}): Promise<string> {
    const file = join(this.#work, `values-${process.hrtime.bigint()}.json`);
    writeFileSync(file, JSON.stringify(merged(TEST_VALUES, values)));
    const common = [`--kubeconfig=${this.cluster.kubeconfig}`, '--namespace', this.namespace];
    const takesValues = ['install', 'upgrade', 'template'].includes(args[0] ?? '');
    return run(this.cluster.helm, [...args, ...common, ...(takesValues ? ['--values', file] : [])], {
      cwd: this.#work,
    });
  }

  /** Takes it all away, with its namespace. */
  async uninstall(): Promise<void> {
    const { client } = this.cluster;
    try {
      await this.helm(['uninstall', this.name, '--wait', '--timeout', '120s']);
    } finally {
      await removeNamespace(client, this.namespace);
      rmSync(this.#work, { recursive: true, force: true });
      client.close();
    }
  }
}

const VERSION = (JSON.parse(readFileSync(join(CHART, '../../package.json'), 'utf8')) as { version: string }).version;

/** Resolves when it is gone. */
export async function removeNamespace(client: KubeClient, name: string): Promise<void> {
  const path = `/api/v1/namespaces/${name}`;
  await client.delete(path).catch((error: unknown) => {
    if (!(error instanceof StatusError && error.status === 404)) throw error;
  });
  await until(`namespace ${name} is gone`, async () => (await client.find(path)) === undefined, { everyMs: 250 });
}

/** Lower-case words and blanks, so that punctuation makes no difference. */
export function plain(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z\s]/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function merged(base: Values, over: Values): Values {
  const both = Object.entries(over).map(([key, value]) => {
    const under = base[key];
    return [key, isObject(under) && isObject(value) ? merged(under, value) : value] as const;
  });
  return { ...base, ...Object.fromEntries(both) };
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
