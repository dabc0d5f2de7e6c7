import { expect, it } from 'vitest';
import { durationText, etaText } from './progress.js';

it.each([
  [0, '0s'],
  [59, '59s'],
  [60, '1m 00s'],
  [3599, '59m 59s'],
  [3600, '1h 00m'],
  [7_500, '2h 05m'],
  [31_536_000, '8760h 00m'],
])('%i seconds are left: %s', (seconds, text) => {
  expect(etaText(seconds)).toBe(text);
  expect(text.length).toBeLessThanOrEqual(16);
});

it.each([
  [0, '0:00'],
  [499, '0:00'],
  [42_000, '0:42'],
  [725_000, '12:05'],
  [3_723_000, '1:02:03'],
  [133_200_000, '37:00:00'],
])('%i ms last %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});
