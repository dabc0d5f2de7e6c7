import { MediaJobStatus, StepRequest, type StepResult } from '@mediajob/contract';
import { mediaJobCrd } from '@mediajob/contract/crd';
import {
  CoreEvents,
  Events,
  HttpKubeApi,
  isNotFound,
  type Job,
  Jobs,
  type KubeApi,
  kubeConfigAccess,
  PersistentVolumeClaims,
  systemClock,
} from '@mediajob/kube';
import { findCondition } from '@mediajob/pipeline';
import { RUN_SELECTOR } from '../../operator/src/labels.ts';
import { type MediaJobObject, MediaJobs } from '../../operator/src/media-job-kind.ts';
import type { OperatorConfig } from '../../operator/src/operator-config.ts';
import { type OperatorOptions, type RunningOperator, startOperator } from '../../operator/src/start-operator.ts';
import { aMediaJob, RESULTS } from '../../operator/test/builders.ts';
import { CONFIG } from '../../operator/test/rig.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { type Fate, Kubelet } from '../cluster/kubelet.ts';
import { addNode, type Pod, type PodPlayer } from '../cluster/pods.ts';
import { until } from '../cluster/until.ts';

export const NODE = 'node-1';
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** A control plane that knows MediaJobs, for all tests of a file; each test has a namespace of its own. */
export async function startMediaJobCluster(): Promise<ControlPlane> {
  const controlPlane = await startControlPlane({ definitions: [mediaJobCrd()] });
  await addNode(controlPlane.client, NODE);
  return controlPlane;
}

export async function apiOf(kubeconfig: string): Promise<HttpKubeApi> {
  const environment = { clock: systemClock, random: Math.random, log: quiet };
  const access = await kubeConfigAccess({ file: kubeconfig, ...environment });
  return new HttpKubeApi({ access, environment });
}

/** What becomes of the pods of a stage. */
export type Fates = Partial<Record<StepRequest['stage'], Fate>>;

export interface WorldOptions {
  readonly controlPlane: ControlPlane;
  readonly labels?: Record<string, string>;
  readonly fates?: Fates;
  readonly chunks?: number;
  /** False: pods wait for what the test itself does to them. */
  readonly kubelet?: boolean;
  readonly onDeletion?: Fate;
  readonly config?: Partial<OperatorConfig>;
  readonly operator?: Partial<OperatorOptions>;
}

let worlds = 0;

/** A namespace with an operator of its own, and a kubelet that does with its pods what a test says. */
export class OperatorWorld {
  readonly namespace: string;
  readonly api: HttpKubeApi;
  readonly controlPlane: ControlPlane;
  operator: RunningOperator;
  readonly #options: WorldOptions;
  #kubelet: Kubelet | undefined;

  private constructor(namespace: string, api: HttpKubeApi, options: WorldOptions) {
    this.namespace = namespace;
    this.api = api;
    this.controlPlane = options.controlPlane;
    this.#options = options;
    this.operator = this.startOperator();
    if (options.kubelet !== false) this.startKubelet();
  }

