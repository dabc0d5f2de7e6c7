import { fileTypeFromBuffer } from 'file-type';

/** As many first bytes as the sniffer looks at. */
export const SNIFF_BYTES = 4100;

/** Types that file-type names with `application/` although they hold audio or video. */
const MEDIA_APPLICATIONS = new Set([
  'application/ogg',
  'application/mxf',
  'application/vnd.ms-asf',
  'application/vnd.rn-realmedia',
]);

/** What the first bytes say. `refused` is given only where they are certainly not audio or video. */
export interface Sniffed {
  /** Media type, when the bytes tell it. */
  readonly mediaType?: string;
  /** Why it cannot be audio or video, as a sentence for people. */
  readonly refused?: string;
}

/** Whole, printable UTF-8: text of some kind, and so a playlist, a page or a script, but never a recording. */
function isText(head: Uint8Array, whole: boolean): boolean {
  // A character may be cut at the end of what was read; at most three of its bytes are missing.
  for (let missing = 0; missing <= (whole ? 0 : 3); missing++) {
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(head.subarray(0, head.length - missing));
      return !/[^\P{Cc}\t\n\f\r]/u.test(text);
    } catch {
      // Try again with one byte less.
    }
  }
  return false;
}

/**
 * Looks at the first bytes of a file. A known type that is not audio or video is refused, and so is text: a playlist
 * renamed to .mp3 must not reach ffmpeg. What is not known is left to the probe, which has the last word.
 *
 * @param head the first {@link SNIFF_BYTES} of the file, or all of it when it is shorter
 * @param whole whether `head` is the whole file
 */
export async function sniff(head: Uint8Array, whole: boolean): Promise<Sniffed> {
  const found = await fileTypeFromBuffer(head);
  if (found) {
    const media = /^(audio|video)\//.test(found.mime) || MEDIA_APPLICATIONS.has(found.mime);
    return media
      ? { mediaType: found.mime }
      : { mediaType: found.mime, refused: `It is a file of type ${found.mime}, not audio or video.` };
  }
  if (isText(head, whole)) return { mediaType: 'text/plain', refused: 'It is text, not audio or video.' };
  return {};
}
