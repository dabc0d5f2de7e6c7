import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import type { Resource } from '../cluster/kube-client.ts';
import { type Fate, Kubelet } from '../cluster/kubelet.ts';
import { addNode, type Condition, type Pod, PodPlayer } from '../cluster/pods.ts';
import { until } from '../cluster/until.ts';

interface Job extends Resource {
  spec: object;
  status: {
    active?: number;
    succeeded?: number;
    failed?: number;
    completedIndexes?: string;
    failedIndexes?: string;
    conditions?: Condition[];
  };
}

const JOBS = '/apis/batch/v1/namespaces/default/jobs';
const PODS = '/api/v1/namespaces/default/pods';

const template = {
  spec: {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 600,
    initContainers: [{ name: 'prepare', image: 'none' }],
    containers: [{ name: 'run', image: 'none' }],
  },
};

/** As the operator makes them: a pod that fails is not made again, a disruption does not count. */
const policy = {
  backoffLimit: 0,
  podReplacementPolicy: 'Failed',
  podFailurePolicy: {
    rules: [
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      { action: 'FailJob', onExitCodes: { operator: 'In', values: [64, 65, 66] } },
    ],
  },
};

describe('a pod, played by a test', () => {
  let controlPlane: ControlPlane;
  let kubelet: Kubelet | undefined;

  beforeAll(async () => {
    controlPlane = await startControlPlane();
    await addNode(controlPlane.client, 'node-1', { 'nvidia.com/gpu.present': 'true' });
  });

  afterAll(() => controlPlane?.stop());

  const createJob = (name: string, spec: object = policy): Promise<Job> =>
    controlPlane.client.create<Job>(JOBS, { metadata: { name }, spec: { ...spec, template } });
  const job = (name: string): Promise<Job> => controlPlane.client.get<Job>(`${JOBS}/${name}`);
  const podsOf = (name: string): Promise<Pod[]> =>
    controlPlane.client.list<Pod>(`${PODS}?labelSelector=${encodeURIComponent(`job-name=${name}`)}`);
  const firstPodOf = (name: string): Promise<Pod> => until(`${name} has a pod`, async () => (await podsOf(name))[0]);

  /** The Job's condition that it ended with. */
  const ended = (name: string): Promise<Condition> =>
    until(`${name} has ended`, async () =>
      (await job(name)).status.conditions?.find(
        (it) => ['Complete', 'Failed'].includes(it.type) && it.status === 'True',
      ),
    );

  /** One pod of a new Job, bound to the node. */
  const play = async (name: string): Promise<PodPlayer> => {
    await createJob(name);
    const player = new PodPlayer(controlPlane.client, await firstPodOf(name));
    await player.bind('node-1');
    return player;
  };

  it('completes its Job, and leaves its message', async () => {
    const player = await play('success');
    await player.running();
    await until('the Job counts it', async () => (await job('success')).status.active === 1);
    await player.succeeded('{"ok":true}');
    expect(await ended('success')).toMatchObject({ type: 'Complete' });
    const { status } = await player.read();
    expect(status.containerStatuses).toMatchObject([
      { name: 'run', state: { terminated: { exitCode: 0, reason: 'Completed', message: '{"ok":true}' } } },
    ]);
  });

  it('fails its Job by its exit code, as the Job’s policy says', async () => {
    const player = await play('unsupported');
    await player.failed(65, 'no audio');
    expect(await ended('unsupported')).toMatchObject({ type: 'Failed', reason: 'PodFailurePolicy' });
  });

  it('fails its Job when there is no other try left', async () => {
    const player = await play('killed');
    await player.running();
    await player.oomKilled();
    expect(await ended('killed')).toMatchObject({ type: 'Failed', reason: 'BackoffLimitExceeded' });
    expect((await player.read()).status.containerStatuses).toMatchObject([
      { state: { terminated: { exitCode: 137, reason: 'OOMKilled' } } },
    ]);
  });

  it('fails its Job by its init container, with no other container ever started', async () => {
    const player = await play('no-input');
    await player.initFailed(66, 'no such file');
    expect(await ended('no-input')).toMatchObject({ type: 'Failed', reason: 'PodFailurePolicy' });
    expect((await player.read()).status).toMatchObject({
      initContainerStatuses: [{ state: { terminated: { exitCode: 66, message: 'no such file' } } }],
      containerStatuses: [{ state: { waiting: { reason: 'PodInitializing' } } }],
    });
  });

  it('is replaced when it was disrupted', async () => {
    const player = await play('preempted');
    await player.running();
    await player.disrupted();
    const second = await until('there is a second pod', async () =>
      (await podsOf('preempted')).find((it) => it.metadata.name !== player.name),
    );
    await new PodPlayer(controlPlane.client, second).succeeded();
    expect(await ended('preempted')).toMatchObject({ type: 'Complete' });
  });

  it('waits for a node, or for its image, without an end', async () => {
    await createJob('pending');
    const player = new PodPlayer(controlPlane.client, await firstPodOf('pending'));
    await player.unschedulable();
    expect((await player.read()).status).toMatchObject({
      phase: 'Pending',
      conditions: expect.arrayContaining([
        expect.objectContaining({ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }),
      ]),
    });
    await player.bind('node-1');
    await player.imagePullBackOff();
    const { status, spec } = await player.read();
    expect(spec.nodeName).toBe('node-1');
    expect(status.conditions).toEqual(
      expect.arrayContaining([expect.objectContaining({ type: 'PodScheduled', status: 'True' })]),
    );
    expect(status.containerStatuses).toMatchObject([{ state: { waiting: { reason: 'ImagePullBackOff' } } }]);
    expect((await job('pending')).status.conditions ?? []).toEqual([]);
  });

  it('keeps the last 4096 bytes of a longer message', async () => {
    const player = await play('talkative');
    await player.succeeded(`${'x'.repeat(5000)}end`);
    const message = (await player.read()).status.containerStatuses?.[0]?.state.terminated?.message ?? '';
    expect(message).toHaveLength(4096);
    expect(message.endsWith('end')).toBe(true);
  });

  it('is Terminating from its deletion until its kubelet says that it has ended', async () => {
    const player = await play('deleted');
    await player.running();
    await controlPlane.client.delete(`${JOBS}/deleted`);
    await until('it is Terminating', async () => (await player.read()).metadata.deletionTimestamp !== undefined);
    expect((await player.read()).metadata.deletionGracePeriodSeconds).toBe(600);
    await player.finishDeletion();
    await until('it is gone', async () => (await controlPlane.client.find(player.path)) === undefined);
  });

  describe('in a kubelet’s hands', () => {
    const start = (labelSelector: string, fate: Fate, onDeletion?: Fate): Kubelet =>
      new Kubelet({
        client: controlPlane.client,
        node: 'node-1',
        namespace: 'default',
        labelSelector,
        fate,
        ...(onDeletion ? { onDeletion } : {}),
      });

    it('meets its fate: every index of an Indexed Job its own', async () => {
      kubelet = start('job-name=indexed', async (player, pod) => {
        await player.running();
        const index = pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index'];
        if (index === '1') await player.failed(74);
        else await player.succeeded(`part ${index}`);
      });
      await createJob('indexed', {
        completionMode: 'Indexed',
        completions: 4,
        parallelism: 2,
        backoffLimitPerIndex: 0,
      });
      expect(await ended('indexed')).toMatchObject({ type: 'Failed', reason: 'FailedIndexes' });
      await kubelet.stop();
      expect((await job('indexed')).status).toMatchObject({ completedIndexes: '0,2,3', failedIndexes: '1' });
    });

    it('ends by SIGTERM when its Job is suspended, and is made again when that goes on', async () => {
      let runs = 0;
      kubelet = start('job-name=suspended', async (player) => {
        await player.running();
        if (++runs === 2) await player.succeeded();
      });
      await createJob('suspended');
      await until('it runs', async () => (await podsOf('suspended'))[0]?.status.phase === 'Running');
      await controlPlane.client.patch(`${JOBS}/suspended`, { spec: { suspend: true } });
      await until('no pod is left', async () => (await podsOf('suspended')).length === 0);
      await controlPlane.client.patch(`${JOBS}/suspended`, { spec: { suspend: false } });
      expect(await ended('suspended')).toMatchObject({ type: 'Complete' });
      await kubelet.stop();
    });

    it('stays Terminating for ever on a node that is lost', async () => {
      kubelet = start(
        'job-name=lost',
        (player) => player.running(),
        async () => {},
      );
      await createJob('lost');
      await until('it runs', async () => (await podsOf('lost'))[0]?.status.phase === 'Running');
      await controlPlane.client.patch(`${JOBS}/lost`, { spec: { suspend: true } });
      const pod = await until('it is Terminating', async () =>
        (await podsOf('lost')).find((it) => it.metadata.deletionTimestamp !== undefined),
      );
      await kubelet.stop();
      expect((await podsOf('lost')).map((it) => it.metadata.uid)).toEqual([pod.metadata.uid]);
      await new PodPlayer(controlPlane.client, pod).finishDeletion(137);
    });

    it('meets its fate even when the API server dies meanwhile', async () => {
      let mayEnd = (): void => {};
      const gate = new Promise<void>((resolve) => {
        mayEnd = resolve;
      });
      kubelet = start('job-name=outage', async (player) => {
        await player.running();
        await gate;
        await player.succeeded();
      });
      await createJob('outage');
      await until('it runs', async () => (await podsOf('outage'))[0]?.status.phase === 'Running');
      await controlPlane.crash('kube-apiserver');
      mayEnd();
      await controlPlane.startApiServer();
      expect(await ended('outage')).toMatchObject({ type: 'Complete' });
      await kubelet.stop();
    });

    it('shows what its fate threw', async () => {
      kubelet = start('job-name=broken', async () => {
        throw new Error('a mistake of the test');
      });
      await createJob('broken');
      await until('it is bound', async () => (await podsOf('broken'))[0]?.spec.nodeName === 'node-1');
      await expect(kubelet.stop()).rejects.toThrow('a mistake of the test');
    });
  });
});
