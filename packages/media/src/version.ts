import { execFile } from 'node:child_process';
import { ffmpegMissing, MediaError } from './errors.js';
import type { FfmpegOptions } from './ffmpeg.js';
import { childEnvironment } from './launcher.js';

export interface FfmpegVersion {
  /** As the program says it: `5.1.9-0+deb12u1`. */
  version: string;
  /**
   * Whether this release has the fix of CVE-2026-8461. A distribution may have put the fix into an older number.
   * Without it the whitelists still keep the faulty decoder out of reach.
   */
  patched: boolean;
  /** What to do, when it is not patched. */
  advice?: string;
}

/** First release of each line that has the fix of CVE-2026-8461. Older lines have none; newer ones began with it. */
const FIXED: readonly (readonly [number, number, number])[] = [
  [8, 1, 2],
  [8, 0, 3],
  [7, 1, 5],
  [6, 1, 6],
  [5, 1, 10],
];

/** For so long an answer holds: starting ffmpeg takes longer than most of what is asked about a short file. */
const ASK_AGAIN_MS = 60_000;
const answers = new Map<string, { readonly at: number; readonly version: Promise<FfmpegVersion> }>();

/**
 * Asks ffmpeg for its version, at most once a minute. One that failed to answer is asked again at once.
 *
 * @throws MediaError `ffmpeg-missing`
 */
export function ffmpegVersion(ffmpeg: Pick<FfmpegOptions, 'path'>): Promise<FfmpegVersion> {
  const known = answers.get(ffmpeg.path);
  if (known !== undefined && performance.now() - known.at < ASK_AGAIN_MS) return known.version;
  const version = askVersion(ffmpeg.path);
  answers.set(ffmpeg.path, { at: performance.now(), version });
  version.catch(() => {
    if (answers.get(ffmpeg.path)?.version === version) answers.delete(ffmpeg.path);
  });
  return version;
}

async function askVersion(path: string): Promise<FfmpegVersion> {
  const output = await new Promise<string>((resolve, reject) => {
    const options = { timeout: 10_000, env: childEnvironment(), maxBuffer: 1 << 20 };
    execFile(path, ['-version'], options, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(ffmpegMissing(error));
    });
  });
  return judgeVersion(output);
}

/** Reads the first line of `ffmpeg -version`. */
export function judgeVersion(output: string): FfmpegVersion {
  const version = /^ffmpeg version (\S+)/.exec(output)?.[1];
  if (version === undefined) {
    throw new MediaError(
      'ffmpeg-missing',
      'The program that is set as ffmpeg does not answer like ffmpeg. Check MEDIAJOB_FFMPEG.',
    );
  }
  const release = /^n?(\d+)\.(\d+)(?:\.(\d+))?/
    .exec(version)
    ?.slice(1, 4)
    .map((part) => Number(part ?? 0));
  // A build from git (N-12345-g…) tells no release: assume nothing.
  const patched = release !== undefined && isFixed(release as [number, number, number]);
  return patched
    ? { version, patched }
    : {
        version,
        patched,
        advice:
          'This ffmpeg may lack the fix of CVE-2026-8461. Update it to 8.1.2, 8.0.3, 7.1.5, 6.1.6 or 5.1.10, unless your distribution has put the fix into this version.',
      };
}

function isFixed([major, minor, micro]: readonly [number, number, number]): boolean {
  const [newest] = FIXED;
  if (newest !== undefined && (major > newest[0] || (major === newest[0] && minor > newest[1]))) return true;
  return FIXED.some((it) => it[0] === major && it[1] === minor && micro >= it[2]);
}
