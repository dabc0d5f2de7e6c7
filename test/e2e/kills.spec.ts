import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SHORT_CHUNKS } from './long-speech.ts';
import { type Pod, Release } from './release.ts';
import { SpeechJobs } from './speech-jobs.ts';
import { isRig } from './the-cluster.ts';
import { killContainer } from './the-node.ts';

// It takes the node itself to kill its processes.
describe.runIf(isRig)('a MediaJob in the middle of its transcription', () => {
  let release: Release;
  let speech: SpeechJobs;

  beforeAll(async () => {
    release = await Release.install({ namespace: 'e2e-kills', values: { operator: { config: SHORT_CHUNKS } } });
    speech = await SpeechJobs.of(release, 6);
  });
  afterAll(() => release?.uninstall());

  const thePod = async (component: string): Promise<Pod> => {
    const [pod] = await release.podsOf(component);
    if (pod === undefined) throw new Error(`there is no pod of ${component}`);
    return pod;
  };

  it.each([
    ['operator', 'operator'],
    ['main', 'main'],
  ])('does not care for a kill -9 of %s', async (component, container) => {
    const { job, done } = await speech.halfWay(`while-${component}`);
    await killContainer(await thePod(component), container);
    const ended = await speech.endsTheSame(job, done);
    expect(ended.status?.attempts).toEqual([]);
    expect(await speech.jobsOf(job)).toEqual([`while-${component}-convert-1`, `while-${component}-transcribe-1`]);
    await release.untilReady();
  });

  it('is tried again after a kill -9 of its pod, and goes on after the parts that were done', async () => {
    const { job, done } = await speech.halfWay('killed');
    await killContainer(await speech.runningPod(job), 'run');
    const ended = await speech.endsTheSame(job, done);
    expect(ended.status?.attempts).toHaveLength(1);
    expect(ended.status?.attempts[0]).toMatchObject({ stage: 'transcribe', exitCode: 137 });
    expect(await speech.jobsOf(job)).toEqual(['killed-convert-1', 'killed-transcribe-1', 'killed-transcribe-1-0-2']);
  });
});
