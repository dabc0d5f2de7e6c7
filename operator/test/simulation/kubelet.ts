import { parseRunName, runName, StepRequest, type StepResult } from '@mediajob/contract';
import { type Pod, type PodCondition, Pods } from '@mediajob/kube';
import type { MemoryServer, Simulation } from '../../../packages/kube/test/memory-api/index.js';
import { COMPLETION_INDEX, Label } from '../../src/labels.js';
import { MAIN_CONTAINER, PREPARE_CONTAINER } from '../../src/pod-template.js';
import { RESULTS } from '../builders.js';
import type { Chance } from './chance.js';
import { type Fate, fateOf } from './fates.js';
import type { Ledger, RunOf } from './ledger.js';
import type { Story } from './story.js';

export const NODES = ['n1', 'n2', 'n3'];
const CONTROL_PLANE = 'control-plane';
/** After which a node that does not answer loses its pods, in ms: the toleration that every pod has. */
const EVICTED_AFTER_MS = 300_000;

export interface KubeletOptions {
  readonly server: MemoryServer;
  readonly simulation: Simulation;
  readonly chance: Chance;
  readonly ledger: Ledger;
  readonly story: Story;
  /** A run tells how far it is. */
  progress(uid: string, runName: string, fraction: number): void;
}

/** The scheduler and the kubelets of all nodes: pods come, run, meet their fates and go, each in its own time. */
export class Kubelet {
  /** Nothing fails any more but what has to. */
  kind = false;
  readonly lost = new Set<string>();
  readonly #options: KubeletOptions;

  constructor(options: KubeletOptions) {
    this.#options = options;
    options.server.table(Pods).listeners.add(({ type, object, before }) => {
      if (type === 'ADDED') this.#schedule(object as Pod);
      const begins =
        before?.metadata.deletionTimestamp === undefined && object.metadata.deletionTimestamp !== undefined;
      if (type === 'MODIFIED' && begins) this.#terminate(object as Pod);
    });
  }

  /** Pods that really run, or may: also on nodes that nobody hears of. */
  get unended(): Pod[] {
    return this.#options.server.all(Pods).filter((pod) => !hasEnded(pod));
  }

  /** Nobody hears of a node; what runs there goes on, and nobody knows. */
  lose(node: string, ms: number): void {
    const { simulation, story } = this.#options;
    if (this.lost.has(node)) return;
    this.lost.add(node);
    story.tell(node, `does not answer for ${Math.round(ms / 1000)} s`);
    simulation.pause(node);
    simulation.at(simulation.now + EVICTED_AFTER_MS, CONTROL_PLANE, `taint of ${node}`, () => {
      if (!this.lost.has(node)) return;
      for (const pod of this.unended) if (pod.spec.nodeName === node) this.disrupt(pod);
    });
    simulation.at(simulation.now + ms, CONTROL_PLANE, `${node} is back`, () => this.find(node));
  }

  find(node: string): void {
    if (!this.lost.delete(node)) return;
    this.#options.story.tell(node, 'answers again');
    this.#options.simulation.resume(node);
  }

  /** Preempted, drained or evicted. */
  disrupt(pod: Pod): void {
    const there = this.#there(pod);
    if (there === undefined || hasEnded(there) || there.metadata.deletionTimestamp !== undefined) return;
    this.#status(pod, { conditions: [...conditions(there), { type: 'DisruptionTarget', status: 'True' }] });
    this.#options.story.tell(pod.metadata.name, 'is taken away');
    this.#options.server.delete(Pods, refTo(pod), { propagationPolicy: 'Background' });
  }

