/** What a container holds, by ffmpeg's description of its input. */
export interface InputDescription {
  /** ffmpeg's name of the demuxer: `mov,mp4,m4a,3gp,3g2,mj2`. Empty when ffmpeg did not get that far. */
  container: string;
  audioTracks: number;
  subtitleTracks: number;
  /** Where ffmpeg believes the file to begin, in ms of its own time stamps. */
  startMs: number | undefined;
  /** How long the file says it is, in ms; undefined where ffmpeg could only guess. */
  declaredMs: number | undefined;
  /** Codec of the first moving picture; undefined when there is none. Cover art does not count. */
  videoCodec: string | undefined;
}

/**
 * Reads ffmpeg's messages at log level info.
 * Stream lines are indented by exactly two spaces, a person's metadata always deeper, so a title cannot pose as a stream.
 */
export function parseInputDescription(messages: readonly string[]): InputDescription {
  const description: InputDescription = {
    container: '',
    audioTracks: 0,
    subtitleTracks: 0,
    startMs: undefined,
    declaredMs: undefined,
    videoCodec: undefined,
  };
  const begin = messages.findIndex((line) => line.startsWith('Input #0, '));
  if (begin < 0) return description;
  description.container = /^Input #0, (.+?), from /.exec(messages[begin] ?? '')?.[1] ?? '';
  const guessed = messages.some((line) => line.includes('Estimating duration from bitrate'));
  for (const line of messages.slice(begin + 1)) {
    if (/^(Output #|Stream mapping:)/.test(line)) break;
    const start = /^ {2}Duration: .*?, start: (-?[\d.]+)/.exec(line)?.[1];
    if (start !== undefined) description.startMs ??= Math.round(Number(start) * 1000);
    const duration = /^ {2}Duration: (\d+):(\d\d):(\d\d\.\d+)/.exec(line);
    if (duration !== null && !guessed) {
      const [hours = 0, minutes = 0, seconds = 0] = duration.slice(1).map(Number);
      description.declaredMs ??= Math.round((hours * 3600 + minutes * 60 + seconds) * 1000);
    }
    const stream = /^ {2}Stream #0:\d+(?:\[0x[0-9a-f]+\])?(?:\([^)]*\))?: (Audio|Video|Subtitle): (\w+)/.exec(line);
    if (stream === null) continue;
    if (stream[1] === 'Audio') description.audioTracks += 1;
    else if (stream[1] === 'Subtitle') description.subtitleTracks += 1;
    else if (!line.includes('(attached pic)')) description.videoCodec ??= stream[2];
  }
  return description;
}

/** The one audio stream of a framehash header, and when its first packet begins. */
export interface AudioStream {
  codec: string;
  sampleRate: number;
  channels: number;
  startMs: number;
}

/** Reads the text of `-f framehash` of one stream; undefined when it names no audio stream. */
export function parseFrameHash(text: string): AudioStream | undefined {
  const value = (key: string): string | undefined => new RegExp(`^#${key} 0: (.*)$`, 'm').exec(text)?.[1]?.trim();
  const codec = value('codec_id');
  if (value('media_type') !== 'audio' || codec === undefined) return undefined;
  const [numerator = 0, denominator = 1] = (value('tb') ?? '0/1').split('/').map(Number);
  const firstPts = Number(/^0, *-?\d+, *(-?\d+),/m.exec(text)?.[1] ?? 0);
  return {
    codec,
    sampleRate: Number(value('sample_rate') ?? 0),
    channels: channelsOf(value('channel_layout_name') ?? ''),
    startMs: Math.round((firstPts * 1000 * numerator) / denominator),
  };
}

/** Earliest presentation time of the packets that a framehash of any streams lists, in ms; undefined when it lists none. */
export function earliestPtsMs(text: string): number | undefined {
  const timeBases = new Map<string, number>();
  let earliest: number | undefined;
  for (const line of text.split('\n')) {
    const base = /^#tb (\d+): (\d+)\/(\d+)/.exec(line);
    if (base !== null) timeBases.set(base[1] ?? '', Number(base[2]) / Number(base[3]));
    const packet = /^(\d+), *-?\d+, *(-?\d+),/.exec(line);
    if (packet === null) continue;
    const ms = Math.round(Number(packet[2]) * 1000 * (timeBases.get(packet[1] ?? '') ?? 0));
    if (earliest === undefined || ms < earliest) earliest = ms;
  }
  return earliest;
}

const LAYOUTS: Readonly<Record<string, number>> = {
  mono: 1,
  stereo: 2,
  downmix: 2,
  binaural: 2,
  quad: 4,
  'quad(side)': 4,
  hexagonal: 6,
  cube: 8,
  octagonal: 8,
  hexadecagonal: 16,
};

/** Number of channels of one of ffmpeg's layout names: `stereo`, `5.1(side)`, `7.1.4`, `3 channels`. 0 when unknown. */
export function channelsOf(layout: string): number {
  const named = LAYOUTS[layout];
  if (named !== undefined) return named;
  const counted = /^(\d+) channels?\b/.exec(layout)?.[1];
  if (counted !== undefined) return Number(counted);
  const dotted = /^(\d+(?:\.\d+)+)/.exec(layout)?.[1];
  return dotted === undefined ? 0 : dotted.split('.').reduce((sum, part) => sum + Number(part), 0);
}
