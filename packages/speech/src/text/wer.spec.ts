import { describe, expect, it } from 'vitest';
import { wordErrorRate } from './wer.js';

describe('the word error rate', () => {
  it('does not see case, punctuation or apostrophes', () => {
    expect(wordErrorRate('Don’t stop, Mr. Smith!', "don't stop mr smith").rate).toBe(0);
  });

  it('counts each kind of error', () => {
    expect(wordErrorRate('one two three four', 'one too three four five')).toEqual({
      substitutions: 1,
      deletions: 0,
      insertions: 1,
      referenceWords: 4,
      rate: 0.5,
    });
    expect(wordErrorRate('one two', '')).toMatchObject({ deletions: 2, rate: 1 });
  });

  it('is 1 when words were invented on silence', () => {
    expect(wordErrorRate('', 'thank you').rate).toBe(1);
    expect(wordErrorRate('', '').rate).toBe(0);
  });
});
