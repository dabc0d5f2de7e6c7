import { describe, expect, it } from 'vitest';
import { failureOf } from './failure.js';
import { chooseSpeech } from './speech-choice.js';

const asked = (model: string, language: string, task: 'transcribe' | 'translate' = 'transcribe') => ({
  model,
  language,
  task,
});

describe('what a model can do', () => {
  it.each([
    ['base', 'auto', undefined],
    ['base', 'pt-BR', 'pt'],
    ['base', 'jv', 'jw'],
    ['base.en', 'auto', 'en'],
    ['base.en', 'en-GB', 'en'],
    ['large-v3', 'yue', 'yue'],
  ])('%s with %s hears %s', (model, language, want) => {
    expect(chooseSpeech(asked(model, language)).language).toBe(want);
  });

  it.each([
    ['base.en', 'ru', 'transcribe', /knows only English. For ru use one of: tiny, base, small/],
    ['base.en', 'en', 'translate', /cannot translate. These can: tiny, base, small/],
    ['large-v3-turbo', 'ru', 'translate', /cannot translate. These can: .*large-v3\./],
    ['base', 'yue', 'transcribe', /does not know Cantonese. These do: large-v3-turbo, large-v3\./],
    ['bass', 'auto', 'transcribe', /no model "bass" in the catalog. There are: tiny/],
    ['base', 'xx', 'transcribe', /knows no language "xx"/],
  ] as const)('%s with %s to %s is refused, naming what would do', (model, language, task, message) => {
    let failure: unknown;
    try {
      chooseSpeech(asked(model, language, task));
    } catch (error) {
      failure = failureOf(error);
    }
    expect(failure).toMatchObject({
      exitCode: 64,
      reason: 'InvalidArguments',
      message: expect.stringMatching(message),
    });
  });
});
