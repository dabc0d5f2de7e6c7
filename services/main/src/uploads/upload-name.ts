/** What a file is called on a person's machine may be anything; this is what remains of it as data. */
const MAX_BYTES = 255;
const MAX_EXTENSION_BYTES = 32;

/** Controls, bidirectional overrides and isolates (they make `exe.3pm` read as `mp3.exe`), line and paragraph ends, byte-order marks. */
const HIDDEN = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

const encoder = new TextEncoder();
const bytesOf = (text: string): number => encoder.encode(text).length;

/** The longest beginning of `text` of at most `maxBytes` in UTF-8 that splits no character. */
function cut(text: string, maxBytes: number): string {
  let bytes = 0;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    bytes += bytesOf(segment);
    if (bytes > maxBytes) break;
    kept += segment;
  }
  return kept;
}

/** Removes what does not show and what could fool a reader, and brings text into one form (NFC). */
export function cleanText(text: string): string {
  return text.toWellFormed().normalize('NFC').replace(HIDDEN, '').trim();
}

/**
 * The name to show and to offer for downloads: NFC, nothing hidden, no directories, at most 255 bytes of UTF-8 with its
 * extension kept. It is data and never becomes part of a path.
 */
export function cleanFileName(name: string | null | undefined): string {
  const base =
    cleanText(name ?? '')
      .split(/[\\/]/)
      .pop()
      ?.trim() ?? '';
  if (base === '' || base === '.' || base === '..') return 'unnamed';
  if (bytesOf(base) <= MAX_BYTES) return base;
  const extension = /\.[^.]+$/.exec(base)?.[0] ?? '';
  const kept = bytesOf(extension) <= MAX_EXTENSION_BYTES ? extension : '';
  return cut(base.slice(0, base.length - kept.length), MAX_BYTES - bytesOf(kept)) + kept;
}

const MAX_KEYS = 16;
const MAX_KEY = 64;
const MAX_VALUE = 1024;

/** What a client says about its upload, with bounds: the first 16 keys of at most 64 characters, values of at most 1024. */
export function cleanMetadata(metadata: Record<string, string | null> | undefined): Record<string, string | null> {
  const kept: Record<string, string | null> = Object.create(null);
  for (const [key, value] of Object.entries(metadata ?? {}).slice(0, MAX_KEYS)) {
    if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(key) || key.length > MAX_KEY) continue;
    kept[key] = value === null ? null : cleanText(value).slice(0, MAX_VALUE).toWellFormed();
  }
  return { ...kept };
}
