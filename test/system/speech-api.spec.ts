import { createReadStream, openAsBlob } from 'node:fs';
import { join } from 'node:path';
import OpenAI, { BadRequestError, NotFoundError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/setup/paths.ts';
import { System, until } from './services.ts';

const SAMPLE = join(ROOT, 'samples', 'jfk.mp3');
const SENTENCE = /ask not what your country can do for you/i;

let system: System;
let client: OpenAI;
const file = () => createReadStream(SAMPLE);

beforeAll(async () => {
  system = await System.start();
  client = new OpenAI({ apiKey: 'not-needed', baseURL: `${system.url}/v1`, maxRetries: 0 });
});
afterAll(() => system.stop());

async function jobs(): Promise<{ metadata: { name: string }; spec: { transcribe?: { task: string } } }[]> {
  const response = await fetch(`${system.url}/api/v1/jobs?limit=500`);
  return ((await response.json()) as { items: never[] }).items;
}

describe("OpenAI's own client", () => {
  it('gets the text of real speech', async () => {
    const { text } = await client.audio.transcriptions.create({ file: file(), model: 'whisper-1' });
    expect(text).toMatch(SENTENCE);
  });

  it('gets the language, segments, and words whose times increase', async () => {
    const answer = await client.audio.transcriptions.create({
      ...{ file: file(), model: 'base', response_format: 'verbose_json' },
      timestamp_granularities: ['word', 'segment'],
    });
    expect(answer.language).toBe('english');
    expect(answer.duration).toBeCloseTo(11, 0);
    expect(answer.segments?.map(({ text }) => text).join(' ')).toMatch(SENTENCE);
    const times = answer.words?.flatMap(({ start, end }) => [start, end]) ?? [];
    expect(times.length).toBeGreaterThan(30);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it.each([
    ['text', /^And so.*ask not what your country/i],
    ['srt', /^1\n00:00:0\d,\d{3} --> 00:00:\d\d,\d{3}\n/],
    ['vtt', /^WEBVTT\n\n/],
  ] as const)('gets %s', async (response_format, expected) => {
    const text: unknown = await client.audio.transcriptions.create({
      file: file(),
      model: 'whisper-1',
      response_format,
    });
    expect(text).toMatch(expected);
  });

  it('reads a stream: pieces in order, then the whole text', async () => {
    const stream = await client.audio.transcriptions.create({ file: file(), model: 'whisper-1', stream: true });
    let pieces = '';
    const types: string[] = [];
    let whole = '';
    for await (const event of stream) {
      types.push(event.type);
      if (event.type === 'transcript.text.delta') pieces += event.delta;
      if (event.type === 'transcript.text.done') whole = event.text;
    }
    expect(types.at(-1)).toBe('transcript.text.done');
    expect(types.slice(0, -1).every((type) => type === 'transcript.text.delta')).toBe(true);
    expect(whole).toMatch(SENTENCE);
    expect(pieces).toBe(whole);
  });

  it('that asks again for the same gets what is there: all of these were one job', async () => {
    expect((await jobs()).filter(({ metadata }) => metadata.name.startsWith('api-'))).toHaveLength(1);
  });

  it('that gives up and asks again gets the job that went on', async () => {
    const asked = { file: file(), model: 'whisper-1', prompt: 'Kennedy' } as const;
    const giveUp = new AbortController();
    const first = client.audio.transcriptions.create(asked, { signal: giveUp.signal });
    const before = (await jobs()).length;
    await Promise.all([
      expect(first).rejects.toThrow(/abort/i),
      until('the job is there', async () => (await jobs()).length === before + 1).then(() => giveUp.abort()),
    ]);
    const { text } = await client.audio.transcriptions.create({ ...asked, file: file() });
    expect(text).toMatch(SENTENCE);
    expect(await jobs()).toHaveLength(before + 1);
  });

  it('gets a translation', async () => {
    const { text } = await client.audio.translations.create({ file: file(), model: 'whisper-1' });
    expect(text).toMatch(/country/i);
    expect((await jobs()).some(({ spec }) => spec.transcribe?.task === 'translate')).toBe(true);
  });

  it('sees the models that are installed', async () => {
    const names = (await client.models.list()).data.map(({ id }) => id);
    expect(names).toContain('base');
    expect(await client.models.retrieve('base')).toMatchObject({ id: 'base', object: 'model' });
    await expect(client.models.retrieve('large-v3')).rejects.toThrow(NotFoundError);
  });

  it('is told of a model that is not here', async () => {
    const asking = client.audio.transcriptions.create({ file: file(), model: 'large-v3' });
    await expect(asking).rejects.toThrow(NotFoundError);
    await expect(asking).rejects.toMatchObject({ code: 'model_not_found', param: 'model' });
  });

  it('is told of a file that is no recording, and of a language that there is none', async () => {
    const text = new File(['Dear Sir, please transcribe this.'], 'letter.mp3');
    const asking = client.audio.transcriptions.create({ file: text, model: 'whisper-1' });
    await expect(asking).rejects.toThrow(BadRequestError);
    await expect(asking).rejects.toMatchObject({ code: 'unsupported_media', message: expect.stringContaining('text') });
    const klingon = client.audio.transcriptions.create({ file: file(), model: 'whisper-1', language: 'tlh' });
    await expect(klingon).rejects.toMatchObject({ status: 400, param: 'language' });
  });

  it('leaves no copy of a recording behind but those of its jobs', async () => {
    const { readdir } = await import('node:fs/promises');
    const named = (await jobs()) as unknown as { spec: { source: { path: string } } }[];
    const uploads = await readdir(join(system.dataDir, 'uploads'));
    expect(uploads.sort()).toEqual(named.map(({ spec }) => spec.source.path.split('/')[1]).sort());
  });
});

describe('a client of whisper-asr-webservice', () => {
  async function asr(path: string, field = 'audio_file'): Promise<Response> {
    const form = new FormData();
    form.set(field, await openAsBlob(SAMPLE), 'jfk.mp3');
    return fetch(`${system.url}${path}`, { method: 'POST', body: form });
  }

  it.each([
    ['txt', /ask not what your country/i, 'text/plain'],
    ['srt', /^1\n00:/, 'application/x-subrip'],
    ['vtt', /^WEBVTT/, 'text/vtt'],
    ['tsv', /^start\tend\ttext\n/, 'text/tab-separated-values'],
  ])('gets %s as a file of that name', async (output, expected, type) => {
    const response = await asr(`/asr?encode=true&task=transcribe&output=${output}`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, expect.stringContaining(type)]);
    expect(response.headers.get('content-disposition')).toContain(`filename="jfk.${output}"`);
    expect(await response.text()).toMatch(expected);
  });

  it('gets JSON with words when it asks for them', async () => {
    const body = (await (await asr('/asr?output=json&word_timestamps=true')).json()) as {
      text: string;
      language: string;
      segments: { words?: object[] }[];
    };
    expect(body).toMatchObject({ language: 'en', text: expect.stringMatching(SENTENCE) });
    expect(body.segments[0]?.words?.length).toBeGreaterThan(3);
    const plain = (await (await asr('/asr?output=json')).json()) as typeof body;
    expect(plain.segments[0]).not.toHaveProperty('words');
  });

  it('learns the language', async () => {
    const body = (await (await asr('/detect-language')).json()) as { confidence: number };
    expect(body).toMatchObject({ detected_language: 'english', language_code: 'en' });
    expect(body.confidence).toBeGreaterThan(0.5);
  });

  it('is told what is wrong with its request', async () => {
    const wrong = await asr('/asr?output=pdf');
    expect([wrong.status, await wrong.json()]).toEqual([422, expect.objectContaining({ code: 'validation-failed' })]);
    const field = await asr('/asr', 'file');
    expect([field.status, await field.json()]).toEqual([
      400,
      expect.objectContaining({ code: 'invalid-request', detail: expect.stringContaining('audio_file') }),
    ]);
    const none = await fetch(`${system.url}/asr`, { method: 'POST' });
    expect(none.status).toBe(400);
  });
});
