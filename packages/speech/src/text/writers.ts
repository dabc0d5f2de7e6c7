import type { Segment } from '@mediajob/contract';
import type { Cue } from './cues.js';
import { plainText } from './scripts.js';

/** A format that is written item by item, each knowing its place from 0 and the one after it. */
export interface Writer<Item> {
  readonly head: string;
  item(item: Item, place: number, next: Item | undefined): string;
}

/** One segment a line. */
export const TXT: Writer<Segment> = { head: '', item: (segment) => `${plainText(segment.text)}\n` };

/** SubRip. It knows no escapes: what players take for markup, and the arrow, are written with look-alikes. */
export const SRT: Writer<Cue> = {
  head: '',
  item(cue, place) {
    const times = `${clock(cue.startMs, ',')} --> ${clock(cue.endMs, ',')}`;
    return `${place + 1}\n${times}\n${textLines(cue, srtText)}\n\n`;
  },
};

function srtText(line: string): string {
  return line
    .replaceAll('-->', '→')
    .replace(/<(?=\/?[a-z])([^<>]*)>/giu, '‹$1›')
    .replace(/\{(?=\\|[a-z]:)([^{}]*)\}/giu, '($1)');
}

/** WebVTT. */
export const VTT: Writer<Cue> = {
  head: 'WEBVTT\n\n',
  item(cue) {
    const times = `${clock(cue.startMs, '.')} --> ${clock(cue.endMs, '.')}`;
    return `${times}\n${textLines(cue, vttText)}\n\n`;
  },
};

function vttText(line: string): string {
  return line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Whisper's own table: whole ms and the text of each segment. */
export const TSV: Writer<Segment> = {
  head: 'start\tend\ttext\n',
  item: ({ startMs, endMs, text }) => `${startMs}\t${endMs}\t${plainText(text)}\n`,
};

/** Pause after which a player's line is cleared. */
const LRC_CLEAR_MS = 2000;

/** Lyrics: one line a cue, and an empty one where a pause begins. */
export const LRC: Writer<Cue> = {
  head: '',
  item(cue, _place, next) {
    const text = plainText(cue.lines.join(' '));
    // A bracket at the beginning would be taken for a tag.
    const line = `[${lrcClock(cue.startMs)}]${text.startsWith('[') ? ' ' : ''}${text}\n`;
    const clears = next === undefined || next.startMs - cue.endMs >= LRC_CLEAR_MS;
    return clears ? `${line}[${lrcClock(cue.endMs)}]\n` : line;
  },
};

/** A cue's lines: none empty, since an empty line ends a cue. */
function textLines(cue: Cue, encode: (line: string) => string): string {
  return cue.lines
    .map((line) => encode(plainText(line)))
    .filter((line) => line !== '')
    .join('\n');
}

function clock(ms: number, separator: string): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const rest = String(ms % 1000).padStart(3, '0');
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}${separator}${rest}`;
}

/** Minutes, seconds and hundredths; there are no hours in LRC. */
function lrcClock(ms: number): string {
  const hundredths = Math.floor(ms / 10);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(Math.floor(hundredths / 6000))}:${two(Math.floor(hundredths / 100) % 60)}.${two(hundredths % 100)}`;
}
