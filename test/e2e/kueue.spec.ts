import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bringKueue } from '../../scripts/setup/cluster-programs.ts';
import type { Resource } from '../cluster/kube-client.ts';
import { importImage } from '../cluster/rig/container-runtime.ts';
import { rigPaths, rigSettings } from '../cluster/rig/rig-settings.ts';
import { until } from '../cluster/until.ts';
import { GPU, GPU_PROFILE, offerGpus } from './gpus.ts';
import { SHORT_CHUNKS } from './long-speech.ts';
import { Release, type Values } from './release.ts';
import { SpeechJobs } from './speech-jobs.ts';
import { isRig } from './the-cluster.ts';

const NAMESPACE = 'e2e-kueue';
const QUEUE = 'one-at-a-time';
// One run each, and so one GPU: shards ask for theirs all at once.
const CONFIG = { ...SHORT_CHUNKS, MEDIAJOB_CHUNKS_PER_SHARD: 1000 };
const VALUES: Values = { operator: { config: CONFIG }, profiles: { gpu: GPU_PROFILE } };

interface Workload extends Resource {
  spec: { active?: boolean };
}

// On another cluster Kueue is for its administrator to install.
describe.runIf(isRig)('in a queue of Kueue that has a GPU for one', () => {
  let release: Release;
  let speech: SpeechJobs;
  let manifests: string;

  beforeAll(async () => {
    const kueue = await bringKueue();
    manifests = kueue.manifests;
    await importImage(rigPaths(rigSettings()), kueue.image);
    release = await Release.install({ namespace: NAMESPACE, values: VALUES });
    await offerGpus(release, '2');
    await release.kubectl(['apply', '--server-side', '--force-conflicts', '-f', manifests]);
    const rolledOut = ['rollout', 'status', '-n', 'kueue-system', 'deploy/kueue-controller-manager', '--timeout=300s'];
    await release.kubectl(rolledOut);
    // Its webhooks answer some seconds after it is ready.
    await until(
      'Kueue takes queues',
      () => release.kubectl(['apply', '-f', '-'], { input: JSON.stringify(QUEUES) }).catch(() => false as const),
      { limitMs: 180_000, everyMs: 1000 },
    );
    await release.upgrade({
      ...VALUES,
      operator: { config: CONFIG, kueue: 'on' },
      localQueues: [{ name: 'media', clusterQueue: QUEUE }],
    });
    // Long enough for another to be converted meanwhile.
    speech = await SpeechJobs.of(release, 16, { queue: { transcribe: 'media' }, profile: 'gpu' });
  }, 900_000);
  afterAll(async () => {
    if (release === undefined) return;
    await offerGpus(release, null);
    // Its objects before itself: it lets go of them.
    await release.kubectl(['delete', 'mj', '--all', '-n', NAMESPACE, '--timeout=120s']);
    await release.kubectl(['delete', 'localqueue', '--all', '-n', NAMESPACE, '--ignore-not-found', '--timeout=60s']);
    await release.kubectl(['delete', '-f', '-', '--ignore-not-found', '--timeout=60s'], {
      input: JSON.stringify(QUEUES),
    });
    await release.kubectl(['delete', '-f', manifests, '--ignore-not-found', '--timeout=180s']);
    await release.uninstall();
  });

  /** Resolves when it says that it waits for quota, and why: Kueue takes a moment to say so itself. */
  async function waits(name: string, why: RegExp): Promise<void> {
    let last = '';
    await until(
      `${name} waits for quota, ${why}`,
      async () => {
        const { status } = await release.job(name);
        const queued = status?.conditions.find((it) => it.type === 'Queued');
        last = `${status?.phase}, ${queued?.reason}: ${queued?.message}`;
        return queued?.status === 'True' && queued.reason === 'WaitingForQuota' && why.test(queued.message);
      },
      { limitMs: 300_000, everyMs: 250, explain: () => last },
    );
  }

  /** Kueue's side of the transcription of a MediaJob. */
  const workloadOf = async (name: string): Promise<string> => {
    const workloads = `/apis/kueue.x-k8s.io/v1beta1/namespaces/${NAMESPACE}/workloads`;
    const mine = (await release.cluster.client.list<Workload>(workloads)).find(({ metadata }) =>
      metadata.ownerReferences?.some((it) => it.name === `${name}-transcribe-1`),
    );
    if (mine === undefined) throw new Error(`Kueue has no Workload of ${name}`);
    return `${workloads}/${mine.metadata.name}`;
  };

  it('lets one run, tells the other that it waits for quota, and lets it run after', async () => {
    const { job, done } = await speech.halfWay('first');
    await speech.create('second');
    await waits('second', new RegExp(`waits in the queue media: .*insufficient unused quota for ${GPU}`));
    await speech.endsTheSame(job, done);
    const second = await speech.endsTheSame(await release.job('second'), {});
    expect(second.status?.attempts).toEqual([]);
  });

  it('goes on where it was when an administrator has stopped its Workload and lets it go on', async () => {
    const { job, done } = await speech.halfWay('stopped');
    const workload = await workloadOf('stopped');
    await release.cluster.client.patch(workload, { spec: { active: false } });
    await waits('stopped', /waits in the queue media/);
    await release.cluster.client.patch(workload, { spec: { active: true } });
    const ended = await speech.endsTheSame(job, done);
    expect(ended.status?.attempts.filter((it) => it.counted)).toEqual([]);
    expect(await speech.jobsOf(job)).toEqual(['stopped-convert-1', 'stopped-transcribe-1']);
  });

  it('makes way for what matters more, and goes on where it was', async () => {
    const source = { path: await release.putSample() };
    const { job, done } = await speech.halfWay('preempted');
    await speech.create('urgent', { source, priorityClass: 'urgent' });
    await waits('preempted', /preempt/i);
    await release.untilPhase('urgent', 'Succeeded');
    const ended = await speech.endsTheSame(job, done);
    expect(ended.status?.attempts.filter((it) => it.counted)).toEqual([]);
    expect(await speech.jobsOf(job)).toEqual(['preempted-convert-1', 'preempted-transcribe-1']);
  });
});

const quota = { cpu: '8', memory: '64Gi', [GPU]: '1' };
const kueue = (kind: string, name: string, rest: object = {}): object => ({
  apiVersion: 'kueue.x-k8s.io/v1beta1',
  kind,
  metadata: { name },
  ...rest,
});
const QUEUES = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    kueue('ClusterQueue', QUEUE, {
      spec: {
        namespaceSelector: {},
        preemption: { withinClusterQueue: 'LowerPriority' },
        resourceGroups: [
          {
            coveredResources: Object.keys(quota),
            flavors: [
              {
                name: 'any',
                resources: Object.entries(quota).map(([name, nominalQuota]) => ({ name, nominalQuota })),
              },
            ],
          },
        ],
      },
    }),
    kueue('ResourceFlavor', 'any'),
    kueue('WorkloadPriorityClass', 'urgent', { value: 1000, description: 'Before the others in the queue.' }),
    // What a MediaJob names is the class of its pods, too.
    {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name: 'urgent' },
      value: 1000,
      preemptionPolicy: 'Never',
    },
  ],
};
