/** Where a piece of a paragraph's text is drawn; undefined while it is not on the screen. */
export type RangeFinder = (paragraph: number, from: number, to: number) => Range | undefined;

/** What can be marked in the text. The styles are in transcript.css, as ::highlight(name). */
export type HighlightName = 'spoken' | 'low' | 'hit' | 'present-hit';

/**
 * Marks pieces of text by the CSS Custom Highlight API: not one element is made or changed, so that a mark that
 * moves with every word costs next to nothing. A browser without it shows the text unmarked.
 */
export function highlight(name: HighlightName, ranges: readonly (Range | undefined)[]): void {
  if (!('highlights' in CSS)) return;
  const present = ranges.filter((range) => range !== undefined);
  if (present.length === 0) CSS.highlights.delete(name);
  else CSS.highlights.set(name, new Highlight(...present));
}

/** The range of a piece of a paragraph's text: its segments are elements with one text node each. */
export function rangeIn(paragraph: Element, from: number, to: number): Range | undefined {
  const start = placeIn(paragraph, from);
  const end = placeIn(paragraph, to);
  if (start === undefined || end === undefined) return undefined;
  const range = document.createRange();
  range.setStart(start.node, start.offset);
  range.setEnd(end.node, end.offset);
  return range;
}

function placeIn(paragraph: Element, place: number): { readonly node: Text; readonly offset: number } | undefined {
  for (const element of [...paragraph.querySelectorAll<HTMLElement>('[data-from]')].reverse()) {
    const from = Number(element.dataset.from);
    const node = element.firstChild;
    if (from <= place && node instanceof Text) return { node, offset: Math.min(place - from, node.length) };
  }
  return undefined;
}

/** The place in its paragraph's text that lies beneath a point of the screen. */
export function placeAtPoint(x: number, y: number): { readonly paragraph: number; readonly place: number } | undefined {
  const caret = caretAt(x, y);
  const element = caret?.node.parentElement?.closest<HTMLElement>('[data-from]');
  const paragraph = element?.closest<HTMLElement>('[data-paragraph]')?.dataset.paragraph;
  if (caret === undefined || element === null || element === undefined || paragraph === undefined) return undefined;
  return { paragraph: Number(paragraph), place: Number(element.dataset.from) + caret.offset };
}

function caretAt(x: number, y: number): { readonly node: Node; readonly offset: number } | undefined {
  if ('caretPositionFromPoint' in document) {
    const position = document.caretPositionFromPoint(x, y);
    return position === null ? undefined : { node: position.offsetNode, offset: position.offset };
  }
  // Safari before 26.2 knows only its own older name.
  const range = (document as Document).caretRangeFromPoint(x, y);
  return range === null ? undefined : { node: range.startContainer, offset: range.startOffset };
}