  static async open(options: WorldOptions): Promise<OperatorWorld> {
    const { controlPlane, labels } = options;
    const namespace = await controlPlane.namespace(`world-${++worlds}`, labels);
    const api = await apiOf(controlPlane.kubeconfig);
    for (const name of ['media', 'models']) {
      await api.create(PersistentVolumeClaims, {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name, namespace },
        spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } },
      });
    }
    return new OperatorWorld(namespace, api, options);
  }

  /** Another one, as after a restart, or beside the first. */
  startOperator(api: KubeApi = this.api, more: Partial<OperatorOptions> = {}): RunningOperator {
    const { config, operator } = this.#options;
    this.operator = startOperator({
      api,
      environment: { clock: systemClock, random: Math.random, log: quiet },
      config: { ...CONFIG, ...config },
      namespaces: [this.namespace],
      maxBackoffMs: 1000,
      ...operator,
      ...more,
    });
    return this.operator;
  }

  startKubelet(): void {
    const { controlPlane, fates = {}, onDeletion } = this.#options;
    this.#kubelet = new Kubelet({
      client: controlPlane.client,
      node: NODE,
      namespace: this.namespace,
      labelSelector: RUN_SELECTOR,
      fate: async (player, pod) => {
        const fate = fates[requestOf(pod).stage];
        await (fate ?? this.succeed)(player, pod);
      },
      ...(onDeletion !== undefined && { onDeletion }),
    });
  }

  /** The pod runs and ends with the result that its step would have. */
  readonly succeed: Fate = async (player, pod) => {
    await player.running();
    await player.succeeded(JSON.stringify({ result: this.resultOf(pod) }));
  };

  async close(): Promise<void> {
    await this.operator.stop();
    await this.#kubelet?.stop();
    await this.api.close();
  }

  resultOf(pod: Pod): StepResult {
    const request = requestOf(pod);
    switch (request.stage) {
      case 'convert':
        return RESULTS.convert(this.#options.chunks ?? 1);
      case 'transcribe':
        return RESULTS.transcribe(indexOf(pod) ?? request.shard, request.finalize !== undefined);
      case 'finalize':
        return RESULTS.finalize();
      case 'render':
        return RESULTS.render();
      case 'cleanup':
        return RESULTS.cleanup();
    }
  }

  async apply(builder = aMediaJob(), name = 'talk'): Promise<MediaJobObject> {
    const { metadata, spec, apiVersion, kind } = builder.build();
    const { labels, annotations } = metadata;
    return this.api.create(MediaJobs, {
      apiVersion,
      kind,
      metadata: { name, namespace: this.namespace, ...(labels && { labels }), ...(annotations && { annotations }) },
      spec,
    });
  }

  async patch(body: object, name = 'talk'): Promise<void> {
    await this.api.patch(MediaJobs, { namespace: this.namespace, name }, { type: 'merge', body });
  }

  async delete(name = 'talk'): Promise<void> {
    await this.api.delete(MediaJobs, { namespace: this.namespace, name }, { propagationPolicy: 'Background' });
  }

  async find(name = 'talk'): Promise<MediaJobObject | undefined> {
    try {
      return await this.api.get(MediaJobs, { namespace: this.namespace, name });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async status(name = 'talk'): Promise<MediaJobStatus> {
    return MediaJobStatus.parse((await this.find(name))?.status ?? {});
  }

  async jobs(): Promise<readonly Job[]> {
    return (await this.api.list(Jobs, { namespace: this.namespace })).items;
  }

  async jobNames(): Promise<string[]> {
    return (await this.jobs()).map(({ metadata }) => metadata.name).sort();
  }

  /** The pod of a Job that has not ended. */
  async podOf(job: string): Promise<Pod> {
    const selector = encodeURIComponent(`job-name=${job}`);
    return until(`${job} has a pod`, async () => {
      const pods = await this.controlPlane.client.list<Pod>(
        `/api/v1/namespaces/${this.namespace}/pods?labelSelector=${selector}`,
      );
      return pods.find(({ status }) => status.phase !== 'Succeeded' && status.phase !== 'Failed');
    });
  }

  /** Waits until the status is as asked. */
  async reach(want: (status: MediaJobStatus) => boolean, name = 'talk'): Promise<MediaJobStatus> {
    let last: MediaJobStatus | undefined;
    return until(
      'the status is as it should be',
      async () => {
        last = await this.status(name);
        return want(last) ? last : undefined;
      },
      { explain: () => JSON.stringify(last, undefined, 2) },
    );
  }

  reachPhase(phase: MediaJobStatus['phase'], name = 'talk'): Promise<MediaJobStatus> {
    return this.reach((status) => status.phase === phase, name);
  }

  /** Waits for a reason of the Queued condition. */
  reachQueued(reason: string): Promise<MediaJobStatus> {
    return this.reach(({ conditions }) => {
      const queued = findCondition(conditions, 'Queued');
      return queued?.status === 'True' && queued.reason === reason;
    });
  }

  async reachGone(name = 'talk'): Promise<void> {
    await until('the MediaJob is gone', async () => (await this.find(name)) === undefined);
  }

  async reachJob(name: string): Promise<Job> {
    return until(`there is a Job ${name}`, async () => (await this.jobs()).find((job) => job.metadata.name === name));
  }

  /** Reasons of the events about MediaJobs. */
  async told(): Promise<string[]> {
    const { items } = await this.api.list(Events, { namespace: this.namespace });
    return items.filter(({ regarding }) => regarding?.kind === 'MediaJob').map(({ reason }) => reason ?? '');
  }

  async eventsAbout(kind: string): Promise<string[]> {
    const fieldSelector = `involvedObject.kind=${kind}`;
    const { items } = await this.api.list(CoreEvents, { namespace: this.namespace, fieldSelector });
    return items.map(({ message }) => message ?? '');
  }
}

export function requestOf(pod: Pod): StepRequest {
  const text = pod.spec.containers
    .flatMap(({ env }) => env ?? [])
    .find(({ name }) => name === 'MEDIAJOB_REQUEST')?.value;
  return StepRequest.parse(JSON.parse((text ?? '').replaceAll('$$', '$')));
}

export function indexOf(pod: Pod): number | undefined {
  const index = pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index'];
  return index === undefined ? undefined : Number(index);
}

export type { Fate, PodPlayer };
