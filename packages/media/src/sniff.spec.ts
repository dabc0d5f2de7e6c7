import { describe, expect, it } from 'vitest';
import type { MediaProblem } from './errors.js';
import { refusalOf } from './sniff.js';

const bytes = (...parts: (string | number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))));
const problemOf = (head: Buffer) => refusalOf(head, head.length)?.problem;
const tar = Buffer.alloc(1024);
tar.write('notes.txt', 0);
tar.write('ustar', 257);

describe('the first bytes of a file', () => {
  it.each<[string, Buffer, MediaProblem]>([
    ['nothing', Buffer.alloc(0), 'empty'],
    ['a ZIP', bytes('PK\x03\x04rest'), 'archive'],
    ['a RAR', bytes('Rar!\x1a\x07\x01'), 'archive'],
    ['a gzip', bytes([0x1f, 0x8b, 8, 0]), 'archive'],
    ['a 7z', bytes('7z\xbc\xaf\x27\x1c'), 'archive'],
    ['a tar', tar, 'archive'],
    ['a PNG', bytes('\x89PNG\r\n\x1a\n'), 'image'],
    ['a JPEG', bytes([0xff, 0xd8, 0xff, 0xe0]), 'image'],
    ['a GIF', bytes('GIF89a'), 'image'],
    ['a WebP', bytes('RIFF', [0, 1, 0, 0], 'WEBPVP8 '), 'image'],
    ['a HEIC', bytes([0, 0, 0, 24], 'ftypheic'), 'image'],
    ['a PDF', bytes('%PDF-1.7'), 'document'],
    ['a Linux program', bytes('\x7fELF\x02'), 'program'],
    ['a script', bytes('#!/bin/sh\nrm -rf /\n'), 'program'],
    ['an HLS playlist', bytes('#EXTM3U\n#EXTINF:10,\nhttp://x/\n'), 'playlist'],
    ['an HLS playlist after a mark of byte order', bytes('\xef\xbb\xbf#EXTM3U\n'), 'playlist'],
    ['a list to concatenate', bytes('ffconcat version 1.0\nfile victim.wav\n'), 'playlist'],
    ['a list to concatenate, without its header', bytes("file 'victim.wav'\n"), 'playlist'],
    ['a DASH manifest', bytes('<?xml version="1.0"?>\n<MPD xmlns="x">'), 'playlist'],
    ['an SDP', bytes('v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n'), 'playlist'],
    ['a PLS', bytes('[playlist]\nFile1=http://x/\n'), 'playlist'],
    ['English', bytes('Dear Sir or Madam,\n'), 'text'],
    ['Russian', Buffer.from('Здравствуйте, товарищи!\n'), 'text'],
    ['a web page', bytes('<!doctype html><html>'), 'text'],
    ['nothing but zeros', Buffer.alloc(1000), 'unknown-format'],
  ])('say: %s', (_name, head, problem) => {
    expect(problemOf(head)).toBe(problem);
  });

  it('say text also where a character is cut at the end of what is read', () => {
    const text = Buffer.from(`x${'ж'.repeat(3000)}`).subarray(0, 4096);
    expect(problemOf(text)).toBe('text');
  });

  it.each<[string, Buffer]>([
    ['an MP3 with tags', bytes('ID3\x04\0\0\0\0\x02\x01TIT2')],
    ['an MP3 frame', bytes([0xff, 0xfb, 0x90, 0x44, 0, 0])],
    ['a WAV', bytes('RIFF', [36, 0, 0, 0], 'WAVEfmt ', [16, 0, 0, 0, 1, 0])],
    ['an MP4', bytes([0, 0, 0, 32], 'ftypisom', [0, 0, 2, 0])],
    ['an AMR', bytes('#!AMR\n', [0x3c, 1, 2, 3])],
    ['an AMR that is one frame of letters', bytes('#!AMR\n', [0x3c], 'A'.repeat(30), [0])],
    ['an Ogg', bytes('OggS\0\x02')],
    ['a transport stream', bytes('G@\0\x10\0\0\xb0\r')],
    ['a program stream', bytes([0, 0, 1, 0xba, 0x44])],
    ['a Matroska', bytes([0x1a, 0x45, 0xdf, 0xa3])],
  ])('do not refuse %s', (_name, head) => {
    expect(refusalOf(head, head.length)).toBeUndefined();
  });
});
