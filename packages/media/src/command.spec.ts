import { describe, expect, it } from 'vitest';
import { assertSafeArguments, buildCommand, fileUrl } from './command.js';
import { MediaError } from './errors.js';
import { AUDIO_DECODERS, codecWhitelist, DEMUXERS, formatWhitelist, VIDEO_DECODERS } from './whitelists.js';

const input = '/data/uploads/01J/source';
const toWav = () =>
  buildCommand({
    input,
    decoders: 'audio',
    outputs: [{ target: { file: '/data/out.wav' }, options: ['-vn', '-f', 'wav'] }],
  }).args;
const before = (args: string[]) => args.slice(0, args.indexOf('-i'));
const optionOf = (args: string[], name: string) => args[args.indexOf(name) + 1];

describe('every ffmpeg command', () => {
  it('takes no keys from the terminal and names its one input by a file: path', () => {
    const args = toWav();
    expect(args[0]).toBe('-nostdin');
    expect(args.filter((word) => word === '-i')).toHaveLength(1);
    expect(optionOf(args, '-i')).toBe(`file:${input}`);
    expect(args.at(-1)).toBe('file:/data/out.wav');
  });

  it('carries the whitelists of protocols, formats and decoders before its input', () => {
    const args = before(toWav());
    expect(optionOf(args, '-protocol_whitelist')).toBe('file');
    expect(optionOf(args, '-format_whitelist')).toBe(formatWhitelist());
    expect(optionOf(args, '-codec_whitelist')).toBe(codecWhitelist('audio'));
  });

  it('hands each word to ffmpeg as one word, spaces and all', () => {
    const { args } = buildCommand({
      input: '/data/inbox/my talk.mp3',
      decoders: 'audio',
      outputs: [{ target: { file: '/data/a b.wav' }, options: ['-metadata', 'comment=one two'] }],
    });
    expect(args).toContain('file:/data/inbox/my talk.mp3');
    expect(args).toContain('file:/data/a b.wav');
    expect(args).toContain('comment=one two');
  });

  it('keeps a single option with a space in one piece', () => {
    const { args } = buildCommand({ input, decoders: 'audio', outputs: [{ target: 'stdout', options: ['a b'] }] });
    expect(args).toContain('a b');
  });

  it.each(['uploads/x', '-i', 'http://host/x', 'concat:/a|/b', 'pipe:0', '/data/a\0b'])(
    'refuses the path %j',
    (path) => {
      expect(() => fileUrl(path)).toThrow(MediaError);
    },
  );

  it('never lists a demuxer that opens other files or the network', () => {
    const dangerous = [
      'concat',
      'hls',
      'dash',
      'sdp',
      'rtsp',
      'image2',
      'lavfi',
      'data',
      'webm_dash_manifest',
      'imf',
      'tee',
    ];
    expect(DEMUXERS.filter((name) => dangerous.includes(name))).toEqual([]);
  });

  it('opens video decoders only when pictures are to be decoded, and never the fragile ones', () => {
    const audio = codecWhitelist('audio').split(',');
    const video = Object.values(VIDEO_DECODERS).flat();
    expect(audio.filter((name) => video.includes(name))).toEqual([]);
    expect(codecWhitelist('audio+video').split(',')).toEqual([...Object.values(AUDIO_DECODERS).flat(), ...video]);
    expect(video).not.toContain('magicyuv');
  });

  it('reads subtitles as SubRip alone, from the second input, and lets them go along only where asked', () => {
    const make = (subtitles: boolean) =>
      buildCommand({
        input,
        decoders: 'audio',
        subtitles: '/data/s.srt',
        outputs: [{ target: { file: '/data/out.mkv' }, options: ['-map', '1:s:0'], subtitles }],
      }).args;
    const args = make(true);
    const second = args.slice(args.indexOf('-i') + 2, args.lastIndexOf('-i') + 2);
    expect(optionOf(second, '-protocol_whitelist')).toBe('file');
    expect(optionOf(second, '-format_whitelist')).toBe('srt');
    expect(optionOf(second, '-codec_whitelist')).toBe('subrip,srt');
    expect(second.at(-1)).toBe('file:/data/s.srt');
    expect(args).not.toContain('-sn');
    expect(make(false)).toContain('-sn');
    expect(toWav()).toContain('-sn');
  });

  it('begins a file where it begins, also when only its sound is used', () => {
    expect(optionOf(before(toWav()), '-itsoffset')).toBe('0.000001');
    const shifted = buildCommand({
      input,
      shiftMs: 2416,
      decoders: 'audio',
      outputs: [{ target: 'none', options: [] }],
    });
    expect(optionOf(before(shifted.args), '-itsoffset')).toBe('2.416');
  });
});

describe('the check of what the builder made', () => {
  const source = `file:${input}`;
  const target = 'file:/data/out.wav';
  const mutate = (change: (args: string[]) => string[]) => () =>
    assertSafeArguments(change([...toWav()]), [source], [target]);

  it('passes what was asked for', () => {
    expect(mutate((args) => args)).not.toThrow();
  });

  it.each<[string, (args: string[]) => string[]]>([
    ['a second input', (args) => [...args.slice(0, -1), '-i', 'file:/etc/passwd', args.at(-1) ?? '']],
    ['another input', (args) => args.map((word) => (word === source ? 'file:/etc/passwd' : word))],
    ['no -nostdin', (args) => args.slice(1)],
    ['a wider protocol list', (args) => args.map((word) => (word === 'file' ? 'file,http' : word))],
    ['a wider format list', (args) => args.map((word) => (word === formatWhitelist() ? `${word},concat` : word))],
    ['a second protocol list', (args) => ['-nostdin', '-protocol_whitelist', 'http', ...args.slice(1)]],
    ['no decoder list', (args) => args.filter((word) => word !== '-codec_whitelist')],
    ['another output', (args) => [...args, 'file:/data/other.wav']],
    ['a byte that ends strings', (args) => [...args.slice(0, -1), 'a\0b', args.at(-1) ?? '']],
  ])('refuses %s', (_name, change) => {
    expect(mutate(change)).toThrow(/unexpected ffmpeg command/);
  });
});
