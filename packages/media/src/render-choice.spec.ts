import type { Rendition } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import type { Inspection } from './probe.js';
import { recipesFor } from './render-choice.js';

function aSource(audioCodec: string, videoCodec?: string, audio: Partial<Inspection['audio']> = {}): Inspection {
  const stream = { codec: audioCodec, sampleRate: 44100, channels: 2, startMs: 0, ...audio };
  return {
    info: {
      durationMs: 10_000,
      container: 'mov',
      audioCodec,
      sampleRate: stream.sampleRate,
      channels: stream.channels,
      audioTracks: 1,
      video: videoCodec !== undefined,
      bytes: 1,
    },
    audio: stream,
    videoCodec,
    subtitleTracks: 0,
    shiftMs: 0,
  };
}
const bestOf = (source: Inspection, rendition: Rendition) => recipesFor(source, rendition, 0, 2)[0];
const optionOf = (source: Inspection, rendition: Rendition, name: string) => {
  const options = bestOf(source, rendition)?.options ?? [];
  const at = options.indexOf(name);
  return at < 0 ? undefined : options[at + 1];
};

describe('the way to a rendition', () => {
  it.each<[string, string, Rendition, string, string | undefined]>([
    ['mp3', 'none', { format: 'mp3' }, 'copy', undefined],
    ['aac', 'h264', { format: 'm4a' }, 'copy', undefined],
    ['aac', 'h264', { format: 'mp4' }, 'copy', 'copy'],
    ['aac', 'hevc', { format: 'mp4' }, 'copy', 'copy'],
    ['opus', 'vp9', { format: 'webm' }, 'copy', 'copy'],
    ['aac', 'h264', { format: 'webm' }, 'libopus', 'libvpx-vp9'],
    ['vorbis', 'vp8', { format: 'mkv' }, 'copy', 'copy'],
    ['wmav2', 'wmv2', { format: 'mp4' }, 'aac', 'libx264'],
    ['mp3', 'mpeg4', { format: 'mp4' }, 'copy', 'libx264'],
    ['aac', 'h264', { format: 'mp4', height: 360 }, 'copy', 'libx264'],
    ['aac', 'h264', { format: 'mp4', audioBitrate: 64_000 }, 'aac', 'copy'],
    ['aac', 'none', { format: 'mp4' }, 'copy', undefined],
    ['pcm_s24le', 'none', { format: 'wav' }, 'pcm_s16le', undefined],
    ['aac', 'none', { format: 'flac' }, 'flac', undefined],
  ])('from %s and %s to %j: %s and %s', (audio, video, rendition, wantAudio, wantVideo) => {
    const source = aSource(audio, video === 'none' ? undefined : video);
    expect(optionOf(source, rendition, '-c:a')).toBe(wantAudio);
    expect(optionOf(source, rendition, '-c:v')).toBe(wantVideo);
  });

  const said = { srtPath: '/data/s.srt', assPath: "/data/a'b:[c].ass", language: 'pt-BR' };
  const withSubtitles = (rendition: Rendition, video = 'h264') =>
    recipesFor(aSource('aac', video), rendition, 0, 2, said)[0];

  it.each<[Rendition, string | undefined]>([
    [{ format: 'mp4', subtitles: 'track' }, 'mov_text'],
    [{ format: 'mkv', subtitles: 'track' }, 'copy'],
    [{ format: 'mp4', subtitles: 'none' }, undefined],
    [{ format: 'mp4', subtitles: 'burn' }, undefined],
    [{ format: 'mp4' }, undefined],
  ])('of %j: subtitles are a track by %s', (rendition, codec) => {
    const { options = [], subtitles, decodesVideo } = withSubtitles(rendition) ?? {};
    expect(subtitles).toBe(codec !== undefined);
    expect(options.includes('-c:s') ? options[options.indexOf('-c:s') + 1] : undefined).toBe(codec);
    expect(options.includes('language=por')).toBe(codec !== undefined);
    expect(decodesVideo).toBe(rendition.subtitles === 'burn');
  });

  it('draws subtitles into the picture after scaling it, from a path with any marks', () => {
    const { options = [] } = withSubtitles({ format: 'webm', height: 360, subtitles: 'burn' }) ?? {};
    const filter = options[options.indexOf('-vf') + 1] ?? '';
    expect(filter).toMatch(/^scale=.*,ass=filename=/);
    expect(filter).toContain(String.raw`/data/a\\\'b\\:\[c\].ass`);
  });

  it('makes a rendition without subtitles where nothing was said', () => {
    for (const subtitles of ['track', 'burn'] as const) {
      const [best] = recipesFor(aSource('aac', 'h264'), { format: 'mp4', subtitles }, 0, 2);
      expect(best).toMatchObject({ subtitles: false, decodesVideo: false });
    }
  });

  it('opens video decoders only where pictures are encoded anew', () => {
    expect(bestOf(aSource('aac', 'h264'), { format: 'mp4' })?.decodesVideo).toBe(false);
    expect(bestOf(aSource('aac', 'h264'), { format: 'mp3' })?.decodesVideo).toBe(false);
    expect(bestOf(aSource('aac', 'h264'), { format: 'webm' })?.decodesVideo).toBe(true);
  });

  it('encodes where copying fails, as long as the picture may be decoded', () => {
    const plans = (video: string) =>
      recipesFor(aSource('aac', video), { format: 'mkv' }, 0, 2).map(
        (it) => it.options[it.options.indexOf('-c:v') + 1],
      );
    expect(plans('h264')).toEqual(['copy', 'copy', 'libx264', 'libx264']);
    expect(plans('prores')).toEqual(['copy', 'copy']);
    expect(recipesFor(aSource('aac', 'magicyuv'), { format: 'mp4' }, 0, 2)).toEqual([]);
  });

  it.each(['avi', 'mpeg', 'asf'])(
    'never copies pictures out of %s, which does not say when to show them',
    (container) => {
      const source = aSource('mp3', 'h264');
      source.info.container = container;
      expect(recipesFor(source, { format: 'mp4' }, 0, 2).every((it) => it.decodesVideo)).toBe(true);
    },
  );

  it('never copies sound that starts late into a file that would forget it', () => {
    const late = aSource('mp3', undefined, { startMs: 2440 });
    expect(optionOf(late, { format: 'mp3' }, '-c:a')).toBe('libmp3lame');
    expect(optionOf(aSource('aac', 'h264', { startMs: 2440 }), { format: 'mp4' }, '-c:a')).toBe('copy');
  });

  it('never enlarges, and keeps both sides even', () => {
    expect(optionOf(aSource('aac', 'h264'), { format: 'mp4', height: 720 }, '-vf')).toBe(
      "scale=w=-2:h='max(2,trunc(min(720,ih)/2)*2)'",
    );
  });

  it('takes no metadata, no chapters and no subtitles along', () => {
    for (const format of ['mp3', 'mp4', 'mkv'] as const) {
      expect(optionOf(aSource('aac', 'h264'), { format }, '-map_metadata')).toBe('-1');
      expect(optionOf(aSource('aac', 'h264'), { format }, '-map_chapters')).toBe('-1');
    }
  });

  it('asks encoders only for rates and bitrates that they know', () => {
    const odd = aSource('flac', undefined, { sampleRate: 96_000, channels: 1 });
    expect(optionOf(odd, { format: 'mp3' }, '-ar')).toBe('48000');
    expect(optionOf(odd, { format: 'opus' }, '-ar')).toBe('48000');
    expect(optionOf(aSource('pcm_s16le', undefined, { sampleRate: 11_000 }), { format: 'mp3' }, '-ar')).toBe('11025');
    expect(optionOf(odd, { format: 'mp3', audioBitrate: 100_000 }, '-b:a')).toBe('96000');
    expect(optionOf(odd, { format: 'opus', audioBitrate: 512_000 }, '-b:a')).toBe('256000');
  });

  it('folds surround sound down where it is encoded with loss, and keeps it where it is not', () => {
    const surround = aSource('ac3', undefined, { channels: 6 });
    expect(optionOf(surround, { format: 'mp3' }, '-ac')).toBe('2');
    expect(optionOf(surround, { format: 'flac' }, '-ac')).toBeUndefined();
  });
});
