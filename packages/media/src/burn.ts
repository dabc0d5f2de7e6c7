import { MediaError } from './errors.js';
import { type FfmpegOptions, runFfmpeg } from './ffmpeg.js';

/**
 * ffmpeg's filter that draws a file of subtitles. Its path goes through two readers, of the filter's options and of the
 * graph: each takes its own marks away (https://ffmpeg.org/ffmpeg-filters.html#Notes-on-filtergraph-escaping).
 * @param path absolute
 */
export function assFilter(path: string): string {
  const option = path.replace(/[\\':]/g, '\\$&');
  return `ass=filename=${option.replace(/[\\'[\],;]/g, '\\$&')}`;
}

/** What libass says of each letter that no font on this machine has; letter 0 stands for no font at all. */
const NO_FONT_HAS = /failed to find any fallback with glyph 0x([0-9a-f]+)/gi;
const LOOK_MS = 120_000;

/**
 * Tries to draw subtitles into the first picture of a video, so that hours of encoding do not end in a film without them:
 * libass leaves out what it has no letters for, and fails nothing.
 *
 * @param sample absolute path of subtitles that are shown from the start and hold every letter in question
 * @returns letters that no font has
 * @throws MediaError `invalid-arguments` when this machine cannot draw subtitles at all
 */
export async function lettersWithoutFont(
  input: string,
  sample: string,
  { ffmpeg, signal }: { ffmpeg: FfmpegOptions; signal?: AbortSignal | undefined },
): Promise<Set<string>> {
  const options = ['-map', '0:V:0', '-frames:v', '1', '-vf', assFilter(sample)];
  const messages = await runFfmpeg(
    { input, decoders: 'audio+video', logLevel: 'info', outputs: [{ target: 'none', options }] },
    { ffmpeg, signal, hardMs: LOOK_MS },
  ).then(
    (result) => result.messages,
    (error: unknown) => {
      if (error instanceof MediaError && error.log.some((line) => /No such filter: 'ass'/.test(line))) {
        throw cannotBurn(
          'this ffmpeg was built without libass',
          'Install one with it, as distributions have it',
          error,
        );
      }
      throw error;
    },
  );
  const letters = new Set<string>();
  for (const [, code = '0'] of messages.join('\n').matchAll(NO_FONT_HAS)) {
    if (Number.parseInt(code, 16) === 0) throw cannotBurn('there is no font', 'Install one, such as fonts-dejavu-core');
    letters.add(String.fromCodePoint(Number.parseInt(code, 16)));
  }
  return letters;
}

/** The refusal to burn subtitles in: what is missing where the converter runs, and what to do. */
export function cannotBurn(why: string, next: string, cause?: unknown): MediaError {
  return new MediaError(
    'invalid-arguments',
    `Subtitles cannot be drawn into the picture here: ${why}. ${next}, or ask for a track of subtitles instead.`,
    { cause },
  );
}
