import { describe, expect, it } from 'vitest';
import { channelsOf, earliestPtsMs, parseFrameHash, parseInputDescription } from './stream-info.js';

describe("ffmpeg's description of its input", () => {
  it('names the container, its start, its audio tracks and its picture', () => {
    expect(
      parseInputDescription([
        "Input #0, matroska,webm, from 'file:/x':",
        '  Duration: 00:00:05.00, start: 1.440000, bitrate: 491 kb/s',
        '  Stream #0:0[0x1](und): Video: h264 (High) (avc1 / 0x31637661), none(progressive), 320x240',
        '  Stream #0:1(eng): Audio: aac (LC), 44100 Hz, stereo, fltp (default)',
        '  Stream #0:2[0x101]: Audio: mp2 ([3][0][0][0] / 0x0003), 44100 Hz',
        'Stream mapping:',
        '  Stream #0:3: Audio: of no concern',
      ]),
    ).toEqual({
      container: 'matroska,webm',
      audioTracks: 2,
      subtitleTracks: 0,
      startMs: 1440,
      declaredMs: 5000,
      videoCodec: 'h264',
    });
  });

  it('does not take cover art for a picture that moves', () => {
    const description = parseInputDescription([
      "Input #0, mp3, from 'file:/x':",
      '  Stream #0:0: Audio: mp3, 44100 Hz',
      '  Stream #0:1: Video: png, rgb24(pc), 300x300 (attached pic)',
    ]);
    expect(description).toMatchObject({ audioTracks: 1, videoCodec: undefined });
  });

  it('is not deceived by a title that looks like a stream', () => {
    const description = parseInputDescription([
      "Input #0, mp3, from 'file:/x':",
      '  Metadata:',
      '    title           : Stream #0:7: Video: h264',
      '                    :   Stream #0:8: Audio: mp3',
      '  Stream #0:0: Audio: mp3, 44100 Hz',
    ]);
    expect(description).toMatchObject({ audioTracks: 1, videoCodec: undefined });
  });

  it('does not take a guess for what the file says of its length', () => {
    const description = parseInputDescription([
      '[aac @ 0x1] Estimating duration from bitrate, this may be inaccurate',
      "Input #0, aac, from 'file:/x':",
      '  Duration: 01:02:03.50, bitrate: 64 kb/s',
    ]);
    expect(description.declaredMs).toBeUndefined();
  });

  it('is empty when ffmpeg did not understand the file', () => {
    expect(parseInputDescription(['file:/x: Invalid argument']).container).toBe('');
  });
});

const header =
  '#tb 0: 1/44100\n#media_type 0: audio\n#codec_id 0: aac\n#sample_rate 0: 44100\n#channel_layout_name 0: stereo\n';

describe('a framehash', () => {
  it('tells codec, rate, channels and the first packet', () => {
    expect(parseFrameHash(`${header}0,      88200,      88200,     1024,      511, 88d419d4, S=1, 10, be\n`)).toEqual({
      codec: 'aac',
      sampleRate: 44100,
      channels: 2,
      startMs: 2000,
    });
  });

  it('of a picture is no sound', () => {
    expect(parseFrameHash('#media_type 0: video\n#codec_id 0: h264\n')).toBeUndefined();
    expect(parseFrameHash('')).toBeUndefined();
  });

  it('of several streams gives the earliest time, each in its own time base', () => {
    const text = '#tb 0: 1/44100\n#tb 1: 1/1000\n0, 88200, 88200, 1024, 5, aa\n1, 1500, 1500, 40, 5, bb\n';
    expect(earliestPtsMs(text)).toBe(1500);
    expect(earliestPtsMs('#tb 0: 1/1000\n')).toBeUndefined();
  });
});

describe('a channel layout', () => {
  it.each([
    ['mono', 1],
    ['stereo', 2],
    ['2.1', 3],
    ['quad', 4],
    ['5.1', 6],
    ['5.1(side)', 6],
    ['7.1(wide)', 8],
    ['7.1.4', 12],
    ['24 channels', 24],
    ['3 channels (FL+FR+LFE)', 3],
    ['', 0],
  ])('%j has %i channels', (layout, channels) => {
    expect(channelsOf(layout)).toBe(channels);
  });
});
