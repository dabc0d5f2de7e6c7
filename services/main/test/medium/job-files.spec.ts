import { createHash } from 'node:crypto';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { dirname, join } from 'node:path';
import { Manifest, type MediaJob, type Transcript, type TranscriptSegment } from '@mediajob/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aJob } from './given-jobs.js';
import { type RunningMain, startMain } from './running-main.js';
import { idOf, upload, wav } from './tus-client.js';

let main: RunningMain;
let job: MediaJob;
let base: string;
const source = wav(10_000);
const srt = '1\n00:00:00,000 --> 00:00:01,000\nask not\n';

const segment = (start: number, text: string): TranscriptSegment => {
  const words = text
    .split(' ')
    .map((word, i) => ({ word, start: start + i * 0.4, end: start + i * 0.4 + 0.3, score: 0.9 }));
  return { start, end: words.at(-1)?.end ?? start, text, avg_logprob: -0.1, no_speech_prob: 0, words };
};
const transcript: Transcript = {
  schemaVersion: 1,
  language: 'en',
  languageProbability: 0.98,
  task: 'transcribe',
  model: 'base',
  durationMs: 10_000,
  segments: [segment(0, 'ask nod what'), segment(5, 'your country')],
  word_segments: [...segment(0, 'ask nod what').words, ...segment(5, 'your country').words],
};

const put = async (path: string, data: string | Uint8Array) => {
  await mkdir(dirname(join(main.dataDir, path)), { recursive: true });
  await writeFile(join(main.dataDir, path), data);
};
/** Leaves files as a finished stage does. */
const finish = async (of: MediaJob, stage: 'finalize' | 'render', files: Record<string, string | Uint8Array>) => {
  const { uid } = of.metadata;
  const listed = [];
  for (const [name, data] of Object.entries(files)) {
    await put(`outputs/${uid}/${name}`, data);
    const sha256 = createHash('sha256').update(data).digest('hex');
    listed.push({ path: `outputs/${uid}/${name}`, bytes: Buffer.byteLength(data), sha256 });
  }
  const manifest: Manifest = Manifest.parse({
    schemaVersion: 1,
    jobId: uid,
    stage,
    shard: 0,
    runId: 'test',
    inputSha256: '0'.repeat(64),
    parametersSha256: '0'.repeat(64),
    tools: {},
    files: listed,
    result: {},
    finishedAt: new Date().toISOString(),
  });
  await put(`outputs/${uid}/${stage}.manifest.json`, JSON.stringify(manifest));
};
const code = async (answer: Response) => [answer.status, (await answer.json()).code];

beforeAll(async () => {
  main = await startMain();
  const id = idOf(await upload(main.url, source, { filename: 'Интервью.wav' }));
  job = main.jobs.put(aJob(`uploads/${id}/source`, { annotations: { 'mediajob.io/file-name': 'Интервью.wav' } }));
  base = `${main.url}/api/v1/jobs/${job.metadata.uid}`;
  await finish(job, 'finalize', { 'transcript.json': JSON.stringify(transcript), 'transcript.srt': srt });
});
afterAll(() => main[Symbol.asyncDispose]());

