import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyzeWav } from '../../src/analyze.js';
import { extractAudio } from '../../src/extract.js';
import { formats } from '../../src/formats.js';
import { probe } from '../../src/probe.js';
import { speechSpans } from '../../src/speech-map.js';
import { anAmr, ffmpeg, Studio } from '../recordings.js';

let studio: Studio;
beforeAll(async () => {
  studio = await Studio.open();
});
afterAll(() => studio.close());

const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast'];
const SOUNDS: [string, string[], string][] = [
  ['a.wav', [], 'pcm_s16le'],
  ['float.wav', ['-c:a', 'pcm_f32le'], 'pcm_f32le'],
  ['phone.wav', ['-c:a', 'pcm_mulaw', '-ar', '8000', '-ac', '1'], 'pcm_mulaw'],
  ['a.w64', [], 'pcm_s16le'],
  ['a.mp3', [], 'mp3'],
  ['a.aac', [], 'aac'],
  ['a.m4a', [], 'aac'],
  ['lossless.m4a', ['-c:a', 'alac'], 'alac'],
  ['a.flac', [], 'flac'],
  ['a.ogg', [], 'vorbis'],
  ['a.opus', [], 'opus'],
  ['a.wma', [], 'wmav2'],
  ['a.aiff', [], 'pcm_s16be'],
  ['a.caf', [], 'pcm_s16be'],
  ['a.ac3', [], 'ac3'],
  ['a.au', [], 'pcm_s16be'],
  ['a.spx', ['-c:a', 'libspeex', '-ar', '16000', '-ac', '1'], 'speex'],
  ['surround.flac', ['-ac', '6'], 'flac'],
];
const VIDEOS: [string, string[], string][] = [
  ['v.mp4', H264, 'aac'],
  ['hevc.mp4', ['-c:v', 'libx265', '-x265-params', 'log-level=none'], 'aac'],
  ['v.mov', [...H264, '-c:a', 'pcm_s16be'], 'pcm_s16be'],
  ['v.mkv', [...H264, '-c:a', 'libvorbis'], 'vorbis'],
  ['v.webm', ['-c:v', 'libvpx', '-c:a', 'libopus'], 'opus'],
  ['v.avi', ['-c:v', 'mpeg4', '-c:a', 'libmp3lame'], 'mp3'],
  ['v.ts', [...H264, '-c:a', 'aac'], 'aac'],
  ['v.mpeg', ['-c:v', 'mpeg2video', '-c:a', 'mp2'], 'mp2'],
  ['v.flv', ['-c:v', 'flv', '-c:a', 'libmp3lame'], 'mp3'],
  ['v.wmv', ['-c:v', 'wmv2', '-c:a', 'wmav2'], 'wmav2'],
  ['v.3gp', ['-c:v', 'h263', '-s', '176x144', '-c:a', 'aac', '-ac', '1'], 'aac'],
  ['fragile.mkv', ['-c:v', 'magicyuv', '-c:a', 'flac'], 'flac'],
];

async function intoWav(path: string, durationMs: number) {
  const wav = `${path}.out.wav`;
  const fractions: number[] = [];
  const result = await extractAudio(path, wav, {
    audioTrack: 0,
    durationMs,
    maxDurationMs: 3_600_000,
    ffmpeg,
    onProgress: (fraction) => fractions.push(fraction),
  });
  return { ...result, map: await analyzeWav(wav), fractions };
}

describe('sound is taken from', () => {
  it.each(SOUNDS)('%s', async (name, options, codec) => {
    const path = await studio.recording(name, options);
    const info = await probe(path, { ffmpeg });
    expect(info).toMatchObject({ audioCodec: codec, video: false, audioTracks: 1 });
    expect(Math.abs(info.durationMs - 4000)).toBeLessThan(150);

    const { durationMs, bytes, map, fractions } = await intoWav(path, info.durationMs);
    expect(Math.abs(durationMs - info.durationMs)).toBeLessThan(150);
    expect(bytes).toBe(44 + Math.round((bytes - 44) / 2) * 2);
    const spans = speechSpans(map);
    expect(spans).toHaveLength(1);
    expect(Math.abs((spans[0]?.startMs ?? 0) - 1000)).toBeLessThan(150);
    expect(fractions.at(-1)).toBeGreaterThan(0.9);
    expect(Math.max(...fractions)).toBeLessThanOrEqual(1);
  });

  it.each(VIDEOS)('%s, a video', async (name, options, codec) => {
    const path = await studio.video(name, options);
    const info = await probe(path, { ffmpeg });
    expect(info).toMatchObject({ audioCodec: codec, video: true, audioTracks: 1 });
    const { durationMs, map } = await intoWav(path, info.durationMs);
    expect(Math.abs(durationMs - 4000)).toBeLessThan(200);
    expect(Math.abs((speechSpans(map)[0]?.startMs ?? 0) - 200)).toBeLessThan(150);
  });

  it.each(['talk.amr', 'talk.3gp'])('%s, a phone', async (name) => {
    const amr = await studio.write('raw.amr', anAmr(4000));
    const path = name.endsWith('.amr') ? amr : await studio.ffmpeg('-i', amr, '-c', 'copy', name);
    const info = await probe(path, { ffmpeg });
    expect(info).toMatchObject({ audioCodec: 'amr_nb', sampleRate: 8000, channels: 1, durationMs: 4000 });
    expect((await intoWav(path, 4000)).durationMs).toBe(4000);
  });

  it('every kind that is said to be taken', () => {
    const tried = [...SOUNDS, ...VIDEOS].map(([name]) => name.split('.').at(-1) ?? '').concat('amr', '3gp');
    const untried = formats().inputs.filter((format) => !format.extensions.some((it) => tried.includes(it)));
    expect(untried.map((format) => format.name)).toEqual(['Ogg video']);
  });
});

