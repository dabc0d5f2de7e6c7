import { describe, expect, it } from 'vitest';
import { en } from './en.ts';
import { Formatter, fill } from './formatter.ts';
import { chosenLanguage } from './i18n.tsx';
import { ru } from './ru.ts';

const english = new Formatter('en', en.unit);
const russian = new Formatter('ru', ru.unit);
/** Intl uses no-break spaces. */
const plain = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, ' ');

describe('counting things in Russian', () => {
  it.each([
    [1, '1 задание'],
    [2, '2 задания'],
    [5, '5 заданий'],
    [11, '11 заданий'],
    [21, '21 задание'],
    [104, '104 задания'],
    [1000, '1 000 заданий'],
  ])('%i → %s', (n, text) => {
    expect(plain(russian.count(ru.jobs.count, n))).toBe(text);
  });
});

it('counts things in English', () => {
  expect(english.count(en.jobs.count, 1)).toBe('1 job');
  expect(english.count(en.jobs.count, 1000)).toBe('1,000 jobs');
});

it('puts values into texts and leaves what it was not given, so that it is noticed', () => {
  expect(fill('{a} and {b}', { a: 1 })).toBe('1 and {b}');
});

it('never says 100 % before all is done', () => {
  expect(english.percent(99.97)).toBe('99%');
  expect(english.percent(100)).toBe('100%');
  expect(plain(russian.percent(7.9))).toBe('7 %');
});

describe('sizes', () => {
  it.each([
    [0, '0 kB'],
    [110, '0.1 kB'],
    [8_120, '8.1 kB'],
    [412_000_000, '412 MB'],
    [21_474_836_480, '21.5 GB'],
    [3e15, '3,000 TB'],
  ])('%i bytes → %s', (bytes, text) => {
    expect(english.bytes(bytes)).toBe(text);
  });
  it('are in Cyrillic for Russian', () => {
    expect(plain(russian.bytes(1_400_000))).toBe('1,4 МБ');
  });
});

describe('lengths', () => {
  it.each([
    [0, '0:00'],
    [61_900, '1:01'],
    [3_723_000, '1:02:03'],
  ])('%i ms on a clock → %s', (ms, text) => {
    expect(english.clock(ms)).toBe(text);
  });
  it.each([
    [8_400, '8 s'],
    [59_800, '1 min'],
    [3_600_000, '1 h'],
    [5_000_000, '1 h 23 min'],
  ])('%i ms in words → %s', (ms, text) => {
    expect(english.span(ms)).toBe(text);
  });
});

describe('ages', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  it.each([
    ['2026-11-23T11:59:40Z', 'now'],
    ['2026-11-23T11:46:00Z', '14 min. ago'],
    ['2026-11-22T11:00:00Z', 'yesterday'],
    ['2026-10-01T12:00:00Z', 'Oct 1'],
    ['2025-10-01T12:00:00Z', 'Oct 1, 2025'],
  ])('%s → %s', (iso, text) => {
    expect(english.ago(iso, now)).toBe(text);
  });
});

it('names languages as a list begins with them', () => {
  expect(russian.languageName('ru')).toBe('Русский');
  expect(english.languageName('pt')).toBe('Portuguese');
});

it('speaks the language that was chosen, else the first of the browser’s that it knows, else English', () => {
  expect(chosenLanguage('ru', ['en'])).toBe('ru');
  expect(chosenLanguage(undefined, ['de-DE', 'ru-RU', 'en'])).toBe('ru');
  expect(chosenLanguage(undefined, ['fr'])).toBe('en');
});