describe('outputs', () => {
  it('are those of finished stages, and no other file', async () => {
    await put(`outputs/${job.metadata.uid}/transcript.vtt`, 'half writ');
    expect(await (await fetch(`${base}/outputs`)).json()).toEqual({
      outputs: [
        { name: 'transcript.json', format: 'json', bytes: expect.any(Number), mediaType: 'application/json' },
        { name: 'transcript.srt', format: 'srt', bytes: srt.length, mediaType: 'application/x-subrip; charset=utf-8' },
      ],
    });
    for (const name of ['transcript.vtt', 'finalize.manifest.json', 'edits.json']) {
      expect(await code(await fetch(`${base}/outputs/${name}`))).toEqual([404, 'output-not-found']);
    }
  });

  it('are saved under the name of the recording, and can harm nobody', async () => {
    const answer = await fetch(`${base}/outputs/transcript.srt`);
    expect(await answer.text()).toBe(srt);
    expect(answer.headers.get('content-disposition')).toBe(
      `attachment; filename="________.srt"; filename*=UTF-8''${encodeURIComponent('Интервью.srt')}`,
    );
    expect(answer.headers.get('content-security-policy')).toContain('sandbox');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('etag')).toBe(`"${createHash('sha256').update(srt).digest('hex')}"`);
    const inline = await fetch(`${base}/outputs/transcript.srt?inline=true`);
    expect(inline.headers.get('content-disposition')).toMatch(/^inline/);
  });

  it('are not sent again to a reader that has them', async () => {
    const tag = (await fetch(`${base}/outputs/transcript.srt`, { method: 'HEAD' })).headers.get('etag') ?? '';
    const answer = await fetch(`${base}/outputs/transcript.srt`, { headers: { 'if-none-match': tag } });
    expect([answer.status, await answer.text()]).toEqual([304, '']);
  });

  it('of a text carry people’s corrections, and are to be had without them', async () => {
    const other = main.jobs.put(aJob('inbox/corrected'));
    const at = `${main.url}/api/v1/jobs/${other.metadata.uid}`;
    const made = {
      'transcript.json': JSON.stringify(transcript),
      'transcript.srt': srt,
      'transcript.txt': 'ask nod what\nyour country\n',
      'transcript.vtt': 'WEBVTT\n\n',
      'media.mp3': 'ID3',
    };
    await finish(other, 'finalize', made);
    const get = (name: string, headers: Record<string, string> = {}) => fetch(`${at}/outputs/${name}`, { headers });
    const before = await get('transcript.txt');
    expect(await before.text()).toBe(made['transcript.txt']);

    const correct = async (edits: object[], tag: string) => {
      const headers = { 'if-match': tag, 'content-type': 'application/json' };
      const answer = await fetch(`${at}/transcript/edits`, { method: 'PUT', headers, body: JSON.stringify({ edits }) });
      expect(answer.status).toBe(200);
      return answer.headers.get('etag') ?? '';
    };
    const version = await correct([{ segment: 0, text: 'Ask not what' }], '"none"');
    const after = await get('transcript.txt');
    expect(await after.text()).toBe('Ask not what\nyour country\n');
    expect(after.headers.get('content-disposition')).toMatch(/^attachment; filename="talk\.txt"/);
    expect(after.headers.get('content-security-policy')).toContain('sandbox');
    expect(await (await get('transcript.srt')).text()).toBe(
      '1\n00:00:00,000 --> 00:00:01,100\nAsk not what\n\n2\n00:00:05,000 --> 00:00:05,833\nyour country\n\n',
    );
    expect((await (await get('transcript.vtt')).text()).replace(/<[^>]*>/g, '')).toContain('Ask not what');
    const json = (await (await get('transcript.json')).json()) as Transcript;
    expect(json.segments[0]?.text).toBe('Ask not what');
    expect(json.word_segments).toHaveLength(5);

    // A tag stands for these very bytes.
    const tag = after.headers.get('etag') ?? '';
    expect(tag).not.toBe(before.headers.get('etag'));
    expect((await get('transcript.txt', { 'if-none-match': tag })).status).toBe(304);
    expect((await get('transcript.txt', { 'if-none-match': before.headers.get('etag') ?? '' })).status).toBe(200);
    const part = await get('transcript.txt', { range: 'bytes=4-6', 'if-range': tag });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 4-6/26', 'not']);
    expect((await get('transcript.txt', { range: 'bytes=99-' })).status).toBe(416);

    // What was made stays as it was, and so does what has no words.
    const original = await get('transcript.srt?edited=false');
    expect(await original.text()).toBe(srt);
    expect(original.headers.get('etag')).toBe(`"${createHash('sha256').update(srt).digest('hex')}"`);
    expect(await (await get('media.mp3')).text()).toBe('ID3');
    expect(await readFile(join(main.dataDir, `outputs/${other.metadata.uid}/transcript.srt`), 'utf8')).toBe(srt);

    await correct([], version);
    const again = await get('transcript.txt');
    expect([await again.text(), again.headers.get('etag')]).toEqual([
      made['transcript.txt'],
      before.headers.get('etag'),
    ]);
  });

  it('that are being replaced are not there, rather than wrong', async () => {
    const other = main.jobs.put(aJob('inbox/x'));
    await finish(other, 'finalize', { 'transcript.txt': 'one' });
    await put(`outputs/${other.metadata.uid}/transcript.txt`, 'one and a half');
    const answer = await fetch(`${main.url}/api/v1/jobs/${other.metadata.uid}/outputs/transcript.txt`);
    expect(await code(answer)).toEqual([404, 'output-not-found']);
  });

  it.each([
    ['..%2ffinalize.manifest.json', [404, 422]],
    ['..%2f..%2f..%2fetc%2fpasswd', [404, 422]],
    ['%2e%2e%2f%2e%2e%2fuploads', [404, 422]],
    ['transcript.srt%00.txt', [404, 422]],
    ['TRANSCRIPT.SRT', [422]],
    ['transcript.srt%2f..%2ftranscript.json', [404, 422]],
    ['C:%5cwindows', [422]],
    ['%ff', [400, 404, 422]],
  ])('%s reaches nothing', async (name, wanted) => {
    const answer = await fetch(`${base}/outputs/${name}`);
    expect(wanted).toContain(answer.status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  it.each(['..%2f..', 'x', '00000000-0000-0000-0000-00000000000G', '%00'])(
    'of a job %s are not looked for',
    async (id) => {
      for (const path of ['outputs', 'outputs/transcript.srt', 'media', 'peaks', 'transcript', 'transcript/edits']) {
        expect([400, 404, 422]).toContain((await fetch(`${main.url}/api/v1/jobs/${id}/${path}`)).status);
      }
    },
  );

  it('that a manifest claims outside of the job’s own directory are not served', async () => {
    const other = main.jobs.put(aJob('inbox/x'));
    const { uid } = other.metadata;
    await finish(other, 'finalize', { 'transcript.txt': 'mine' });
    const path = join(main.dataDir, `outputs/${uid}/finalize.manifest.json`);
    const manifest = JSON.parse(await readFile(path, 'utf8'));
    manifest.files.push({ ...manifest.files[0], path: `uploads/${job.spec.source.path?.split('/')[1]}/source` });
    await writeFile(path, JSON.stringify(manifest));
    const { outputs } = await (await fetch(`${main.url}/api/v1/jobs/${uid}/outputs`)).json();
    expect(outputs.map(({ name }: { name: string }) => name)).toEqual(['transcript.txt']);
  });

  it('that are links are not followed', async () => {
    const other = main.jobs.put(aJob('inbox/x'));
    const { uid } = other.metadata;
    await finish(other, 'finalize', { 'transcript.txt': 'mine' });
    await put('secret', 'four');
    const target = join(main.dataDir, `outputs/${uid}/transcript.txt`);
    await (await import('node:fs/promises')).rm(target);
    await symlink(join(main.dataDir, 'secret'), target);
    expect(await code(await fetch(`${main.url}/api/v1/jobs/${uid}/outputs/transcript.txt`))).toEqual([
      404,
      'output-not-found',
    ]);
  });
});

describe('media', () => {
  it('is the source where browsers play it', async () => {
    const answer = await fetch(`${base}/media`);
    expect(answer.headers.get('content-type')).toBe('audio/wav');
    expect(answer.headers.get('accept-ranges')).toBe('bytes');
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(source);
  });

  it('is the audio that was transcribed for a browser that asks for it, or a source that none plays', async () => {
    const audio = wav(4444);
    await put(`jobs/${job.metadata.uid}/work/audio.wav`, audio);
    expect((await (await fetch(`${base}/media?prefer=audio`)).arrayBuffer()).byteLength).toBe(4444);
    await put('inbox/film.mkv', Buffer.concat([Buffer.from([0x1a, 0x45, 0xdf, 0xa3]), Buffer.alloc(5000)]));
    const film = main.jobs.put(aJob('inbox/film.mkv'));
    await put(`jobs/${film.metadata.uid}/work/audio.wav`, audio);
    const answer = await fetch(`${main.url}/api/v1/jobs/${film.metadata.uid}/media`);
    expect([answer.headers.get('content-type'), answer.headers.get('content-length')]).toEqual(['audio/wav', '4444']);
  });

  it('is a rendition where there is one', async () => {
    const film = main.jobs.put(aJob(job.spec.source.path ?? ''));
    await finish(film, 'render', { 'media.mp3': 'sound', 'media-720p.mp4': 'moving picture' });
    const answer = await fetch(`${main.url}/api/v1/jobs/${film.metadata.uid}/media`);
    expect([answer.headers.get('content-type'), await answer.text()]).toEqual(['video/mp4', 'moving picture']);
  });

  it('keeps the picture of a film that was made into sound as well', async () => {
    const mp4 = Buffer.concat([
      Buffer.from('\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2', 'latin1'),
      Buffer.alloc(5000),
    ]);
    await put('inbox/film.mp4', mp4);
    const film = main.jobs.put(aJob('inbox/film.mp4'));
    const media = {
      durationMs: 1,
      container: 'mov',
      audioCodec: 'aac',
      sampleRate: 1,
      channels: 1,
      audioTracks: 1,
      bytes: 1,
    };
    await finish(film, 'render', { 'media.mp3': 'sound' });
    for (const [video, type] of [
      [true, 'video/mp4'],
      [false, 'audio/mpeg'],
    ] as const) {
      main.jobs.put({ ...film, status: { ...film.status, media: { ...media, video } } });
      const answer = await fetch(`${main.url}/api/v1/jobs/${film.metadata.uid}/media`, { method: 'HEAD' });
      expect(answer.headers.get('content-type')).toBe(type);
    }
  });

  it('is not there before there is any', async () => {
    const none = main.jobs.put(aJob('inbox/gone.mp3'));
    expect(await code(await fetch(`${main.url}/api/v1/jobs/${none.metadata.uid}/media`))).toEqual([404, 'not-found']);
  });

  it('never shows a file that only calls itself media', async () => {
    await put('inbox/page.mp4', '<!doctype html><script>alert(1)</script>');
    const page = main.jobs.put(aJob('inbox/page.mp4'));
    expect((await fetch(`${main.url}/api/v1/jobs/${page.metadata.uid}/media`)).status).toBe(404);
  });

  it.each<[string, number, string | undefined, [number, number]]>([
    ['bytes=0-', 206, 'bytes 0-9999/10000', [0, 10_000]],
    ['bytes=0-0', 206, 'bytes 0-0/10000', [0, 1]],
    ['bytes=100-199', 206, 'bytes 100-199/10000', [100, 200]],
    ['bytes=9999-', 206, 'bytes 9999-9999/10000', [9999, 10_000]],
    ['bytes=9990-20000', 206, 'bytes 9990-9999/10000', [9990, 10_000]],
    ['bytes=-500', 206, 'bytes 9500-9999/10000', [9500, 10_000]],
    ['bytes=-20000', 206, 'bytes 0-9999/10000', [0, 10_000]],
    ['bytes=0-1,5-6', 200, undefined, [0, 10_000]],
    ['lines=1-2', 200, undefined, [0, 10_000]],
    ['bytes=7-3', 200, undefined, [0, 10_000]],
  ])('for Range: %s answers %d', async (range, status, contentRange, [from, to]) => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await fetch(`${base}/media`, { method, headers: { range } });
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-range') ?? undefined).toBe(contentRange);
      expect(answer.headers.get('content-length')).toBe(String(to - from));
      const body = Buffer.from(await answer.arrayBuffer());
      expect(body).toEqual(method === 'GET' ? source.subarray(from, to) : Buffer.alloc(0));
    }
  });

  it.each(['bytes=10000-', 'bytes=-0', 'bytes=99999999999999999999-'])(
    'for Range: %s answers 416 with the size',
    async (range) => {
      const answer = await fetch(`${base}/media`, { headers: { range } });
      expect(answer.headers.get('content-range')).toBe('bytes */10000');
      expect(await code(answer)).toEqual([416, 'range-not-satisfiable']);
    },
  );

  it('gives a part only of the file that the player knows', async () => {
    const etag = (await fetch(`${base}/media`, { method: 'HEAD' })).headers.get('etag') ?? '';
    const range = 'bytes=10-19';
    expect((await fetch(`${base}/media`, { headers: { range, 'if-range': etag } })).status).toBe(206);
    expect((await fetch(`${base}/media`, { headers: { range, 'if-range': '"another"' } })).status).toBe(200);
  });

  it('lets a player hang up in the middle, and goes on answering', async () => {
    const large = wav(30_000_000);
    await put('inbox/large.wav', large);
    const { metadata } = main.jobs.put(aJob('inbox/large.wav'));
    await new Promise<void>((resolve, reject) => {
      const call = httpRequest(`${main.url}/api/v1/jobs/${metadata.uid}/media`, (answer) => {
        answer.once('data', () => {
          answer.destroy();
          resolve();
        });
      });
      call.on('error', reject).end();
    });
    expect((await fetch(`${base}/media`, { method: 'HEAD' })).status).toBe(200);
    await expect.poll(() => main.logs.some((line) => line.level === 'error')).toBe(false);
  });
});

