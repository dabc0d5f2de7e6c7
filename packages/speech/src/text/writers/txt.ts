import { speakerLabel } from '../cue-words.js';
import { isRightToLeft, marked } from '../direction.js';
import type { Turn } from '../turns.js';
import type { Writer } from './writer.js';

/** One segment a line; a name where its turn begins. */
export function txt(): Writer<Turn> {
  return {
    head: '',
    item: ({ text, language, speaker, begins }) =>
      `${marked(begins && speaker !== undefined ? speakerLabel(speaker) + text : text, isRightToLeft(language))}\n`,
  };
}
