import type { Segment } from '@mediajob/contract';
import { type CueWord, cueWordsOf, lineOf } from './cue-words.js';
import { isUnspaced, plainText } from './scripts.js';

/** What one person says in one go. */
export interface Turn {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
  /** BCP-47 or Whisper's code of its text. */
  readonly language: string;
  readonly speaker: string | undefined;
  /** Whether another one spoke before, or nobody. */
  readonly begins: boolean;
}

/** Segments as turns: nearly always one each, and several where its words name several speakers. */
export class TurnMaker {
  readonly #language: string;
  #last: CueWord | undefined;
  #speaker: string | undefined;

  /** @param language of the text where segments name none of their own */
  constructor(language: string) {
    this.#language = language;
  }

  turnsOf(segment: Segment): Turn[] {
    const words = cueWordsOf(segment, this.#last, this.#language);
    this.#last = words.at(-1) ?? this.#last;
    const runs: CueWord[][] = [];
    for (const word of words) {
      const run = runs.at(-1);
      if (run !== undefined && run[0]?.speaker === word.speaker) run.push(word);
      else runs.push([word]);
    }
    // A segment without words has its text to show.
    const language = segment.language ?? this.#language;
    if (runs.length <= 1) {
      const speaker = words[0]?.speaker ?? segment.speaker;
      return [this.#turn(segment, plainText(segment.text), language, speaker)];
    }
    return runs.map((run) => {
      const [first, last] = [run[0] as CueWord, run.at(-1) as CueWord];
      return this.#turn({ startMs: first.startMs, endMs: last.endMs }, lineOf(run), language, first.speaker);
    });
  }

  #turn(
    { startMs, endMs }: Pick<Segment, 'startMs' | 'endMs'>,
    text: string,
    language: string,
    speaker: string | undefined,
  ): Turn {
    const begins = speaker !== undefined && speaker !== this.#speaker;
    this.#speaker = speaker;
    return { startMs, endMs, text, language, speaker, begins };
  }
}

const LAST_LETTER = /([\p{L}\p{N}])[^\p{L}\p{N}]*$/u;
const FIRST_LETTER = /[\p{L}\p{N}]/u;

/** Two texts that follow each other, parted by a space where their scripts have one. */
export function joinTexts(before: string, next: string): string {
  if (before === '' || next === '') return before + next;
  const last = LAST_LETTER.exec(before)?.[1] ?? '';
  const first = FIRST_LETTER.exec(next)?.[0] ?? '';
  return `${before}${isUnspaced(last) && isUnspaced(first) ? '' : ' '}${next}`;
}
