import type { Segment } from '@mediajob/contract';
import { endsSentence } from './breaks.js';
import { textWidth } from './scripts.js';
import { joinTexts, type Turn, TurnMaker } from './turns.js';

/** A pause of this length begins a paragraph. */
const PAUSE_MS = 2000;
/** So does the end of a sentence when this much was said: about a third of a page. */
const LONG = 700;

/** What somebody reads: turns joined until another speaks, pauses, or has said a lot. */
export class ParagraphMaker {
  readonly #turns: TurnMaker;
  #open: Turn | undefined;

  /** @param language of the text where segments name none of their own */
  constructor(language: string) {
    this.#turns = new TurnMaker(language);
  }

  /** @returns the paragraphs that nothing to come can change */
  add(segments: readonly Segment[]): Turn[] {
    const done: Turn[] = [];
    for (const turn of segments.flatMap((segment) => this.#turns.turnsOf(segment))) {
      if (turn.text === '') continue;
      const open = this.#open;
      if (open !== undefined && goesOn(open, turn)) {
        this.#open = { ...open, endMs: turn.endMs, text: joinTexts(open.text, turn.text) };
      } else {
        if (open !== undefined) done.push(open);
        this.#open = turn;
      }
    }
    return done;
  }

  /** @returns the rest */
  end(): Turn[] {
    return this.#open === undefined ? [] : [this.#open];
  }
}

function goesOn(open: Turn, turn: Turn): boolean {
  if (turn.speaker !== open.speaker || turn.language !== open.language || turn.startMs - open.endMs >= PAUSE_MS)
    return false;
  return textWidth(open.text) < LONG || !endsSentence(open.text);
}
