import type { Segment } from '@mediajob/contract';
import { endsSentence } from './breaks.js';
import { isUnspaced, plainText, textWidth } from './scripts.js';

/** A word as cues are made of it. */
export interface CueWord {
  readonly text: string;
  /** Whether a space stands before it on a line. */
  readonly spaced: boolean;
  /** On a line, without that space; with the name of the speaker before it when it begins a turn. */
  readonly width: number;
  readonly startMs: number;
  readonly endMs: number;
  /** Whether it begins a segment. */
  readonly first: boolean;
  readonly endsSentence: boolean;
  /** BCP-47 or Whisper's code. */
  readonly language: string;
  readonly speaker: string | undefined;
  /** Whether another one spoke before, or nobody. */
  readonly turn: boolean;
}

/** What stands before the first word of a turn in formats that have no other way to say who speaks. */
export function speakerLabel(speaker: string): string {
  return `${plainText(speaker)}: `;
}

/**
 * The words of a segment that have something to show.
 * @param before the word before the segment
 * @param language of the text where the segment names none of its own
 */
export function cueWordsOf(segment: Segment, before: CueWord | undefined, language: string): CueWord[] {
  const words: CueWord[] = [];
  let at = 0;
  segment.words.forEach((word, i) => {
    const text = plainText(word.text);
    if (text === '') return;
    const found = segment.text.indexOf(word.text, at);
    const previous = words.at(-1) ?? before;
    // The text tells where spaces are; where it does not know the word, the scripts do.
    const spaced =
      i === 0 || found === -1
        ? previous !== undefined && !(isUnspaced(previous.text) && isUnspaced(text))
        : /\s/u.test(segment.text.charAt(found - 1));
    if (found !== -1) at = found + word.text.length;
    const speaker = word.speaker ?? segment.speaker;
    const turn = speaker !== undefined && speaker !== previous?.speaker;
    words.push({
      text,
      spaced,
      width: textWidth(text) + (turn ? textWidth(speakerLabel(speaker)) : 0),
      startMs: word.startMs,
      endMs: word.endMs,
      first: words.length === 0,
      endsSentence: endsSentence(text),
      language: segment.language ?? language,
      speaker,
      turn,
    });
  });
  return words;
}

/** Words as they stand on one line. */
export function lineOf(words: readonly Pick<CueWord, 'text' | 'spaced'>[]): string {
  return words.map((word, i) => (word.spaced && i > 0 ? ` ${word.text}` : word.text)).join('');
}

/** Width of words on one line. */
export function widthOf(words: readonly Pick<CueWord, 'width' | 'spaced'>[]): number {
  return words.reduce((sum, word, i) => sum + word.width + (word.spaced && i > 0 ? 1 : 0), 0);
}
