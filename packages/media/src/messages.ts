import { MediaError, unsupported } from './errors.js';
import type { FfmpegProgress } from './progress.js';

/** ffmpeg ends with this code when more than two thirds of the packets could not be decoded (-max_error_rate). */
const MOSTLY_UNDECODABLE = 69;

/**
 * What ffmpeg's end means: undefined when it ended well.
 * Its exit code proves little (a read error in the middle of the input ends with 0), so its messages are read, too.
 */
export function describeFailure(
  code: number,
  progress: Readonly<FfmpegProgress>,
  messages: readonly string[],
): MediaError | undefined {
  const text = messages.join('\n');
  if (/No space left on device|Disk quota exceeded/.test(text)) {
    return new MediaError('storage-full', 'The disk is full: ffmpeg could not write its output. Free some space.', {
      log: messages,
    });
  }
  if (/Input\/output error|Stale file handle|Transport endpoint is not connected|Read-only file system/.test(text)) {
    return new MediaError(
      'storage-error',
      `The disk failed while ffmpeg was at work (${lastMessage(messages)}). Check the media volume.`,
      { log: messages },
    );
  }
  if (code === 0 && progress.ended) return undefined;
  if (code === 0) {
    return new MediaError('failed', 'ffmpeg ended without finishing its work, though it reported no error.', {
      log: messages,
    });
  }
  if (code === MOSTLY_UNDECODABLE) {
    return unsupported(
      'nothing-decodes',
      'Most of the sound cannot be decoded: the file is damaged or encrypted. Try another copy of it.',
      { log: messages },
    );
  }
  if (/: No such file or directory$/m.test(text)) {
    return new MediaError('input-not-found', 'The media file is not there. Upload it again, or correct its path.', {
      log: messages,
    });
  }
  if (/: Permission denied$/m.test(text)) {
    return new MediaError('storage-error', 'The media file may not be read or written. Check its permissions.', {
      log: messages,
    });
  }
  const notAllowed = /^\[([\w,]+) @ [^\]]*\] Format not on whitelist/m.exec(text)?.[1];
  if (notAllowed !== undefined) {
    return unsupported(
      'unknown-format',
      `The file is of a kind that is not accepted (${notAllowed}). Convert it to MP3, MP4 or another usual format first.`,
      { log: messages },
    );
  }
  if (/moov atom not found/.test(text)) {
    return unsupported(
      'truncated',
      'The end of the file is missing: its index (moov) is not there. Copy or upload it again from the original.',
      { log: messages },
    );
  }
  if (/Invalid data found when processing input|Invalid argument|End of file/.test(text)) {
    return unsupported(
      'unknown-format',
      'The file is not audio or video that can be read, or it is damaged. Check that it plays, or convert it first.',
      { log: messages },
    );
  }
  return new MediaError('failed', `ffmpeg ended with code ${code}: ${lastMessage(messages)}`, { log: messages });
}

/** The last message worth repeating, without addresses and paths. */
export function lastMessage(messages: readonly string[]): string {
  const notable = messages.filter((line) => !/Last message repeated|Conversion failed|^ {2}/.test(line));
  return (notable.at(-1) ?? 'no message')
    .replace(/ @ 0x[0-9a-f]+/g, '')
    .replace(/file:\/\S+/g, 'the file')
    .slice(0, 300);
}
