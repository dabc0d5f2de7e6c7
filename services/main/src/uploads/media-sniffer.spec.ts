import { describe, expect, it } from 'vitest';
import { SNIFF_BYTES, sniff } from './media-sniffer.js';

const padded = (head: string, length = SNIFF_BYTES): Buffer => {
  const bytes = Buffer.alloc(length, 0x80);
  Buffer.from(head, 'latin1').copy(bytes);
  return bytes;
};

describe('sniff', () => {
  it.each([
    ['a zip archive', padded('PK\x03\x04\x14\x00\x00\x00\x08\x00')],
    ['a PDF', padded('%PDF-1.7\n')],
    ['a PNG', padded(`\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR${'\0'.repeat(17)}\0\0\x20\0IDAT`)],
    ['a JPEG', padded('\xff\xd8\xff\xe0')],
    ['a Windows program', padded('MZ\x90\x00')],
    ['a Linux program', padded('\x7fELF\x02\x01\x01')],
    ['a gzip', padded('\x1f\x8b\x08\x00')],
    ['a web page', Buffer.from('<!doctype html><html><script>alert(1)</script></html>')],
    ['a playlist of ffmpeg', Buffer.from("ffconcat version 1.0\nfile '/etc/passwd'\n")],
    ['an HLS playlist', Buffer.from('#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n')],
    ['a shell script', Buffer.from('#!/bin/sh\nrm -rf /\n')],
    ['Russian text cut inside a character', Buffer.from('привет, '.repeat(600)).subarray(0, SNIFF_BYTES)],
  ])('refuses %s', async (_, head) => {
    expect((await sniff(head, head.length < SNIFF_BYTES)).refused).toMatch(/^It is/);
  });

  it.each([
    ['a WAV', padded('RIFF\x24\x00\x00\x00WAVEfmt '), 'audio/wav'],
    ['an MP4', padded('\x00\x00\x00\x20ftypisom'), 'video/mp4'],
    ['an M4A', padded('\x00\x00\x00\x20ftypM4A '), 'audio/x-m4a'],
    ['an MP3 with a tag', padded('ID3\x03\x00\x00\x00\x00\x00\x00\xff\xfb'), 'audio/mpeg'],
    ['a FLAC', padded('fLaC\x00\x00\x00\x22'), 'audio/flac'],
    ['an AMR', padded('#!AMR\n\x3c'), 'audio/amr'],
  ])('takes %s for what it is', async (_, head, mediaType) => {
    expect(await sniff(head, false)).toEqual({ mediaType });
  });

  it('leaves unknown bytes to the probe', async () => {
    expect(await sniff(padded('\x01\x02\x03\x04'), false)).toEqual({});
  });

  it('does not take an MP3 whose tag is longer than what is looked at for something else', async () => {
    const head = padded('ID3\x03\x00\x00\x00\x0f\x00\x00APIC\xff\xd8\xff\xe0');
    expect((await sniff(head, false)).refused).toBeUndefined();
  });
});
