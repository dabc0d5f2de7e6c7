import { describe, expect, it } from 'vitest';
import { mebibytes, quantityOf } from './quantity.js';

describe('quantities', () => {
  it.each([
    ['500m', 0.5],
    ['2', 2],
    ['1.5', 1.5],
    ['128Mi', 134_217_728],
    ['4Gi', 4_294_967_296],
    ['1G', 1e9],
    ['1e3', 1000],
    ['100k', 100_000],
    ['', undefined],
    ['4 Gi', undefined],
    ['-1', undefined],
    ['1GiB', undefined],
  ])('%s is %s', (text, want) => expect(quantityOf(text)).toBe(want));

  it('are written in whole MiB, never less', () => {
    expect(mebibytes(1.5 * 2 ** 30)).toBe('1536Mi');
    expect(mebibytes(1)).toBe('1Mi');
  });
});