  #later(owner: string, most: number, pod: Pod, label: string, work: (pod: Pod) => void): void {
    const { simulation, chance } = this.#options;
    const at = simulation.now + chance.between(0, most);
    simulation.at(at, owner, `${label} ${pod.metadata.name}`, () => {
      const there = this.#there(pod);
      if (there !== undefined) work(there);
    });
  }

  #schedule(pod: Pod): void {
    const { chance } = this.#options;
    if (!this.kind && chance.hits(0.08)) {
      const message = '0/3 nodes are available: 3 Insufficient cpu.';
      this.#later(CONTROL_PLANE, 2_000, pod, 'no node for', (it) => {
        if (it.spec.nodeName !== undefined) return;
        const scheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message } as const;
        this.#status(it, { phase: 'Pending', conditions: [...conditions(it), scheduled] });
      });
      this.#later(CONTROL_PLANE, 120_000, pod, 'bind', (it) => this.#bind(it));
    } else this.#later(CONTROL_PLANE, 4_000, pod, 'bind', (it) => this.#bind(it));
  }

  #bind(pod: Pod): void {
    const { server, chance } = this.#options;
    if (pod.metadata.deletionTimestamp !== undefined || hasEnded(pod)) return;
    const free = NODES.filter((node) => !this.lost.has(node));
    const node = chance.pick(free.length > 0 ? free : NODES);
    server.update(Pods, refTo(pod), (it) => ({ ...it, spec: { ...it.spec, nodeName: node } }));
    this.#status(pod, { phase: 'Pending', conditions: conditions(pod).filter(({ type }) => type !== 'PodScheduled') });
    if (!this.kind && chance.hits(0.05)) {
      this.#later(node, 1_000, pod, 'pull', (it) => {
        if (hasEnded(it)) return;
        const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image' };
        this.#status(it, { phase: 'Pending', containerStatuses: [container(MAIN_CONTAINER, { waiting })] });
      });
    }
    this.#later(node, this.kind ? 3_000 : 10_000, pod, 'start', (it) => this.#start(it, node));
  }

  #start(pod: Pod, node: string): void {
    const { chance, simulation, story } = this.#options;
    if (pod.metadata.deletionTimestamp !== undefined || hasEnded(pod)) return;
    const now = this.#time();
    const started = [container(MAIN_CONTAINER, { running: { startedAt: now } })];
    this.#status(pod, { phase: 'Running', startTime: now, containerStatuses: started });
    story.tell(pod.metadata.name, `runs on ${node}`);
    const ms = this.kind
      ? 10_000
      : chance.weighted([
          [6, 20_000],
          [2, 120_000],
          [1, 600_000],
        ]);
    const end = simulation.now + chance.between(0, ms);
    simulation.at(end, node, `end ${pod.metadata.name}`, () => {
      const there = this.#there(pod);
      if (there !== undefined && !hasEnded(there)) this.#end(there, fateOf(runOf(there), this.#options, this.kind));
    });
    for (let i = 0; i < 3; i++) {
      const at = chance.between(simulation.now, end);
      const fraction = chance.random();
      simulation.at(at, node, `progress ${pod.metadata.name}`, () => {
        const run = runOf(pod);
        const key = { ...run, try: Number(pod.metadata.labels?.[Label.try]) };
        this.#options.progress(run.uid, runName(run.uid, key), fraction);
      });
    }
  }

  #terminate(pod: Pod): void {
    const { chance, server } = this.#options;
    const node = pod.spec.nodeName;
    const gone = (it: Pod) => {
      const rest = this.#there(it);
      if (rest !== undefined)
        server.delete(Pods, refTo(it), { propagationPolicy: 'Background', gracePeriodSeconds: 0 });
    };
    this.#later(node ?? CONTROL_PLANE, node === undefined ? 2_000 : 20_000, pod, 'terminate', (it) => {
      if (!hasEnded(it)) {
        const inTime = it.status?.phase === 'Running' && chance.hits(0.1);
        this.#end(it, inTime ? fateOf(runOf(it), this.#options, true) : INTERRUPTED);
      }
      gone(it);
    });
  }

  #end(pod: Pod, fate: Fate): void {
    const { ledger, story } = this.#options;
    const run = runOf(pod);
    const now = this.#time();
    const message = fate.kind === 'done' || fate.readable ? this.#messageOf(pod, run, fate) : fate.noise;
    const startedAt = pod.status?.startTime ?? now;
    const reason = fate.reason ?? (fate.exitCode === 0 ? 'Completed' : 'Error');
    const { exitCode } = fate;
    const terminated = { exitCode, reason, startedAt, finishedAt: now, ...(message !== undefined && { message }) };
    const disrupted = conditions(pod).some(({ type }) => type === 'DisruptionTarget');
    ledger.ended(run, disrupted && fate.kind !== 'done' ? 'free' : fate.kind);
    story.tell(
      pod.metadata.name,
      `ends with ${exitCode} (${fate.kind}${message === undefined ? ', says nothing' : ''})`,
    );
    const prepared = fate.inPrepare === true;
    this.#status(pod, {
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      ...(prepared
        ? { initContainerStatuses: [container(PREPARE_CONTAINER, { terminated })], containerStatuses: [] }
        : { containerStatuses: fate.withoutContainer === true ? [] : [container(MAIN_CONTAINER, { terminated })] }),
      ...(fate.withoutContainer === true && { reason: 'Evicted', message: 'The node was low on resource: memory.' }),
    });
  }

  #messageOf(pod: Pod, run: RunOf, fate: Fate): string {
    if (fate.kind === 'done') return JSON.stringify({ result: this.#resultOf(pod, run) });
    const { exitCode, failure = 'Internal' } = fate;
    return JSON.stringify({ failure: { exitCode, reason: failure, message: `It failed with ${exitCode}.` } });
  }

  #resultOf(pod: Pod, { uid, shard }: RunOf): StepResult {
    const request = requestOf(pod);
    switch (request.stage) {
      case 'convert':
        return RESULTS.convert(this.#options.ledger.natures.get(uid)?.chunks ?? 1);
      case 'transcribe':
        return RESULTS.transcribe(shard, request.finalize !== undefined);
      case 'finalize':
        return RESULTS.finalize();
      case 'render':
        return RESULTS.render();
      case 'cleanup':
        return RESULTS.cleanup();
    }
  }

  #there(pod: Pod): Pod | undefined {
    const there = this.#options.server.find(Pods, refTo(pod));
    return there?.metadata.uid === pod.metadata.uid ? there : undefined;
  }

  #status(pod: Pod, change: Pod['status']): void {
    const merged = (it: Pod): Pod => ({ ...it, status: { ...it.status, ...change } });
    this.#options.server.update(Pods, refTo(pod), merged, { subresource: 'status' });
  }

  #time(): string {
    return `${new Date(this.#options.simulation.now).toISOString().slice(0, 19)}Z`;
  }
}

