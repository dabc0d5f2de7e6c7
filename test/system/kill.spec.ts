import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MediaJob, Transcript } from '@mediajob/contract';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { System, until } from './services.ts';
import { loopedSpeech, SAMPLE, SAMPLE_TEXT } from './speech.ts';

/** Small chunks and shards, so that a few minutes of audio have many places to be killed at. */
const environment = { MEDIAJOB_CHUNK_TARGET: '30s', MEDIAJOB_CHUNKS_PER_SHARD: '1' };
const TIMES = 14;

let directory: string;
let audio: string;
let undisturbed: Transcript;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'mediajob-kill-'));
  audio = join(directory, 'speech.flac');
  loopedSpeech(audio, TIMES);
  const system = await System.start({ environment });
  try {
    const job = await system.untilJob((await system.submit(audio)).metadata.uid);
    expect(job.status).toMatchObject({ phase: 'Succeeded' });
    undisturbed = await system.client.transcript(job.metadata.uid);
  } finally {
    await system.stop();
  }
  const text = undisturbed.segments
    .map((it) => it.text)
    .join(' ')
    .toLowerCase();
  expect(text.split(SAMPLE_TEXT).length - 1).toBeGreaterThanOrEqual(TIMES - 1);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function stage(job: MediaJob, name: string) {
  return job.status.stages.find((it) => it.name === name);
}

const moments: [string, (job: MediaJob) => boolean][] = [
  [
    'while it converts',
    (job) => stage(job, 'convert')?.state === 'Running' || stage(job, 'convert')?.state === 'Succeeded',
  ],
  ['when some chunks are done', (job) => (stage(job, 'transcribe')?.percent ?? 0) > 25],
  ['near the end', (job) => (stage(job, 'transcribe')?.percent ?? 0) > 75],
];

describe.each(['main', 'converter', 'transcriber'] as const)('a job whose %s is killed', (service) => {
  it('ends with the same transcript, whenever that is', async () => {
    const system = await System.start({ environment });
    onTestFinished(() => system.stop());
    const { metadata } = await system.submit(audio);
    for (const [, condition] of moments) {
      const job = await system.untilJob(metadata.uid, condition);
      if (job.status.phase === 'Succeeded') break;
      const instance = system.instance(service);
      await system.kill(instance);
      system.launch(instance);
      await system.untilReady(instance);
    }
    const job = await system.untilJob(metadata.uid);
    expect(job.status).toMatchObject({ phase: 'Succeeded', attempt: 1 });
    expect(await system.client.transcript(metadata.uid)).toEqual(undisturbed);
  });
});

describe('two transcribers', () => {
  it('share a file; when one is killed for good, the other does its part', async () => {
    const system = await System.start({ environment: { ...environment, MEDIAJOB_STATES: '1' }, transcribers: 2 });
    onTestFinished(() => system.stop());
    const { metadata } = await system.submit(audio);
    const used = new Set<string>();
    await system.untilJob(metadata.uid, (job) => {
      for (const instance of system.instances.filter((it) => it.service === 'transcriber'))
        if (instance.output.join('').includes(metadata.uid)) used.add(instance.name);
      return used.size === 2 && (stage(job, 'transcribe')?.percent ?? 0) > 20;
    });
    expect([...used].sort()).toEqual(['transcriber-0', 'transcriber-1']);
    await system.kill(system.instance('transcriber-1'));
    const job = await system.untilJob(metadata.uid);
    expect(job.status).toMatchObject({ phase: 'Succeeded', attempt: 1 });
    expect(await system.client.transcript(metadata.uid)).toEqual(undisturbed);
  });
});

describe('a transcriber whose volume is not mounted', () => {
  it('is given no work, in words, and the job goes on once it is', async () => {
    const system = await System.start({ environment });
    onTestFinished(() => system.stop());
    const transcriber = system.instance('transcriber');
    await system.kill(transcriber);
    const elsewhere = mkdtempSync(join(tmpdir(), 'mediajob-unmounted-'));
    onTestFinished(() => rmSync(elsewhere, { recursive: true, force: true }));
    system.launch(transcriber, { MEDIAJOB_DATA_DIR: elsewhere });
    await system.untilReady(transcriber);
    const { metadata } = await system.submit(SAMPLE);
    const waiting = await system.untilJob(metadata.uid, (job) => /media volume/.test(job.status.message));
    expect(waiting.status).toMatchObject({ phase: 'Queued', attempt: 1 });
    await until('main says so', async () => {
      const { status, details } = await (await fetch(`${system.url}/health`)).json();
      return status === 'degraded' && /another media volume/.test(details.transcriber.message);
    });
    await system.kill(transcriber);
    system.launch(transcriber);
    const job = await system.untilJob(metadata.uid);
    expect(job.status).toMatchObject({ phase: 'Succeeded', attempts: [] });
  });
});

describe('a service that is down', () => {
  it('does not block the others: an upload is taken and waits for the converter, in words', async () => {
    const system = await System.start({ environment });
    onTestFinished(() => system.stop());
    await system.kill(system.instance('converter'));
    const { metadata } = await system.submit(audio);
    const waiting = await system.untilJob(metadata.uid, (job) =>
      job.status.conditions.some((it) => it.type === 'Queued' && it.reason === 'WorkerUnreachable'),
    );
    expect(waiting.status.phase).toBe('Queued');
    expect(waiting.status.message).toMatch(/converter/i);
    const health = await fetch(`${system.url}/health`);
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({ status: 'degraded' });
    system.launch(system.instance('converter'));
    const job = await system.untilJob(metadata.uid);
    expect(job.status.phase).toBe('Succeeded');
  });
});
