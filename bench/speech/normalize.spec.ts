import { describe, expect, it } from 'vitest';
import { normalizeEnglish } from './normalize.ts';

describe('the measure of word errors', () => {
  it.each([
    ['In the year eighteen sixty one, a teacher', 'In the year 1861 a teacher'],
    ['Between two and three hundred people', 'between 2 and 300 people'],
    ['two hundred and five apples', '205 apples'],
    ['one million two hundred thousand', '1,200,000'],
    ['It costs forty dollars', 'It costs $40'],
    ['up by ten percent in May', 'up by 10% in May'],
    ["he didn't, and won't", 'He did not and will not'],
    ['open four new shops', 'open 4 new shops'],
    ['Um, (laughs) we went [Music] home.', 'we went home'],
    ['café', 'cafe'],
    ['for twenty-one days', 'for 21 days'],
  ])('takes %j and %j for the same', (one, other) => {
    expect(normalizeEnglish(one)).toBe(normalizeEnglish(other));
  });

  it.each([
    ['open four new shops', 'open for new shops'],
    ['one two', 'three'],
    ['nineteen five', '195'],
  ])('takes %j and %j for different', (one, other) => {
    expect(normalizeEnglish(one)).not.toBe(normalizeEnglish(other));
  });
});
