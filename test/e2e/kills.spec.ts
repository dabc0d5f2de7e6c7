import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../cluster/until.ts';
import { putLongSpeech, SHORT_CHUNKS } from './long-speech.ts';
import { type MediaJobObject, type Pod, Release } from './release.ts';
import { isRig } from './the-cluster.ts';
import { identities, killContainer, mediaDirectory } from './the-node.ts';

const SPEECH = { times: 6, language: 'en' };

// It takes the node itself to kill its processes.
describe.runIf(isRig)('a MediaJob in the middle of its transcription', () => {
  let release: Release;
  let media: string;
  let source: string;
  let undisturbed: string;

  beforeAll(async () => {
    release = await Release.install({ namespace: 'e2e-kills', values: { operator: { config: SHORT_CHUNKS } } });
    media = await mediaDirectory(release);
    source = await putLongSpeech(release, SPEECH.times);
    await create('undisturbed');
    undisturbed = await transcriptOf(await release.untilPhase('undisturbed', 'Succeeded'));
  });
  afterAll(() => release?.uninstall());

  const create = (name: string): Promise<MediaJobObject> =>
    release.create(name, { source: { path: source }, transcribe: { language: SPEECH.language } });
  const transcriptOf = ({ metadata }: MediaJobObject): Promise<string> =>
    release.read(`outputs/${metadata.uid}/transcript.txt`);
  const workOf = (job: MediaJobObject): string => join(media, 'jobs', job.metadata.uid, 'work');
  const partsOf = (job: MediaJobObject): Record<string, string> => identities(join(workOf(job), 'parts'));
  const jobsOf = async (job: MediaJobObject): Promise<string[]> => {
    const path = `/apis/batch/v1/namespaces/${release.namespace}/jobs?labelSelector=mediajob.io/uid%3D${job.metadata.uid}`;
    return (await release.cluster.client.list(path)).map((it) => it.metadata.name).sort();
  };
  const theirPod = async (job: MediaJobObject): Promise<Pod> => {
    const pods = await release.pods(`mediajob.io/uid=${job.metadata.uid},mediajob.io/stage=transcribe`);
    const running = pods.find((it) => it.status.phase === 'Running');
    if (running === undefined) throw new Error('no pod of it runs');
    return running;
  };
  const thePod = async (component: string): Promise<Pod> => {
    const [pod] = await release.podsOf(component);
    if (pod === undefined) throw new Error(`there is no pod of ${component}`);
    return pod;
  };

  /** What has been done when it is disturbed: the conversion, and a chunk at least, with others to come. */
  async function halfWay(name: string): Promise<{ job: MediaJobObject; done: Record<string, string> }> {
    const job = await create(name);
    return until(
      `${name} has a part`,
      () => {
        const parts = partsOf(job);
        return Object.keys(parts).length > 0 && { job, done: { ...parts, ...stepsOf(job) } };
      },
      { limitMs: 300_000 },
    );
  }
  const stepsOf = (job: MediaJobObject): Record<string, string> => {
    const { 'convert.manifest.json': convert = '' } = identities(workOf(job));
    return { 'convert.manifest.json': convert };
  };

  /** Ends as if nothing had been, and what was done before the disturbance is what it was. */
  async function endsTheSame(job: MediaJobObject, done: Record<string, string>): Promise<MediaJobObject> {
    const ended = await release.untilPhase(job.metadata.name, 'Succeeded');
    expect(await transcriptOf(ended)).toBe(undisturbed);
    expect({ ...partsOf(job), ...stepsOf(job) }).toMatchObject(done);
    expect(ended.status?.progress.percent).toBe(100);
    return ended;
  }

  it.each([
    ['operator', 'operator'],
    ['main', 'main'],
  ])('does not care for a kill -9 of %s', async (component, container) => {
    const { job, done } = await halfWay(`while-${component}`);
    await killContainer(await thePod(component), container);
    const ended = await endsTheSame(job, done);
    expect(ended.status?.attempts).toEqual([]);
    expect(await jobsOf(job)).toEqual([`while-${component}-convert-1`, `while-${component}-transcribe-1`]);
    await release.untilReady();
  });

  it('is tried again after a kill -9 of its pod, and goes on after the parts that were done', async () => {
    const { job, done } = await halfWay('killed');
    await killContainer(await theirPod(job), 'run');
    const ended = await endsTheSame(job, done);
    expect(ended.status?.attempts).toHaveLength(1);
    expect(ended.status?.attempts[0]).toMatchObject({ stage: 'transcribe', exitCode: 137 });
    expect(await jobsOf(job)).toEqual(['killed-convert-1', 'killed-transcribe-1', 'killed-transcribe-1-0-2']);
  });
});
