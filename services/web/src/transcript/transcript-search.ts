import type { TranscriptIndex } from './transcript-index.ts';

/** A place where the searched words stand. */
export interface Hit {
  readonly paragraph: number;
  /** In the paragraph's text: from inclusive, to exclusive. */
  readonly from: number;
  readonly to: number;
}

const MOST_HITS = 5_000;

/** Every place of `needle`, whatever its case, and with ё as е, as people search in Russian. */
export function searchTranscript(index: TranscriptIndex, needle: string): readonly Hit[] {
  const wanted = folded(needle.trim());
  if (wanted === '') return [];
  const hits: Hit[] = [];
  index.paragraphs.forEach(({ text }, paragraph) => {
    const haystack = folded(text);
    let from = haystack.indexOf(wanted);
    while (from >= 0 && hits.length < MOST_HITS) {
      hits.push({ paragraph, from, to: from + wanted.length });
      from = haystack.indexOf(wanted, from + wanted.length);
    }
  });
  return hits;
}

/** For comparison only. Places must stay the same, so a text that lower case would lengthen (İ) is left as it is. */
function folded(text: string): string {
  const lower = text.toLowerCase().replaceAll('ё', 'е');
  return lower.length === text.length ? lower : text;
}
