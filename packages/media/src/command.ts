import type { ChildProcessByStdio } from 'node:child_process';
import { isAbsolute } from 'node:path';
import type { Readable } from 'node:stream';
import ffmpeg from 'fluent-ffmpeg';
import { MediaError } from './errors.js';
import { codecWhitelist, formatWhitelist, SUBTITLE_DECODERS, SUBTITLE_DEMUXER } from './whitelists.js';

/** One output of an ffmpeg call. */
export interface CommandOutput {
  /** `stdout`; `none`: packets are counted and thrown away; or an absolute path that is ours alone (it is overwritten). */
  target: 'stdout' | 'none' | { file: string };
  /** Each word by itself; no user's text. */
  options: readonly string[];
  /** Whether subtitles that its options map go along; otherwise none do. */
  subtitles?: boolean;
}

/** One ffmpeg call in our own terms: what it may read, decode and write. */
export interface Command {
  /** Absolute path of the one input. */
  input: string;
  decoders: 'audio' | 'audio+video';
  /** How much later than ffmpeg believes the file begins, in ms: see timelineShift. */
  shiftMs?: number | undefined;
  /** Leaves time stamps as the file has them, for looking at packets only: ffmpeg's progress is of no use then. */
  rawTimestamps?: boolean;
  outputs: readonly CommandOutput[];
  /** Absolute path of a SubRip file of our own making: input 1 of the outputs' options. */
  subtitles?: string | undefined;
  /** Threads for decoding; ffmpeg's own choice when left out, which knows nothing of a container's CPU limit. */
  threads?: number;
  /** `info` also prints what the input is made of. */
  logLevel?: 'error' | 'info';
}

/** The parts of fluent-ffmpeg that are used but not in its typings: its builder and its spawn (lib/processor.js). */
export interface FluentCommand extends ffmpeg.FfmpegCommand {
  _getArguments(): string[];
  _getFfmpegPath(callback: (error: Error | null, path: string) => void): void;
  _spawnFfmpeg(
    args: string[],
    options: Record<string, unknown>,
    started: (child: ChildProcessByStdio<null, Readable, Readable>) => void,
    ended: (error: Error | null | undefined) => void,
  ): void;
}

/**
 * Builds the command by fluent-ffmpeg, with everything that makes it safe, and checks what came out.
 *
 * `-itsoffset 0.000001`: for MPEG transport and program streams ffmpeg moves the start of the file to the start of the streams in use,
 * so that sound which begins late would lose its offset when the picture is not used. It does so only while its time offset is exactly
 * minus the start time; one microsecond is below every time base (reference: ffmpeg's "Correcting start time based on the enabled streams").
 */
export function buildCommand(command: Command): { fluent: FluentCommand; args: string[] } {
  const fluent = ffmpeg({ stdoutLines: 1 }) as FluentCommand;
  const input = fileUrl(command.input);
  fluent
    .input(input)
    .inputOptions(
      '-nostdin',
      '-hide_banner',
      '-y',
      '-loglevel',
      command.logLevel ?? 'error',
      '-nostats',
      '-progress',
      'pipe:2',
      '-protocol_whitelist',
      'file',
      '-format_whitelist',
      formatWhitelist(),
      '-codec_whitelist',
      codecWhitelist(command.decoders),
      '-max_streams',
      '128',
      '-probesize',
      '20M',
      '-analyzeduration',
      '20M',
      '-itsoffset',
      String(Math.max(0.000001, (command.shiftMs ?? 0) / 1000)),
      ...(command.rawTimestamps ? ['-copyts'] : []),
      ...(command.threads === undefined ? [] : ['-threads', String(command.threads)]),
    );
  const subtitles = command.subtitles === undefined ? undefined : fileUrl(command.subtitles);
  if (subtitles !== undefined) {
    fluent
      .input(subtitles)
      .inputOptions(
        ...['-protocol_whitelist', 'file', '-format_whitelist', SUBTITLE_DEMUXER],
        ...['-codec_whitelist', SUBTITLE_DECODERS.join(','), '-f', SUBTITLE_DEMUXER],
      );
  }
  for (const output of command.outputs) {
    fluent.output(targetOf(output));
    const format = output.target === 'none' ? ['-f', 'null'] : [];
    // Never a single word alone: fluent-ffmpeg would split it at its space.
    fluent.outputOptions(...output.options, ...format, ...(output.subtitles ? [] : ['-sn']), '-dn');
  }
  const args = fluent._getArguments();
  assertSafeArguments(args, subtitles === undefined ? [input] : [input, subtitles], command.outputs.map(targetOf));
  return { fluent, args };
}

/** `file:` keeps ffmpeg from reading a protocol, an option or a pattern into a name. */
export function fileUrl(path: string): string {
  if (!isAbsolute(path) || path.includes('\0')) {
    throw new MediaError('invalid-arguments', 'A media path must be absolute.');
  }
  return `file:${path}`;
}

function targetOf(output: CommandOutput): string {
  if (output.target === 'stdout') return 'pipe:1';
  if (output.target === 'none') return '-';
  return fileUrl(output.target.file);
}

/**
 * The builder is an archived library: what it hands over is checked before it runs.
 * The inputs in their order, -nostdin before all, the whitelists before each, and nothing opened but what was asked for.
 *
 * @param inputs - the media, and the subtitles when there are some
 */
export function assertSafeArguments(
  args: readonly string[],
  inputs: readonly string[],
  targets: readonly string[],
): void {
  const places = args.flatMap((word, at) => (word === '-i' ? [at] : []));
  const lists = [
    [formatWhitelist(), undefined],
    [SUBTITLE_DEMUXER, SUBTITLE_DECODERS.join(',')],
  ] as const;
  const guarded = inputs.every((input, i) => {
    const at = places[i] ?? -1;
    const before = args.slice(i === 0 ? 0 : (places[i - 1] ?? 0) + 2, at);
    const value = (option: string): string | undefined => before[before.indexOf(option) + 1];
    const [formats, codecs] = lists[i] ?? [];
    return (
      at > 0 &&
      args[at + 1] === input &&
      before.includes('-protocol_whitelist') &&
      value('-protocol_whitelist') === 'file' &&
      before.includes('-format_whitelist') &&
      value('-format_whitelist') === formats &&
      before.includes('-codec_whitelist') &&
      (codecs === undefined || value('-codec_whitelist') === codecs)
    );
  });
  const safe =
    guarded &&
    args[0] === '-nostdin' &&
    inputs.length <= lists.length &&
    places.length === inputs.length &&
    args.filter((word) => word.endsWith('_whitelist')).length === 3 * inputs.length &&
    args.every((word) => typeof word === 'string' && !word.includes('\0')) &&
    targets.every(
      (target) => args.filter((word) => word === target).length === targets.filter((t) => t === target).length,
    ) &&
    args.at(-1) === targets.at(-1);
  if (!safe) throw new MediaError('failed', `Refused to run an unexpected ffmpeg command: ${args.join(' ')}`);
}
