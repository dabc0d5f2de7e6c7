import type { Segment, TextFormat, Transcript } from '@mediajob/contract';
import type { Cue } from './cues.js';
import { plainText } from './scripts.js';

export interface Documents {
  readonly transcript: Transcript;
  readonly segments: readonly Segment[];
  readonly cues: readonly Cue[];
}

/** A transcript in one of the text formats; UTF-8, `\n` at line ends. */
export function write(format: TextFormat, documents: Documents): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(documents.transcript)}\n`;
    case 'txt':
      return writeTxt(documents.segments);
    case 'srt':
      return writeSrt(documents.cues);
    case 'vtt':
      return writeVtt(documents.cues);
    case 'tsv':
      return writeTsv(documents.segments);
    case 'lrc':
      return writeLrc(documents.cues);
  }
}

/** One segment a line. */
export function writeTxt(segments: readonly Segment[]): string {
  return segments.map((segment) => `${plainText(segment.text)}\n`).join('');
}

/** SubRip. It knows no escapes: what players take for markup, and the arrow, are written with look-alikes. */
export function writeSrt(cues: readonly Cue[]): string {
  return cues
    .map((cue, i) => {
      const times = `${clock(cue.startMs, ',')} --> ${clock(cue.endMs, ',')}`;
      return `${i + 1}\n${times}\n${textLines(cue, srtText)}\n\n`;
    })
    .join('');
}

function srtText(line: string): string {
  return line
    .replaceAll('-->', '→')
    .replace(/<(?=\/?[a-z])([^<>]*)>/giu, '‹$1›')
    .replace(/\{(?=\\|[a-z]:)([^{}]*)\}/giu, '($1)');
}

/** WebVTT. */
export function writeVtt(cues: readonly Cue[]): string {
  const blocks = cues.map((cue) => {
    const times = `${clock(cue.startMs, '.')} --> ${clock(cue.endMs, '.')}`;
    return `${times}\n${textLines(cue, vttText)}\n\n`;
  });
  return `WEBVTT\n\n${blocks.join('')}`;
}

function vttText(line: string): string {
  return line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Whisper's own table: whole ms and the text of each segment. */
export function writeTsv(segments: readonly Segment[]): string {
  const rows = segments.map((segment) => `${segment.startMs}\t${segment.endMs}\t${plainText(segment.text)}\n`);
  return `start\tend\ttext\n${rows.join('')}`;
}

/** Pause after which a player's line is cleared. */
const LRC_CLEAR_MS = 2000;

/** Lyrics: one line a cue, and an empty one where a pause begins. */
export function writeLrc(cues: readonly Cue[]): string {
  const lines = cues.flatMap((cue, i) => {
    const next = cues[i + 1];
    const text = plainText(cue.lines.join(' '));
    // A bracket at the beginning would be taken for a tag.
    const line = `[${lrcClock(cue.startMs)}]${text.startsWith('[') ? ' ' : ''}${text}\n`;
    const clears = next === undefined || next.startMs - cue.endMs >= LRC_CLEAR_MS;
    return clears ? [line, `[${lrcClock(cue.endMs)}]\n`] : [line];
  });
  return lines.join('');
}

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