describe('peaks', () => {
  it('come when the file has been converted', async () => {
    expect(await code(await fetch(`${base}/peaks`))).toEqual([404, 'not-found']);
    const peaks = { schemaVersion: 1, durationMs: 1000, perSecond: 10, values: [1, 2, 3] };
    await put(`jobs/${job.metadata.uid}/work/peaks.json`, JSON.stringify(peaks));
    const answer = await fetch(`${base}/peaks`);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toEqual(peaks);
  });
});

describe('a transcript', () => {
  const putEdits = (edits: unknown, ifMatch?: string) =>
    fetch(`${base}/transcript/edits`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) },
      body: JSON.stringify({ edits }),
    });

  it('is not ready before the job has got that far', async () => {
    const young = main.jobs.put(aJob('inbox/x'));
    for (const path of ['transcript', 'transcript/edits']) {
      const answer = await fetch(`${main.url}/api/v1/jobs/${young.metadata.uid}/${path}`);
      expect(await code(answer)).toEqual([404, 'transcript-not-ready']);
    }
    const none = await fetch(`${main.url}/api/v1/jobs/${crypto.randomUUID()}/transcript`);
    expect(await code(none)).toEqual([404, 'job-not-found']);
  });

  it('is sent once to a reader that keeps it', async () => {
    const answer = await fetch(`${base}/transcript`);
    expect(await answer.json()).toEqual(transcript);
    const again = await fetch(`${base}/transcript`, { headers: { 'if-none-match': answer.headers.get('etag') ?? '' } });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  it('takes corrections, and gives them back merged with times', async () => {
    const before = await fetch(`${base}/transcript/edits`);
    expect([before.headers.get('etag'), await before.json()]).toEqual(['"none"', { schemaVersion: 1, edits: [] }]);
    const saved = await putEdits([{ segment: 0, text: 'ask not what' }], '"none"');
    expect(saved.status).toBe(200);
    const tag = saved.headers.get('etag') ?? '';
    expect((await fetch(`${base}/transcript/edits`)).headers.get('etag')).toBe(tag);

    const edited = await fetch(`${base}/transcript?edited=true`);
    const merged: Transcript = await edited.json();
    expect(merged.segments[0]?.text).toBe('ask not what');
    expect(merged.word_segments.map(({ word }) => word)).toEqual(['ask', 'not', 'what', 'your', 'country']);
    const plain = await fetch(`${base}/transcript`);
    expect((await plain.json()).segments[0].text).toBe('ask nod what');
    expect(edited.headers.get('etag')).not.toBe(plain.headers.get('etag'));

    const second = await putEdits([{ segment: 1, text: 'our country' }], tag);
    expect(second.status).toBe(200);
    const other = await fetch(`${base}/transcript?edited=true`);
    expect(other.headers.get('etag')).not.toBe(edited.headers.get('etag'));
    expect((await other.json()).segments[0].text).toBe('ask nod what');
  });

  it('loses no correction of two people: the second is told', async () => {
    const tag = (await fetch(`${base}/transcript/edits`)).headers.get('etag') ?? '';
    const answers = await Promise.all(['one', 'two', 'three'].map((text) => putEdits([{ segment: 0, text }], tag)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
    expect(await code(await putEdits([], '"none"'))).toEqual([412, 'precondition-failed']);
    expect(await code(await putEdits([]))).toEqual([400, 'invalid-request']);
    const winner = answers.findIndex(({ status }) => status === 200);
    const { edits } = await (await fetch(`${base}/transcript/edits`)).json();
    expect(edits).toEqual([{ segment: 0, text: ['one', 'two', 'three'][winner] }]);
  });

  it.each([
    ['a segment that does not exist', [{ segment: 2, text: 'x' }]],
    [
      'a segment twice',
      [
        { segment: 0, text: 'x' },
        { segment: 0, text: 'y' },
      ],
    ],
    ['a segment before the first', [{ segment: -1, text: 'x' }]],
    ['a text without end', [{ segment: 0, text: 'x'.repeat(10_001) }]],
    ['fields that nobody knows', [{ segment: 0, text: 'x', html: '<b>' }]],
  ])('takes no correction of %s', async (_, edits) => {
    const tag = (await fetch(`${base}/transcript/edits`)).headers.get('etag') ?? '';
    const answer = await putEdits(edits, tag);
    expect(answer.status).toBe(422);
    expect((await answer.json()).errors).toHaveLength(1);
  });

  it('that was made anew has no corrections of the old one', async () => {
    const other = main.jobs.put(aJob('inbox/x'));
    const address = `${main.url}/api/v1/jobs/${other.metadata.uid}/transcript`;
    await finish(other, 'finalize', { 'transcript.json': JSON.stringify(transcript) });
    await fetch(`${address}/edits`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', 'if-match': '"none"' },
      body: JSON.stringify({ edits: [{ segment: 0, text: 'other' }] }),
    });
    const anew = {
      ...transcript,
      segments: [segment(0, 'quite different')],
      word_segments: segment(0, 'quite different').words,
    };
    await finish(other, 'finalize', { 'transcript.json': JSON.stringify(anew) });
    expect((await (await fetch(`${address}?edited=true`)).json()).segments[0].text).toBe('quite different');
    expect((await fetch(`${address}/edits`)).headers.get('etag')).toBe('"none"');
  });
});
