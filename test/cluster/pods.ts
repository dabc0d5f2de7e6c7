import { type KubeClient, type Resource, StatusError } from './kube-client.ts';

/** What a kubelet or a test looks at in a pod. */
export interface Pod extends Resource {
  spec: {
    nodeName?: string;
    terminationGracePeriodSeconds?: number;
    containers: { name: string; image: string; env?: { name: string; value?: string }[] }[];
    initContainers?: { name: string; image: string }[];
  };
  status: {
    phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
    reason?: string;
    message?: string;
    startTime?: string;
    conditions?: Condition[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

interface ContainerState {
  waiting?: { reason: string; message?: string };
  running?: { startedAt: string };
  terminated?: Terminated & { startedAt: string; finishedAt: string };
}

interface ContainerStatus {
  name: string;
  image: string;
  imageID: string;
  ready: boolean;
  restartCount: number;
  started: boolean;
  state: ContainerState;
}

interface Terminated {
  exitCode: number;
  /** Completed, Error or OOMKilled. */
  reason: string;
  /** What the container wrote to its termination log: at most 4096 bytes. */
  message?: string;
}

/** How a container ended. */
export interface Ending {
  readonly exitCode: number;
  readonly message?: string;
  /** OOMKilled; left out, Completed or Error by the exit code. */
  readonly reason?: string;
}

const LIMIT_BYTES = 4096;

/** The kubelet keeps the last 4096 bytes of a longer message. */
function terminated({ exitCode, message, reason }: Ending): ContainerState {
  const at = new Date().toISOString();
  const kept = message === undefined ? undefined : Buffer.from(message).subarray(-LIMIT_BYTES).toString();
  return {
    terminated: {
      exitCode,
      reason: reason ?? (exitCode === 0 ? 'Completed' : 'Error'),
      ...(kept === undefined ? {} : { message: kept }),
      startedAt: at,
      finishedAt: at,
    },
  };
}

function statusesOf(
  containers: readonly { name: string; image: string }[] = [],
  state: ContainerState,
): ContainerStatus[] {
  return containers.map(({ name, image }) => ({
    name,
    image,
    imageID: '',
    ready: state.running !== undefined,
    restartCount: 0,
    started: state.running !== undefined,
    state,
  }));
}

const condition = (type: string, status: Condition['status'], reason?: string, message?: string): Condition => ({
  type,
  status,
  ...(reason ? { reason } : {}),
  ...(message ? { message } : {}),
  lastTransitionTime: new Date().toISOString(),
});

/** A Node that no kubelet stands behind: Ready, and with room. */
export async function addNode(client: KubeClient, name: string, labels: Record<string, string> = {}): Promise<void> {
  await client.create('/api/v1/nodes', {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', ...labels } },
  });
  await setNodeReady(client, name, 'True');
  const room = { cpu: '64', memory: '256Gi', pods: '500', 'ephemeral-storage': '1Ti' };
  await client.patch(`/api/v1/nodes/${name}/status`, { status: { capacity: room, allocatable: room } });
}

/** `Unknown` is what a node that has gone silent becomes. */
export async function setNodeReady(client: KubeClient, name: string, status: Condition['status']): Promise<void> {
  const reason = status === 'True' ? 'KubeletReady' : 'NodeStatusUnknown';
  await client.patch(`/api/v1/nodes/${name}/status`, { status: { conditions: [condition('Ready', status, reason)] } });
}

/**
 * One pod, played by the test in the scheduler's and kubelet's place. Each method is one thing that happens to pods, and
 * leaves the object as the real ones leave it.
 */
export class PodPlayer {
  readonly namespace: string;
  readonly name: string;
  readonly #client: KubeClient;

  constructor(client: KubeClient, pod: { metadata: { namespace?: string; name: string } }) {
    this.#client = client;
    this.namespace = pod.metadata.namespace ?? 'default';
    this.name = pod.metadata.name;
  }

  get path(): string {
    return `/api/v1/namespaces/${this.namespace}/pods/${this.name}`;
  }

  read(): Promise<Pod> {
    return this.#client.get<Pod>(this.path);
  }

  /** The scheduler's decision. Without it, a deleted pod is gone at once. */
  async bind(node: string): Promise<void> {
    await persist(async () => {
      if ((await this.read()).spec.nodeName === node) return;
      await this.#client.create(`${this.path}/binding`, {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: this.name },
        target: { apiVersion: 'v1', kind: 'Node', name: node },
      });
    });
  }

  /** No node fits. */
  async unschedulable(message = '0/1 nodes are available: 1 Insufficient nvidia.com/gpu.'): Promise<void> {
    await this.#update(() => ({ conditions: [condition('PodScheduled', 'False', 'Unschedulable', message)] }));
  }

  async running(): Promise<void> {
    await this.#update(({ spec }) => ({
      phase: 'Running',
      startTime: new Date().toISOString(),
      conditions: [condition('Initialized', 'True'), condition('Ready', 'True'), condition('ContainersReady', 'True')],
      initContainerStatuses: statusesOf(spec.initContainers, terminated({ exitCode: 0 })),
      containerStatuses: statusesOf(spec.containers, { running: { startedAt: new Date().toISOString() } }),
    }));
  }

  /** All containers ended with 0; `message` is their termination message. */
  async succeeded(message?: string): Promise<void> {
    await this.#ended({ exitCode: 0, ...(message === undefined ? {} : { message }) });
  }

  async failed(exitCode: number, message?: string): Promise<void> {
    await this.#ended({ exitCode, ...(message === undefined ? {} : { message }) });
  }

  async oomKilled(): Promise<void> {
    await this.#ended({ exitCode: 137, reason: 'OOMKilled' });
  }

  /** Evicted, preempted or drained: the API server marks the pod, the containers end by SIGTERM. */
  async disrupted(reason = 'PreemptionByScheduler', exitCode = 143): Promise<void> {
    await this.#ended({ exitCode }, [
      condition('DisruptionTarget', 'True', reason, 'preempted to accommodate a higher priority pod'),
    ]);
  }

  /** The first init container fails; no other container ever starts. */
  async initFailed(exitCode: number, message?: string): Promise<void> {
    await this.#update(({ spec }) => {
      const [first, ...rest] = spec.initContainers ?? [];
      if (!first) throw new Error(`pod ${this.name} has no init container`);
      const waiting = { waiting: { reason: 'PodInitializing' } };
      return {
        phase: 'Failed',
        conditions: [condition('Initialized', 'False', 'ContainersNotInitialized'), condition('Ready', 'False')],
        initContainerStatuses: [
          ...statusesOf([first], terminated({ exitCode, ...(message === undefined ? {} : { message }) })),
          ...statusesOf(rest, waiting),
        ],
        containerStatuses: statusesOf(spec.containers, waiting),
      };
    });
  }

  async imagePullBackOff(): Promise<void> {
    await this.waiting('ImagePullBackOff', 'Back-off pulling image');
  }

  /** Pending, with every container waiting for this reason: ContainerCreating, CreateContainerConfigError, … */
  async waiting(reason: string, message?: string): Promise<void> {
    await this.#update(({ spec }) => ({
      phase: 'Pending',
      conditions: [condition('Initialized', 'True'), condition('Ready', 'False', 'ContainersNotReady')],
      containerStatuses: statusesOf(spec.containers, { waiting: { reason, ...(message ? { message } : {}) } }),
    }));
  }

  /** The kubelet's own refusal or eviction: Failed without any container's end. */
  async evicted(message = 'The node was low on resource: ephemeral-storage.'): Promise<void> {
    await this.#update(() => ({
      phase: 'Failed',
      reason: 'Evicted',
      message,
      conditions: [condition('DisruptionTarget', 'True', 'TerminationByKubelet', message)],
    }));
  }

  /** As `kubectl delete` and the Job controller ask for it: a bound pod then has its grace period to end. */
  async requestDeletion(): Promise<void> {
    await this.#client.delete(this.path);
  }

  /** The kubelet's last word after a graceful deletion: the containers have ended, the object may go. */
  async finishDeletion(exitCode = 143): Promise<void> {
    const { metadata, status } = await this.read();
    if (!['Succeeded', 'Failed'].includes(status.phase)) await this.#ended({ exitCode });
    await persist(() =>
      this.#client.delete(this.path, { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } }),
    );
  }

  async #ended(ending: Ending, conditions: readonly Condition[] = []): Promise<void> {
    const phase = ending.exitCode === 0 ? 'Succeeded' : 'Failed';
    const reason = ending.exitCode === 0 ? 'PodCompleted' : 'PodFailed';
    await this.#update(({ spec }) => ({
      phase,
      conditions: [
        condition('Initialized', 'True'),
        condition('Ready', 'False', reason),
        condition('ContainersReady', 'False', reason),
        ...conditions,
      ],
      initContainerStatuses: statusesOf(spec.initContainers, terminated({ exitCode: 0 })),
      containerStatuses: statusesOf(spec.containers, terminated(ending)),
    }));
  }

  /** Conditions that are not named stay. */
  async #update(change: (pod: Pod) => Partial<Pod['status']>): Promise<void> {
    await persist(async () => {
      const pod = await this.read();
      const { conditions = [], ...rest } = change(pod);
      const changed = new Set(conditions.map((it) => it.type));
      const kept = (pod.status.conditions ?? []).filter((it) => !changed.has(it.type));
      await this.#client.patch(`${this.path}/status`, {
        // Somebody else may have written in between: then what was read is no longer true.
        metadata: { uid: pod.metadata.uid, resourceVersion: pod.metadata.resourceVersion },
        status: { ...rest, conditions: [...kept, ...conditions] },
      });
    });
  }
}

const TRIES = 100;
const PAUSE_MS = 100;

/** A kubelet tries until the API server is there and nobody else was faster. */
async function persist(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      const isFinal = error instanceof StatusError && error.status < 500 && error.reason !== 'Conflict';
      if (isFinal || attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
