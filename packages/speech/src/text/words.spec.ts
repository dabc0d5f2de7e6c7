import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitWords, type HeardToken, wordsOfTokens } from './words.js';

const bytes = (text: string) => new TextEncoder().encode(text);

/** Tokens of 200 ms each, from 1 s on; a number stands for a raw byte. */
function tokens(...pieces: (string | number[])[]): HeardToken[] {
  return pieces.map((piece, i) => ({
    id: 100 + i,
    bytes: typeof piece === 'string' ? bytes(piece) : Uint8Array.from(piece),
    probability: 0.8,
    startMs: 1000 + 200 * i,
    endMs: 1200 + 200 * i,
  }));
}
const window = { startMs: 0, endMs: 30_000 };
const texts = (language: string, ...pieces: (string | number[])[]) =>
  wordsOfTokens(tokens(...pieces), language, window).map((word) => word.text);

describe('words of tokens', () => {
  it('begin where a token begins with a space', () => {
    expect(texts('en', ' And', ' so', ',', ' my', ' fell', 'ow', ' Amer', 'icans')).toEqual([
      'And',
      'so,',
      'my',
      'fellow',
      'Americans',
    ]);
  });

  it('take their times from their first and last token', () => {
    const [, fellow] = wordsOfTokens(tokens(' my', ' fell', 'ow'), 'en', window);
    expect(fellow).toEqual({ startMs: 1200, endMs: 1600, text: 'fellow', probability: 0.8 });
  });

  it('are valid text although tokens cut characters in two', () => {
    const [first = 0, second = 0, third = 0] = bytes('你');
    expect(texts('zh', [first], [second, third], '好')).toEqual(['你', '好']);
    expect(texts('ru', ' при', [0xd0], [0xb2], 'ет')).toEqual(['привет']);
  });

  it('leave out bytes that are no text', () => {
    expect(texts('en', ' so', [0xff, 0xfe], ' it', [0xe4, 0xbd])).toEqual(['so', 'it']);
    expect(texts('en', [0xc3], ' is')).toEqual(['is']);
  });

  it('leave out special tokens', () => {
    const special = { id: 50_364, bytes: bytes('[_BEG_]'), probability: 1, startMs: 1000, endMs: 1000 };
    expect(wordsOfTokens([special, ...tokens(' yes')], 'en', window).map((it) => it.text)).toEqual(['yes']);
  });

  it('are single graphemes in scripts without spaces, with Latin words and numbers whole', () => {
    expect(texts('zh', '我', '用', 'iPh', 'one', '拍', '了', '20', '24', '张', '。')).toEqual([
      '我',
      '用',
      'iPhone',
      '拍',
      '了',
      '2024',
      '张。',
    ]);
    expect(texts('th', 'ที่นี่')).toEqual(['ที่', 'นี่']);
    expect(texts('ja', '「はい」')).toEqual(['「は', 'い」']);
  });

  it('end with their last letter: a mark lasts through the silence after it', () => {
    const [americans, ask] = wordsOfTokens(tokens(' Americans', ',', ' ask'), 'en', window);
    expect(americans).toMatchObject({ text: 'Americans,', startMs: 1000, endMs: 1200 });
    expect(ask).toMatchObject({ startMs: 1400, endMs: 1600 });
    expect(wordsOfTokens(tokens(' 3', '.', '5'), 'en', window)).toMatchObject([
      { text: '3.5', startMs: 1000, endMs: 1600 },
    ]);
  });

  it('are separated by spaces in Korean', () => {
    expect(texts('ko', ' 안녕', '하세요', ' 여러분')).toEqual(['안녕하세요', '여러분']);
  });

  it('share the time of one token by its letters', () => {
    const [first, second] = wordsOfTokens(tokens('中国'), 'zh', window);
    expect(first).toMatchObject({ text: '中', startMs: 1000, endMs: 1100 });
    expect(second).toMatchObject({ text: '国', startMs: 1100, endMs: 1200 });
  });

  it.each([
    ['a comma that is a token of its own', [' Well', ' ,', ' yes'], ['Well ,', 'yes']],
    ['opening marks', [' he', ' said', ' (', 'no', ')', '.'], ['he', 'said', '(no).']],
    ['quotation marks', [' he', ' said', ' "', 'no', '."'], ['he', 'said', '"no."']],
    ['Russian quotation marks', [' газета', ' «', 'Правда', '»'], ['газета', '«Правда»']],
    ['a dash between words', [' Москва', ' –', ' столица'], ['Москва –', 'столица']],
    ['a dash of dialogue', [' -', ' Yes', '.', ' -', ' No', '.'], ['- Yes.', '- No.']],
    ['an apostrophe', [' don', "'", 't'], ["don't"]],
    ['a Spanish question', [' ¿', 'Qué', '?'], ['¿Qué?']],
  ])('keep %s with its word', (_, pieces, expected) => {
    expect(texts('en', ...pieces)).toEqual(expected);
  });

  it('survive text that is only punctuation, only space, or nothing', () => {
    expect(texts('en', ' ...')).toEqual(['...']);
    expect(texts('en', '  ', '\n')).toEqual([]);
    expect(texts('en')).toEqual([]);
  });

  it('carry no control character', () => {
    expect(texts('en', ' a\u0000b', '\u0007', ' c\u200bd', '\ufeff')).toEqual(['a', 'b', 'c\u200bd']);
  });

  it('do not last through a pause before them', () => {
    const heard = tokens(' one', ' two', ' three', ' four').map((token, i) => ({
      ...token,
      endMs: token.endMs + (i === 3 ? 4000 : 0),
    }));
    const four = wordsOfTokens(heard, 'en', window)[3];
    expect(four?.endMs).toBe(5800);
    expect(four?.startMs).toBeGreaterThan(4500);
  });

  it('increase strictly inside the window and keep every letter, whatever an engine says', () => {
    const time = fc.oneof(
      fc.integer({ min: -5000, max: 40_000 }),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY),
    );
    const token = fc.record({
      id: fc.integer({ min: 0, max: 50_255 }),
      bytes: fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: 6 }).map((text) => bytes(` ${text}`)),
        fc.constantFrom(' Привет', '你好', 'ที่', ' word', ',', '…', ' «', '»').map(bytes),
        fc.uint8Array({ maxLength: 4 }),
      ),
      probability: fc.double({ min: 0, max: 1, noNaN: true }),
      startMs: time,
      endMs: time,
    });
    fc.assert(
      fc.property(fc.array(token, { maxLength: 40 }), fc.integer({ min: 1, max: 30_000 }), (heard, length) => {
        const bounds = { startMs: 2000, endMs: 2000 + length };
        const words = wordsOfTokens(heard, 'en', bounds);
        let last = bounds.startMs;
        for (const word of words) {
          expect(Number.isInteger(word.startMs) && Number.isInteger(word.endMs)).toBe(true);
          expect(word.startMs).toBeGreaterThanOrEqual(last);
          expect(word.endMs).toBeGreaterThan(word.startMs);
          expect(word.text).toBe(word.text.trim());
          expect(word.text).not.toBe('');
          expect(word.text.isWellFormed()).toBe(true);
          last = word.endMs;
        }
        expect(last).toBeLessThanOrEqual(bounds.endMs);
      }),
    );
  });
});

