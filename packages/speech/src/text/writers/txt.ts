import { speakerLabel } from '../cue-words.js';
import { marked } from '../direction.js';
import type { Turn } from '../turns.js';
import type { DocumentHead, Writer } from './writer.js';

/** One segment a line; a name where its turn begins. */
export function txt({ rtl }: Pick<DocumentHead, 'rtl'>): Writer<Turn> {
  return {
    head: '',
    item: ({ text, speaker, begins }) =>
      `${marked(begins && speaker !== undefined ? speakerLabel(speaker) + text : text, rtl)}\n`,
  };
}
