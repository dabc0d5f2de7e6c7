import { describe, expect, it } from 'vitest';
import { cleanFileName, cleanMetadata } from './upload-name.js';

describe('cleanFileName', () => {
  it.each([
    ['talk.mp3', 'talk.mp3'],
    ['Интервью с бабушкой.m4a', 'Интервью с бабушкой.m4a'],
    ['e\u0301te\u0301.wav', 'été.wav'],
    ['song\u202e3pm.exe', 'song3pm.exe'],
    ['a\u2066b\u2069c\u200e.mp3', 'abc.mp3'],
    ['a\u0000b\r\nc\u001b[31m.mp3', 'abc[31m.mp3'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\me\\talk.mp3', 'talk.mp3'],
    ['$(touch PWNED).mp3', '$(touch PWNED).mp3'],
    ['-i evil.mp3', '-i evil.mp3'],
    ['<img src=x onerror=alert(1)>.mp3', '<img src=x onerror=alert(1)>.mp3'],
    ['\ud800.mp3', '\ufffd.mp3'],
    ['', 'unnamed'],
    ['..', 'unnamed'],
    ['   ', 'unnamed'],
    [undefined, 'unnamed'],
    [null, 'unnamed'],
  ])('takes %j as %j', (given, wanted) => {
    expect(cleanFileName(given)).toBe(wanted);
  });

  it('cuts a long name to 255 bytes between characters and keeps its extension', () => {
    const name = cleanFileName(`${'я'.repeat(300)}.mp3`);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    expect(name).toMatch(/^я{125}\.mp3$/);
    const family = cleanFileName(`${'👨‍👩‍👧'.repeat(40)}.mp3`);
    expect(family).toMatch(/^(👨‍👩‍👧)+\.mp3$/u);
  });
});

describe('cleanMetadata', () => {
  it('keeps a bounded number of bounded entries', () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, 'v'.repeat(5000)]));
    const kept = cleanMetadata(many);
    expect(Object.keys(kept)).toHaveLength(16);
    expect(kept.k0).toHaveLength(1024);
  });

  it('keeps keys without a value, and takes no prototype from a client', () => {
    expect(cleanMetadata({ flag: null })).toEqual({ flag: null });
    const kept = cleanMetadata(JSON.parse('{"__proto__": "x", "a": "b"}'));
    expect(Object.getPrototypeOf(kept)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});
