import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Resource } from '../cluster/kube-client.ts';
import { until } from '../cluster/until.ts';
import { GPU, GPU_PROFILE, offerGpus } from './gpus.ts';
import { putLongSpeech } from './long-speech.ts';
import { type MediaJobObject, Release } from './release.ts';
import { isRig } from './the-cluster.ts';

interface Requesting extends Resource {
  spec: { template: { spec: { containers: { resources?: { limits?: Record<string, string> } }[] } } };
}

// Elsewhere nodes have GPUs of their own, or none, and nobody else may say so.
describe.runIf(isRig)('a profile with a GPU, on a node that offers two', () => {
  let release: Release;

  beforeAll(async () => {
    release = await Release.install({ namespace: 'e2e-gpu', values: { profiles: { gpu: GPU_PROFILE } } });
    await offerGpus(release, '2');
  });
  afterAll(async () => {
    if (release) await offerGpus(release, null);
    await release?.uninstall();
  });

  const create = (name: string, path: string): Promise<MediaJobObject> =>
    release.create(name, { source: { path }, transcribe: { language: 'en' }, profile: 'gpu' });
  const holdsOne = (name: string): Promise<unknown> =>
    until(
      `a pod of ${name} runs`,
      async () => {
        const pods = await release.pods(`job-name=${name}-transcribe-1`);
        return pods.some((it) => it.status.phase === 'Running');
      },
      { limitMs: 300_000, everyMs: 250 },
    );

  it('is asked for by every Job; a third one waits, says why, and has its turn when one is free', async () => {
    // Long enough to hold theirs until the third has come; they need not come to an end.
    const long = await putLongSpeech(release, 90);
    for (const name of ['first', 'second']) await create(name, long);
    for (const name of ['first', 'second']) await holdsOne(name);
    await create('third', await release.putSample());
    const waiting = await until(
      'the third says that there is no GPU left',
      async () => {
        const { status } = await release.job('third');
        const queued = status?.conditions.find((it) => it.type === 'Queued');
        return queued?.reason === 'Unschedulable' && { phase: status?.phase, message: status?.message ?? '' };
      },
      { limitMs: 300_000, everyMs: 250 },
    );
    expect(waiting.phase).toBe('Queued');
    expect(waiting.message).toContain('waits for a node that fits the profile gpu');
    expect(waiting.message).toContain(`Insufficient ${GPU}`);

    await release.cluster.client.patch(`${release.jobsPath}/first`, { spec: { cancel: true } });
    await release.untilPhase('third', 'Succeeded');
    await release.cluster.client.patch(`${release.jobsPath}/second`, { spec: { cancel: true } });
    const jobs = await release.cluster.client.list<Requesting>(
      `/apis/batch/v1/namespaces/${release.namespace}/jobs?labelSelector=mediajob.io/stage%3Dtranscribe`,
    );
    const asked = jobs.map(({ metadata, spec }) => [
      metadata.name,
      spec.template.spec.containers[0]?.resources?.limits?.[GPU],
    ]);
    expect(Object.fromEntries(asked)).toMatchObject({ 'third-transcribe-1': '1' });
    expect(asked.map(([, count]) => count)).toEqual(asked.map(() => '1'));
  });
});
