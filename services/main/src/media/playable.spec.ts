import type { MediaInfo } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { bestRendition, playableType } from './playable.js';

const media = (audioCodec: string): MediaInfo => ({
  durationMs: 1000,
  container: 'mov',
  audioCodec,
  sampleRate: 48_000,
  channels: 2,
  audioTracks: 1,
  video: true,
  bytes: 1,
});

describe('playableType', () => {
  it.each([
    ['video/mp4', media('aac'), 'video/mp4'],
    ['audio/x-m4a', media('aac'), 'audio/mp4'],
    ['audio/mpeg', undefined, 'audio/mpeg'],
    ['video/mp4', media('ac3'), undefined],
    ['video/x-matroska', media('aac'), undefined],
    ['video/quicktime', media('aac'), undefined],
    ['text/html', undefined, undefined],
    [undefined, media('aac'), undefined],
  ])('serves %s with %o as %s', (type, info, wanted) => {
    expect(playableType(type, info)).toBe(wanted);
  });
});

describe('bestRendition', () => {
  it.each([
    [['media.mp3', 'media-720p.mp4', 'media-1080p.mp4'], 'media-720p.mp4'],
    [['media.flac', 'media.mp3'], 'media.mp3'],
    [['media.mkv'], undefined],
    [['media.mkv', 'media.opus'], 'media.opus'],
    [['transcript.srt', 'transcript.json'], undefined],
    [[], undefined],
  ])('of %j plays %s', (names, wanted) => {
    expect(bestRendition(names)).toBe(wanted);
  });
});