describe('the probe', () => {
  it('counts the audio tracks and measures the one that is asked for', async () => {
    const short = await studio.voice('short.wav', 2000, [500, 1500]);
    const long = await studio.voice('long.wav', 5000, [500, 4500]);
    const path = await studio.ffmpeg(
      '-i',
      short,
      '-i',
      long,
      '-map',
      '0',
      '-map',
      '1',
      '-c:a:0',
      'aac',
      '-c:a:1',
      'flac',
      'two.mkv',
    );
    expect(await probe(path, { audioTrack: 0, ffmpeg })).toMatchObject({ audioTracks: 2, audioCodec: 'aac' });
    const second = await probe(path, { audioTrack: 1, ffmpeg });
    expect(second).toMatchObject({ audioTracks: 2, audioCodec: 'flac' });
    expect(Math.abs(second.durationMs - 5000)).toBeLessThan(100);
  });

  it('takes cover art for what it is', async () => {
    const voice = await studio.voice('sung.wav', 2000, [0, 2000]);
    const cover = await studio.ffmpeg('-f', 'lavfi', '-i', 'testsrc=size=64x64', '-frames:v', '1', 'cover.png');
    const path = await studio.ffmpeg(
      ...[
        '-i',
        voice,
        '-i',
        cover,
        '-map',
        '0',
        '-map',
        '1',
        '-c:v',
        'copy',
        '-disposition:v',
        'attached_pic',
        'song.mp3',
      ],
    );
    expect((await probe(path, { ffmpeg })).video).toBe(false);
  });

  it.each([
    ['of a writer that could not go back to it', 0xffffffff],
    ['that claims a little more', 40_000],
  ])('measures what is there, with a header %s', async (_, declared) => {
    const { readFile } = await import('node:fs/promises');
    const bytes = await readFile(await studio.voice('second.wav', 1_000, [0, 1000]));
    bytes.writeUInt32LE(declared, 40);
    const path = await studio.write('boast.wav', bytes.subarray(0, 44 + 32_000));
    expect((await probe(path, { ffmpeg })).durationMs).toBe(1000);
    expect((await intoWav(path, 1000)).durationMs).toBe(1000);
  });

  it('measures a video of which half was uploaded', async () => {
    const path = await studio.video('whole.ts', ['-c:v', 'mpeg2video', '-c:a', 'mp2']);
    const { readFile } = await import('node:fs/promises');
    const bytes = await readFile(path);
    const half = await studio.write('half.ts', bytes.subarray(0, Math.floor(bytes.length / 2)));
    const { durationMs } = await probe(half, { ffmpeg });
    expect(durationMs).toBeGreaterThan(1000);
    expect(durationMs).toBeLessThan(3000);
  });
});

describe('sound that begins after the picture', () => {
  it.each<[string, string[]]>([
    ['late.mp4', H264],
    ['late.mov', H264],
    ['late.mkv', [...H264, '-bf', '2']],
    ['late.webm', ['-c:v', 'libvpx', '-c:a', 'libopus']],
    ['late.ts', [...H264, '-c:a', 'mp2']],
    ['late.mpeg', ['-c:v', 'mpeg2video', '-c:a', 'mp2']],
    ['late.flv', [...H264, '-c:a', 'libmp3lame']],
    ['late.wmv', ['-c:v', 'wmv2', '-c:a', 'wmav2']],
  ])('keeps its time in %s', async (name, options) => {
    const path = await studio.video(name, options, { lateMs: 1500 });
    const { durationMs } = await probe(path, { ffmpeg });
    expect(Math.abs(durationMs - 4000)).toBeLessThan(200);
    const wav = await intoWav(path, durationMs);
    expect(Math.abs(wav.durationMs - 4000)).toBeLessThan(200);
    expect(Math.abs((speechSpans(wav.map)[0]?.startMs ?? 0) - 1700)).toBeLessThan(150);
  });
});
