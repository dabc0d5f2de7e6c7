/** What a whole document is about. */
export interface DocumentHead {
  /** BCP-47 of the text. */
  readonly language: string;
  /** Whether it runs from right to left. */
  readonly rtl: boolean;
  /** Whether formats that can tell when each word begins do so. */
  readonly wordTimes: boolean;
  /** Everybody who speaks, in the order of their first words; known to formats that list them first. */
  readonly speakers: readonly string[];
}

/** A format that is written item by item, each knowing its place from 0 and the one after it. */
export interface Writer<Item> {
  readonly head: string;
  item(item: Item, place: number, next: Item | undefined): string;
  readonly tail?: string;
}
