import { MediaJobStatus, StepRequest, type StepResult } from '@mediajob/contract';
import { CoreEvents, Jobs, Namespaces, PersistentVolumeClaims, type Pod, Pods } from '@mediajob/kube';
import { type Choice, collectGarbage, inOrder, World } from '../../packages/kube/test/memory-api/index.js';
import { COMPLETION_INDEX } from '../src/labels.js';
import { type MediaJobObject, MediaJobs } from '../src/media-job-kind.js';
import { MAIN_CONTAINER } from '../src/pod-template.js';
import { aMediaJob, NAMESPACE, RESULTS } from './builders.js';
import { JobController } from './job-controller.js';

export interface SimulatedClusterOptions {
  readonly seed?: number;
  /** In which order things happen; in that in which they were begun, when left out. */
  readonly choose?: Choice;
  /** Chunks of every source. */
  readonly chunks?: number;
  /** How long a pod runs, in ms. */
  readonly runMs?: number;
  /** What becomes of a pod; left out, or undefined: it succeeds with its result. */
  fate?(pod: Pod, request: StepRequest): { exitCode: number; message?: string; disrupted?: boolean } | undefined;
}

/**
 * A cluster in the memory of a simulation: a Job controller, a kubelet that runs whatever there is, and the garbage
 * collector, each of which does its part every second of simulated time.
 */
export class SimulatedCluster {
  readonly world: World;
  readonly jobController: JobController;
  /** Runs that a kubelet started, by Job and index: how often. */
  readonly started = new Map<string, number>();
  readonly #options: SimulatedClusterOptions;
  readonly #ends = new Map<string, number>();

  constructor(options: SimulatedClusterOptions = {}) {
    this.#options = options;
    this.world = new World({ seed: options.seed ?? 1, choose: options.choose ?? inOrder });
    const { server } = this.world;
    server
      .register(MediaJobs, {
        status: true,
        listKeys: { 'status.stages': ['name'], 'status.conditions': ['type'], 'status.outputs': ['name'] },
      })
      .register(CoreEvents, { selectable: ['reason', 'involvedObject.kind'] });
    server.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    for (const name of ['media', 'models']) {
      const metadata = { name, namespace: NAMESPACE };
      server.create(PersistentVolumeClaims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata });
    }
    this.jobController = new JobController(server, () => this.world.simulation.now);
    this.#tick();
  }

  apply(builder = aMediaJob(), name = 'talk'): MediaJobObject {
    const { metadata, spec, apiVersion, kind } = builder.build();
    const { labels, annotations } = metadata;
    return this.world.server.create(MediaJobs, {
      apiVersion,
      kind,
      metadata: { name, namespace: NAMESPACE, ...(labels && { labels }), ...(annotations && { annotations }) },
      spec,
    });
  }

  status(name = 'talk'): MediaJobStatus | undefined {
    const found = this.world.server.find(MediaJobs, { namespace: NAMESPACE, name });
    return found === undefined ? undefined : MediaJobStatus.parse(found.status ?? {});
  }

  jobNames(): string[] {
    return this.world.server.all(Jobs).map(({ metadata }) => metadata.name);
  }

  /** Does steps until the MediaJob has the phase. */
  async reach(phase: string, name = 'talk'): Promise<void> {
    await this.world.simulation.run(() => this.status(name)?.phase === phase);
  }

  #tick(): void {
    const { simulation, server } = this.world;
    simulation.at(simulation.now + 1000, 'cluster', 'the cluster works', () => {
      this.jobController.sync();
      for (const pod of server.all(Pods)) this.#play(pod);
      this.jobController.sync();
      collectGarbage(server);
      this.#tick();
    });
  }

  #play(pod: Pod): void {
    const { server, simulation } = this.world;
    const ref = { name: pod.metadata.name, namespace: NAMESPACE };
    if (pod.metadata.deletionTimestamp !== undefined) {
      server.delete(Pods, ref, { propagationPolicy: 'Background', gracePeriodSeconds: 0 });
      return;
    }
    const now = `${new Date(simulation.now).toISOString().slice(0, 19)}Z`;
    const end = this.#ends.get(pod.metadata.uid);
    if (end === undefined) {
      this.#ends.set(pod.metadata.uid, simulation.now + (this.#options.runMs ?? 3000));
      const index = pod.metadata.annotations?.[COMPLETION_INDEX];
      const run = `${pod.metadata.ownerReferences?.[0]?.name}/${index ?? ''}`;
      this.started.set(run, (this.started.get(run) ?? 0) + 1);
      server.update(Pods, ref, (it) => ({ ...it, spec: { ...it.spec, nodeName: 'n1' } }));
      this.#status(pod, {
        phase: 'Running',
        startTime: now,
        containerStatuses: [container({ running: { startedAt: now } })],
      });
    } else if (end <= simulation.now && pod.status?.phase === 'Running') {
      const request = requestOf(pod);
      const { exitCode, message, disrupted } = this.#options.fate?.(pod, request) ?? {
        exitCode: 0,
        message: JSON.stringify({ result: this.#resultOf(pod, request) }),
      };
      const terminated = { exitCode, startedAt: now, finishedAt: now, ...(message !== undefined && { message }) };
      this.#status(pod, {
        phase: exitCode === 0 ? 'Succeeded' : 'Failed',
        containerStatuses: [container({ terminated })],
        ...(disrupted === true && { conditions: [{ type: 'DisruptionTarget', status: 'True' as const }] }),
      });
    }
  }

  #status(pod: Pod, change: Pod['status']): void {
    const ref = { name: pod.metadata.name, namespace: NAMESPACE };
    const merged = (it: Pod): Pod => ({ ...it, status: { ...it.status, ...change } });
    this.world.server.update(Pods, ref, merged, { subresource: 'status' });
  }

  #resultOf(pod: Pod, request: StepRequest): StepResult {
    switch (request.stage) {
      case 'convert':
        return RESULTS.convert(this.#options.chunks ?? 1);
      case 'transcribe': {
        const shard = Number(pod.metadata.annotations?.[COMPLETION_INDEX] ?? request.shard);
        return RESULTS.transcribe(shard, request.finalize !== undefined);
      }
      case 'finalize':
        return RESULTS.finalize();
      case 'render':
        return RESULTS.render();
      case 'cleanup':
        return RESULTS.cleanup();
    }
  }
}

function requestOf(pod: Pod): StepRequest {
  const main = pod.spec.containers.find(({ name }) => name === MAIN_CONTAINER);
  const text = main?.env?.find(({ name }) => name === 'MEDIAJOB_REQUEST')?.value ?? '';
  return StepRequest.parse(JSON.parse(text.replaceAll('$$', '$')));
}

function container(state: NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number]['state']) {
  return { name: MAIN_CONTAINER, ready: false, restartCount: 0, image: '', imageID: '', ...(state && { state }) };
}
