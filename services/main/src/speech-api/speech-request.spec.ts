import { describe, expect, it } from 'vitest';
import { asrRequest } from './asr-request.js';
import { openAiRequest } from './openai-request.js';
import { languageOf, modelOf, transcribeSpecOf } from './speech-request.js';

const form = (fields: Record<string, string | string[]>) =>
  new Map(Object.entries(fields).map(([name, value]) => [name, [value].flat()]));

describe('the name of a model', () => {
  it.each([
    [undefined, 'base'],
    ['', 'base'],
    ['whisper-1', 'base'],
    ['large-v3', 'large-v3'],
    ['openai/whisper-small', 'small'],
    ['Systran/faster-whisper-tiny.en', 'tiny.en'],
    ['whisper-medium', 'medium'],
  ])('%s is %s where base is the default', (asked, model) => {
    expect(modelOf(asked, 'base')).toBe(model);
  });
});

describe('the language of a request', () => {
  it.each([
    [undefined, 'auto'],
    ['', 'auto'],
    ['ru', 'ru'],
    ['pt-BR', 'pt-BR'],
    ['Russian', 'ru'],
    ['javanese', 'jv'],
  ])('%s is %s', (asked, language) => {
    expect(languageOf(asked)).toBe(language);
  });

  it('that Whisper does not know is refused by the name of the field', () => {
    const wishes = { model: 'base', language: 'tlh', task: 'transcribe', prompt: undefined } as const;
    expect(() => transcribeSpecOf(wishes)).toThrow(
      expect.objectContaining({
        code: 'validation-failed',
        errors: [{ path: 'language', message: expect.any(String) }],
      }),
    );
  });
});

describe('a form of the OpenAI API', () => {
  it('asks for JSON and segments when it says nothing', () => {
    expect(openAiRequest(form({}), 'transcribe', 'base')).toEqual({
      wishes: { model: 'base', language: 'auto', task: 'transcribe', prompt: undefined },
      ...{ format: 'json', words: false, segments: true, stream: false },
    });
  });

  it('asks for words, or for both', () => {
    const verbose = (granularities: string[]) =>
      openAiRequest(
        form({ response_format: 'verbose_json', timestamp_granularities: granularities }),
        'transcribe',
        'b',
      );
    expect(verbose(['word'])).toMatchObject({ words: true, segments: false });
    expect(verbose(['word', 'segment'])).toMatchObject({ words: true, segments: true });
  });

  it.each([
    ['response_format', { response_format: 'docx' }, 'must be one of json, text, srt, verbose_json, vtt'],
    ['response_format', { response_format: 'diarized_json' }, 'speakers are not told apart'],
    ['timestamp_granularities', { timestamp_granularities: 'word' }, 'needs response_format verbose_json'],
    [
      'timestamp_granularities',
      { response_format: 'verbose_json', timestamp_granularities: 'letter' },
      'must be word or segment',
    ],
    ['temperature', { temperature: 'hot' }, 'must be a number from 0 to 1'],
  ])('with a wrong %s is refused: %j', (path, fields, why) => {
    expect(() => openAiRequest(form(fields), 'transcribe', 'base')).toThrow(
      expect.objectContaining({
        code: 'validation-failed',
        message: expect.stringContaining(why),
        errors: [{ path, message: expect.any(String) }],
      }),
    );
  });
});

describe('a query of /asr', () => {
  it('asks for plain text when it says nothing', () => {
    expect(asrRequest({}, 'base')).toEqual({
      wishes: { model: 'base', language: 'auto', task: 'transcribe', prompt: undefined },
      ...{ output: 'txt', words: false },
    });
  });

  it('takes what its clients send', () => {
    const query = { encode: 'true', task: 'translate', language: 'ru', output: 'srt', word_timestamps: 'true' };
    expect(asrRequest({ ...query, initial_prompt: 'Kubernetes' }, 'base')).toEqual({
      wishes: { model: 'base', language: 'ru', task: 'translate', prompt: 'Kubernetes' },
      ...{ output: 'srt', words: true },
    });
  });

  it.each([
    ['output', { output: 'pdf' }],
    ['task', { task: 'sing' }],
    ['diarize', { diarize: 'true' }],
  ])('with a wrong %s is refused', (path, query) => {
    expect(() => asrRequest(query, 'base')).toThrow(
      expect.objectContaining({ errors: [{ path, message: expect.any(String) }] }),
    );
  });
});
