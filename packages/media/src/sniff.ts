import { isUtf8 } from 'node:buffer';
import { constants, open } from 'node:fs/promises';
import { type MediaError, type MediaProblem, storageErrorOf, unsupported } from './errors.js';

/** What a file that is no media is, by its first bytes. */
interface Kind {
  problem: MediaProblem;
  /** "This is …". */
  what: string;
  advice: string;
  matches: (head: Buffer) => boolean;
}

const starts =
  (...signatures: (string | number[])[]) =>
  (head: Buffer): boolean =>
    signatures.some((signature) => {
      const bytes = Buffer.from(signature as string, 'latin1');
      return head.subarray(0, bytes.length).equals(bytes);
    });
const text = (head: Buffer): string =>
  head
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart();

const IMAGE = 'Give a recording: audio or video.';
const KINDS: readonly Kind[] = [
  {
    problem: 'archive',
    what: 'an archive',
    advice: 'Unpack it and give the recording inside.',
    matches: (head) =>
      starts(
        'PK\x03\x04',
        'PK\x05\x06',
        'Rar!\x1a\x07',
        '7z\xbc\xaf\x27\x1c',
        [0x1f, 0x8b, 0x08],
        'BZh',
        '\xfd7zXZ\0',
        [0x28, 0xb5, 0x2f, 0xfd],
      )(head) || head.subarray(257, 262).toString('latin1') === 'ustar',
  },
  {
    problem: 'image',
    what: 'a picture',
    advice: IMAGE,
    matches: (head) =>
      starts('\x89PNG\r\n', [0xff, 0xd8, 0xff], 'GIF87a', 'GIF89a', 'II*\0', 'MM\0*', '8BPS', [0, 0, 1, 0])(head) ||
      (starts('BM')(head) && head.length > 14 && head.readUInt32LE(10) < 4096 && head.readUInt16LE(6) === 0) ||
      (starts('RIFF')(head) && head.subarray(8, 12).toString('latin1') === 'WEBP') ||
      /^ftyp(heic|heix|hevc|heim|mif1|msf1|avif|avis)/.test(head.subarray(4, 12).toString('latin1')),
  },
  {
    problem: 'document',
    what: 'a document',
    advice: IMAGE,
    matches: starts('%PDF-', [0xd0, 0xcf, 0x11, 0xe0], '{\\rtf'),
  },
  {
    problem: 'program',
    what: 'a program',
    advice: IMAGE,
    matches: (head) =>
      starts('\x7fELF', [0xca, 0xfe, 0xba, 0xbe], [0xcf, 0xfa, 0xed, 0xfe], '#!/')(head) ||
      (starts('MZ')(head) && head.includes('This program')),
  },
  {
    problem: 'playlist',
    what: 'a playlist: it holds no sound itself, only names of other files',
    advice: 'Give the recording that it names.',
    matches: (head) =>
      /^(#EXTM3U|ffconcat version|\[playlist\]|file\s+['"]?\S|v=0\r?\n|<\?wpl|<asx|<smil|\[Reference\])/i.test(
        text(head),
      ) ||
      (/^</.test(text(head)) && /<(MPD|playlist|asx|smil)[\s>]/i.test(text(head))),
  },
];

/** Bytes looked at. */
const HEAD_BYTES = 4096;

/**
 * Looks at the first bytes of a file for what people give by mistake, so that the refusal can name it.
 * Only for a better sentence: that such files are never parsed is ensured by the whitelists.
 *
 * @param path - absolute path
 * @returns its size in bytes
 * @throws MediaError `unsupported-media`, `input-not-found`, `storage-error`
 */
export async function refuseWhatIsNoMedia(path: string): Promise<number> {
  let head: Buffer;
  let bytes: number;
  try {
    // Not to wait for ever for somebody to write into a named pipe.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const info = await file.stat();
      if (!info.isFile())
        throw unsupported('unknown-format', 'This is a folder, a pipe or a device, not a media file. Give a file.');
      bytes = info.size;
      const buffer = Buffer.alloc(HEAD_BYTES);
      head = buffer.subarray(0, (await file.read(buffer, 0, HEAD_BYTES, 0)).bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw storageErrorOf(error, 'The media file');
  }
  const refusal = refusalOf(head, bytes);
  if (refusal !== undefined) throw refusal;
  return bytes;
}

/** The refusal that the first bytes of a file ask for, if any. */
export function refusalOf(head: Buffer, bytes: number): MediaError | undefined {
  if (bytes === 0) return unsupported('empty', 'The file is empty (0 bytes). Copy or upload it again.');
  const kind = KINDS.find((it) => it.matches(head));
  if (kind !== undefined) return unsupported(kind.problem, `This is ${kind.what}. ${kind.advice}`);
  if (head.every((byte) => byte === 0)) {
    return bytes <= head.length
      ? unsupported('unknown-format', 'The file holds nothing but zeros: it was damaged on its way. Upload it again.')
      : undefined;
  }
  if (isText(head)) {
    return unsupported('text', 'This is a text file, whatever its name says. Give a recording: audio or video.');
  }
  return undefined;
}

/** Valid UTF-8 (but for a character cut at the end) without control characters. AMR begins with text, but goes on with bytes. */
function isText(head: Buffer): boolean {
  const most = head.length < HEAD_BYTES ? 0 : 3;
  const whole = [0, 1, 2, 3].map((cut) => head.subarray(0, head.length - Math.min(cut, most))).find((it) => isUtf8(it));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells bytes from text
  return whole !== undefined && !/[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]/.test(whole.toString('utf8'));
}
