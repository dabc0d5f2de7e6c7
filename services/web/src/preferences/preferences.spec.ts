import { describe, expect, it } from 'vitest';
import { DEFAULT_OPTIONS, parsePreferences } from './preferences.ts';

describe('remembered settings', () => {
  it.each([null, '', 'nonsense', '[]', '7', '{"options":null}'])('are the defaults when %j was stored', (stored) => {
    expect(parsePreferences(stored)).toEqual({ language: undefined, theme: 'system', options: DEFAULT_OPTIONS });
  });

  it('keep what is right and drop what is not', () => {
    const stored = {
      language: 'ru',
      theme: 'pink',
      options: { formats: ['vtt', 'exe', 'txt'], quality: 'best', language: 5, subtitles: 'bbc' },
    };
    expect(parsePreferences(JSON.stringify(stored))).toEqual({
      language: 'ru',
      theme: 'system',
      options: { ...DEFAULT_OPTIONS, formats: ['txt', 'vtt'], quality: 'best', subtitles: 'bbc' },
    });
  });
});