const INTERRUPTED: Fate = { kind: 'free', exitCode: 143, readable: false };

export function runOf(pod: Pod): RunOf {
  const { labels = {}, annotations } = pod.metadata;
  const parsed = parseRunName(requestOf(pod).runId);
  if (parsed === undefined) throw new Error(`the pod ${pod.metadata.name} is asked for no run`);
  return {
    uid: labels[Label.uid] ?? '',
    stage: parsed.key.stage,
    attempt: parsed.key.attempt,
    shard: Number(annotations?.[COMPLETION_INDEX] ?? parsed.key.shard),
  };
}

function requestOf(pod: Pod): StepRequest {
  const main = pod.spec.containers.find(({ name }) => name === MAIN_CONTAINER);
  const text = main?.env?.find(({ name }) => name === 'MEDIAJOB_REQUEST')?.value ?? '';
  return StepRequest.parse(JSON.parse(text.replaceAll('$$', '$')));
}

function conditions({ status }: Pod): readonly PodCondition[] {
  return status?.conditions ?? [];
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function refTo({ metadata }: Pod): { name: string; namespace: string } {
  return { name: metadata.name, namespace: metadata.namespace ?? '' };
}

type State = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number]['state'];

function container(name: string, state: State) {
  return { name, ready: false, restartCount: 0, image: '', imageID: '', ...(state && { state }) };
}
