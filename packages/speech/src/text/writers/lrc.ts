import { speakerLabel } from '../cue-words.js';
import type { Cue } from '../cues.js';
import { isRightToLeft, marked } from '../direction.js';
import { plainText } from '../scripts.js';
import { lrcClock } from './clock.js';
import type { DocumentHead, Writer } from './writer.js';

/** Pause after which a player's line is cleared. */
const CLEAR_MS = 2000;

/** Lyrics: one line a cue, and an empty one where a pause begins; enhanced, the time of each word stands before it. */
export function lrc({ wordTimes }: Pick<DocumentHead, 'wordTimes'>): Writer<Cue> {
  return {
    head: '',
    item(cue, _place, next) {
      const label = cue.turn && cue.speaker !== undefined ? lrcText(speakerLabel(cue.speaker)) : '';
      const words = cue.words.flat();
      const text = wordTimes
        ? words.map(
            ({ text: word, spaced, startMs }, i) =>
              `${spaced && i > 0 ? ' ' : ''}<${lrcClock(startMs)}>${lrcText(plainText(word))}`,
          )
        : [lrcText(plainText(cue.lines.join(' ')))];
      const plain = marked(label + text.join(''), isRightToLeft(cue.language));
      // A bracket at the beginning would be taken for a tag.
      const line = `[${lrcClock(cue.startMs)}]${plain.startsWith('[') ? ' ' : ''}${plain}\n`;
      const clears = next === undefined || next.startMs - cue.endMs >= CLEAR_MS;
      return clears ? `${line}[${lrcClock(cue.endMs)}]\n` : line;
    },
  };
}

/** There are no escapes: what would be taken for a time is written with a look-alike. */
function lrcText(text: string): string {
  return text.replace(/<(?=\d+:)/g, '‹');
}
