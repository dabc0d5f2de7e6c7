import { describe, expect, it } from 'vitest';
import { contentDisposition } from './content-disposition.js';

/** Decodes the extended parameter as RFC 8187 says. */
function decoded(header: string): string {
  return decodeURIComponent(/filename\*=UTF-8''([^;]*)$/.exec(header)?.[1] ?? '');
}

describe('contentDisposition', () => {
  it.each([
    ['talk.srt', 'talk.srt'],
    ['Интервью №5.srt', '________ No5.srt'],
    ['crème brûlée.txt', 'creme brulee.txt'],
    ['a"; filename=evil.exe; x="', 'a_; filename=evil.exe; x=_'],
    ['100%.txt', '100_.txt'],
    ['line\r\nSet-Cookie: a=b.txt', 'line__Set-Cookie: a=b.txt'],
    ["it's (1) *.txt", "it's (1) *.txt"],
    ['🎤.mp3', '__.mp3'],
  ])('keeps %j whole for new readers and harmless for old ones', (name, plain) => {
    const header = contentDisposition('attachment', name);
    expect(header).toMatch(/^attachment; filename="[^"\r\n]*"; filename\*=UTF-8''[A-Za-z0-9%!#$&+\-.^_`|~]*$/);
    expect(header).toContain(`filename="${plain}"`);
    expect(decoded(header)).toBe(name);
  });

  it('survives half a surrogate pair', () => {
    expect(decoded(contentDisposition('inline', 'a\ud800b'))).toBe('a\ufffdb');
  });
});
