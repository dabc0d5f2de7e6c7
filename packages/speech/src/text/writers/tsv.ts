import { speakerLabel } from '../cue-words.js';
import type { Turn } from '../turns.js';
import type { Writer } from './writer.js';

/** Whisper's own table: whole ms and the text of each segment; rows stand for themselves, so each has its name. */
export function tsv(): Writer<Turn> {
  return {
    head: 'start\tend\ttext\n',
    item: ({ startMs, endMs, text, speaker }) =>
      `${startMs}\t${endMs}\t${speaker === undefined ? '' : speakerLabel(speaker)}${text}\n`,
  };
}