describe('fitting words into bounds', () => {
  const word = (startMs: number, endMs: number) => ({ startMs, endMs, text: 'w', probability: 1 });

  it('changes nothing where nothing is wrong', () => {
    const words = [word(100, 300), word(300, 450), word(900, 1000)];
    expect(fitWords(words, { startMs: 0, endMs: 1000 })).toEqual(words);
  });

  it('lets the next word decide where two overlap', () => {
    expect(fitWords([word(100, 500), word(300, 600)], { startMs: 0, endMs: 1000 })).toEqual([
      word(100, 300),
      word(300, 600),
    ]);
  });

  it('makes room for words that all fall on one moment', () => {
    const fitted = fitWords([word(900, 900), word(900, 900), word(900, 900)], { startMs: 0, endMs: 910 });
    expect(fitted.map((it) => [it.startMs, it.endMs])).toEqual([
      [850, 870],
      [870, 890],
      [890, 910],
    ]);
  });

  it('joins words when there are more of them than ms', () => {
    const fitted = fitWords(
      Array.from({ length: 10 }, () => word(0, 1)),
      { startMs: 0, endMs: 3 },
    );
    expect(fitted.map((it) => it.text).join(' ')).toBe('w w w w w w w w w w');
    expect(fitted.length).toBeLessThanOrEqual(3);
  });
});
