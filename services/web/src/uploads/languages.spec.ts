import { bcp47Of, LanguageChoice, WHISPER_LANGUAGES } from '@mediajob/contract';
import { expect, it } from 'vitest';
import { SPOKEN_LANGUAGES } from './languages.ts';

it('offers exactly the languages of the contract, as tags that it takes', () => {
  expect(SPOKEN_LANGUAGES).toEqual(WHISPER_LANGUAGES.map(bcp47Of));
  for (const tag of SPOKEN_LANGUAGES) expect(LanguageChoice.safeParse(tag).success, tag).toBe(true);
});
