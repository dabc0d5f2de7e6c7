import { MediaJobSpec, type ModelList, type ModelStatus } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { checkModel } from './job-checks.js';

const aModel = (name: string, change: Partial<ModelStatus> = {}): ModelStatus => ({
  name,
  bytes: 1,
  description: name,
  downloadable: true,
  default: false,
  installed: false,
  languages: 99,
  translates: true,
  ...change,
});
const models: ModelList = {
  models: [
    aModel('base'),
    aModel('base.en', { languages: 1, translates: false }),
    aModel('small'),
    aModel('large-v3-turbo', { languages: 100, translates: false }),
  ],
};
const check = (transcribe: object) =>
  checkModel(MediaJobSpec.parse({ source: { path: 'inbox/a.mp3' }, transcribe }), models);

describe('a job', () => {
  it.each([
    { model: 'base' },
    { model: 'base.en', language: 'en-GB' },
    { model: 'base', fallbackModel: 'small', task: 'translate' },
    { model: 'base', fallbackModel: 'large-v3-turbo', languageMode: 'perChunk' },
  ])('with %j is taken', (transcribe) => {
    expect(() => check(transcribe)).not.toThrow();
  });

  it.each([
    [{ model: 'huge' }, 'spec.transcribe.model', 'there is no model huge'],
    [{ model: 'base.en', language: 'ru' }, 'spec.transcribe.language', 'knows English only'],
    [{ model: 'large-v3-turbo', task: 'translate' }, 'spec.transcribe.task', 'take base, small'],
    [{ model: 'base', fallbackModel: 'base' }, 'spec.transcribe.fallbackModel', 'take a larger one'],
    [{ model: 'base', fallbackModel: 'huge' }, 'spec.transcribe.fallbackModel', 'there is no model huge'],
    [
      { model: 'base', fallbackModel: 'base.en', language: 'ru' },
      'spec.transcribe.fallbackModel',
      'knows English only',
    ],
    [
      { model: 'base', fallbackModel: 'large-v3-turbo', task: 'translate' },
      'spec.transcribe.fallbackModel',
      'cannot translate; take base, small',
    ],
  ])('with %j is refused for %s', (transcribe, path, message) => {
    expect(() => check(transcribe)).toThrow(expect.objectContaining({ message: expect.stringContaining(`“${path}”`) }));
    expect(() => check(transcribe)).toThrow(message);
  });
});
