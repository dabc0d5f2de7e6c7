import { join } from 'node:path';
import { expect } from 'vitest';
import { until } from '../cluster/until.ts';
import { putLongSpeech } from './long-speech.ts';
import type { MediaJobObject, Pod, Release } from './release.ts';
import { identities, mediaDirectory } from './the-node.ts';

/** Files that a MediaJob has finished, by what they are: see {@link identities}. */
export type Done = Readonly<Record<string, string>>;

/**
 * Transcriptions of one recording, of which one was left alone: whatever disturbs the others, they end like that, and what
 * they had finished is never written again. Wants short chunks, and the node itself.
 */
export class SpeechJobs {
  readonly #release: Release;
  readonly #spec: object;
  readonly #media: string;
  #undisturbed = '';

  private constructor(release: Release, spec: object, media: string) {
    this.#release = release;
    this.#spec = spec;
    this.#media = media;
  }

  /**
   * @param times of the bundled speech, one after another
   * @param more of the spec of all of them
   */
  static async of(release: Release, times: number, more: object = {}): Promise<SpeechJobs> {
    const spec = { source: { path: await putLongSpeech(release, times) }, transcribe: { language: 'en' }, ...more };
    const jobs = new SpeechJobs(release, spec, await mediaDirectory(release));
    await jobs.create('undisturbed');
    const { metadata } = await release.untilPhase('undisturbed', 'Succeeded');
    jobs.#undisturbed = await release.read(`outputs/${metadata.uid}/transcript.txt`);
    return jobs;
  }

  create(name: string, more: object = {}): Promise<MediaJobObject> {
    return this.#release.create(name, { ...this.#spec, ...more });
  }

  /** Resolves in the middle of a new one: its conversion is done, and a chunk at least, with others to come. */
  async halfWay(name: string, more: object = {}): Promise<{ job: MediaJobObject; done: Done }> {
    const job = await this.create(name, more);
    return until(
      `${name} has a part`,
      () => {
        const isBegun = Object.keys(this.partsOf(job)).length > 0;
        return isBegun && { job, done: this.#finishedBy(job) };
      },
      { limitMs: 300_000 },
    );
  }

  /** Chunks that are transcribed. */
  partsOf(job: MediaJobObject): Done {
    return identities(join(this.#workOf(job), 'parts'));
  }

  /** Resolves when it has ended as if nothing had been, and what was done before is what it was. */
  async endsTheSame(job: MediaJobObject, done: Done): Promise<MediaJobObject> {
    const ended = await this.#release.untilPhase(job.metadata.name, 'Succeeded');
    const { uid } = ended.metadata;
    expect(await this.#release.read(`outputs/${uid}/transcript.txt`)).toBe(this.#undisturbed);
    expect(this.#finishedBy(job)).toMatchObject(done);
    // A step that was done is one that has its manifest.
    expect(Object.keys(identities(this.#workOf(job))).filter((it) => it.endsWith('.manifest.json'))).toEqual([
      'convert.manifest.json',
      'transcribe-0.manifest.json',
    ]);
    expect(await this.#release.names(`outputs/${uid}`)).toContain('finalize.manifest.json');
    expect(ended.status?.progress.percent).toBe(100);
    return ended;
  }

  /** Names of its Jobs. */
  async jobsOf({ metadata }: MediaJobObject): Promise<string[]> {
    const { cluster, namespace } = this.#release;
    const path = `/apis/batch/v1/namespaces/${namespace}/jobs?labelSelector=mediajob.io/uid%3D${metadata.uid}`;
    const names = (await cluster.client.list(path)).map((it) => it.metadata.name);
    return names.sort();
  }

  /** All pods of its transcription that are still known. */
  podsOf({ metadata }: MediaJobObject): Promise<Pod[]> {
    return this.#release.pods(`mediajob.io/uid=${metadata.uid},mediajob.io/stage=transcribe`);
  }

  async runningPod(job: MediaJobObject): Promise<Pod> {
    const running = (await this.podsOf(job)).find((it) => it.status.phase === 'Running');
    if (running === undefined) throw new Error('no pod of it runs');
    return running;
  }

  #finishedBy(job: MediaJobObject): Done {
    const { 'convert.manifest.json': convert = '' } = identities(this.#workOf(job));
    return { ...this.partsOf(job), 'convert.manifest.json': convert };
  }

  #workOf({ metadata }: MediaJobObject): string {
    return join(this.#media, 'jobs', metadata.uid, 'work');
  }
}
