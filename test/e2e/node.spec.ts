import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../cluster/until.ts';
import { FILES_POD } from './files-pod.ts';
import { SHORT_CHUNKS } from './long-speech.ts';
import { Release } from './release.ts';
import { SpeechJobs } from './speech-jobs.ts';
import { isRig } from './the-cluster.ts';
import { cordon, killKubelet, restartKubelet } from './the-node.ts';

// Nobody else's node is to be disturbed.
describe.runIf(isRig)('a MediaJob in the middle of its transcription, on a node in trouble', () => {
  let release: Release;
  let speech: SpeechJobs;

  beforeAll(async () => {
    release = await Release.install({ namespace: 'e2e-node', values: { operator: { config: SHORT_CHUNKS } } });
    speech = await SpeechJobs.of(release, 6);
  });
  afterAll(async () => {
    if (release === undefined) return;
    await restartKubelet(release);
    await cordon(release, false);
    await release.uninstall();
  });

  it('goes on while the kubelet is gone after a kill -9, and ends the same when it is back', async () => {
    const { job, done } = await speech.halfWay('unwatched');
    const pod = await speech.runningPod(job);
    await killKubelet();
    const more = Object.keys(done).length; // its parts, one more than which is the conversion
    await until('it has another part', () => Object.keys(speech.partsOf(job)).length >= more, { limitMs: 300_000 });
    await restartKubelet(release);

    const ended = await speech.endsTheSame(job, done);
    expect(ended.status?.attempts).toEqual([]);
    expect(await speech.jobsOf(job)).toEqual(['unwatched-convert-1', 'unwatched-transcribe-1']);
    const pods = await speech.podsOf(job);
    expect(pods.map((it) => it.metadata.uid)).toEqual([pod.metadata.uid]);
    expect(pods[0]?.status.containerStatuses?.map((it) => it.restartCount)).toEqual([0]);
  });

  it('goes on after the parts that were done when the node is drained, which counts as no failure', async () => {
    const { job, done } = await speech.halfWay('drained');
    const pod = await speech.runningPod(job);
    await cordon(release, true);
    const evicted = (await release.pods('')).filter((it) => it.metadata.name !== FILES_POD);
    for (const { metadata } of evicted) await release.evict(metadata.name);
    await until('all of them have left', async () => {
      const left = (await release.pods('')).map((it) => it.metadata.uid);
      return !evicted.some((it) => it.status.phase === 'Running' && left.includes(it.metadata.uid));
    });
    await cordon(release, false);

    const ended = await speech.endsTheSame(job, done);
    expect(ended.status?.attempts.filter((it) => it.counted)).toEqual([]);
    // A drain takes away ended pods too: who has to look at one that is gone asks again, and the step says that it is done.
    const others = (await speech.jobsOf(job)).filter((it) => it !== 'drained-convert-1-0-2');
    expect(others).toEqual(['drained-convert-1', 'drained-transcribe-1']);
    expect((await speech.podsOf(job)).map((it) => it.metadata.uid)).not.toContain(pod.metadata.uid);
    await release.untilReady();
  });
});
