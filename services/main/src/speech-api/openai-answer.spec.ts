import type { Transcript } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import { describe, expect, it } from 'vitest';
import { openAiAnswer, openAiEvents } from './openai-answer.js';
import { openAiError, statusOf } from './openai-errors.filter.js';
import type { OpenAiRequest } from './openai-request.js';

const words = [
  { word: 'Ask', start: 0.5, end: 0.9, score: 0.9 },
  { word: 'not.', start: 0.9, end: 1.4, score: 0.8 },
  { word: 'Never.', start: 2, end: 2.5, score: 0.7 },
];
const aTranscript = (over: Partial<Transcript> = {}): Transcript => ({
  ...{
    schemaVersion: 1,
    language: 'en',
    languageProbability: 0.98,
    task: 'transcribe',
    model: 'base',
    durationMs: 3200,
  },
  segments: [
    { start: 0.5, end: 1.4, text: 'Ask not.', avg_logprob: -0.2, no_speech_prob: 0.01, words: words.slice(0, 2) },
    { start: 2, end: 2.5, text: 'Never.', avg_logprob: -0.3, no_speech_prob: 0.02, words: words.slice(2) },
  ],
  word_segments: words,
  ...over,
});
const asking = (over: Partial<OpenAiRequest> = {}): OpenAiRequest => ({
  wishes: { model: 'base', language: 'auto', task: 'transcribe', prompt: undefined },
  ...{ format: 'json', words: false, segments: true, stream: false },
  ...over,
});
const body = async (request: Partial<OpenAiRequest>) => (await openAiAnswer(aTranscript(), asking(request))).body;

describe('a transcript for a client of OpenAI', () => {
  it('is its text and what it would be charged for', async () => {
    expect(JSON.parse(await body({}))).toEqual({ text: 'Ask not. Never.', usage: { type: 'duration', seconds: 4 } });
  });

  it('is plain text', async () => {
    expect(await body({ format: 'text' })).toBe('Ask not. Never.\n');
  });

  it('tells language by name, duration in seconds, segments and words', async () => {
    const verbose = JSON.parse(await body({ format: 'verbose_json', words: true }));
    expect(verbose).toMatchObject({ task: 'transcribe', language: 'english', duration: 3.2, text: 'Ask not. Never.' });
    expect(verbose.segments[1]).toMatchObject({ id: 1, start: 2, end: 2.5, text: 'Never.', avg_logprob: -0.3 });
    expect(verbose.words[0]).toEqual({ word: 'Ask', start: 0.5, end: 0.9 });
  });

  it('leaves out segments that were not asked for', async () => {
    expect(JSON.parse(await body({ format: 'verbose_json', segments: false }))).not.toHaveProperty('segments');
  });

  it('is subtitles', async () => {
    expect(await body({ format: 'srt' })).toBe('1\n00:00:00,500 --> 00:00:02,500\nAsk not. Never.\n\n');
    expect(await body({ format: 'vtt' })).toMatch(/^WEBVTT\n\n/);
  });

  it('has no spaces between the segments of a script without them', async () => {
    const segments = ['你好。', '世界'].map((text, i) => ({
      ...{ start: i, end: i + 1, text, avg_logprob: 0, no_speech_prob: 0, words: [] },
    }));
    const { body: text } = await openAiAnswer(aTranscript({ language: 'zh', segments }), asking({ format: 'text' }));
    expect(text).toBe('你好。世界\n');
  });
});

describe('a streamed transcript', () => {
  it('says it piece by piece, and then whole: the pieces are the whole', () => {
    const events = openAiEvents(aTranscript()) as { type: string; delta?: string; text?: string }[];
    expect(events.map(({ type }) => type)).toEqual([
      'transcript.text.delta',
      'transcript.text.delta',
      'transcript.text.done',
    ]);
    expect(events.map(({ delta }) => delta ?? '').join('')).toBe(events.at(-1)?.text);
  });

  it('of silence is only the end', () => {
    expect(openAiEvents(aTranscript({ segments: [], word_segments: [] }))).toMatchObject([
      { type: 'transcript.text.done', text: '' },
    ]);
  });
});

describe('an error for a client of OpenAI', () => {
  it.each<[string, ProblemError, number, object]>([
    [
      'a wrong field',
      new ProblemError('validation-failed', 'No.', { errors: [{ path: 'language', message: 'no' }] }),
      400,
      { type: 'invalid_request_error', param: 'language', code: 'validation_failed' },
    ],
    [
      'a model that is not there',
      new ProblemError('model-missing', 'No.', { errors: [{ path: 'model', message: 'no' }] }),
      404,
      { type: 'invalid_request_error', param: 'model', code: 'model_not_found' },
    ],
    [
      'a file that is none',
      new ProblemError('unsupported-media', 'No.'),
      400,
      { code: 'unsupported_media', param: null },
    ],
    ['a file too large', new ProblemError('upload-too-large', 'No.'), 413, { type: 'invalid_request_error' }],
    ['too many requests', new ProblemError('too-many-requests', 'No.'), 429, { type: 'rate_limit_error' }],
    ['a full disk', new ProblemError('storage-full', 'No.'), 507, { type: 'server_error', code: 'storage_full' }],
  ])('for %s', (_, problem, status, error) => {
    expect(statusOf(problem)).toBe(status);
    expect(openAiError(problem)).toMatchObject({ error: { message: 'No.', ...error } });
  });
});
