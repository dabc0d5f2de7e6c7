import { type ChunkPlan, type DetectedLanguage, WHISPER_LANGUAGES, type Window } from '@mediajob/contract';

/** What an engine heard in one window: languages with probabilities. */
export interface LanguageDetection {
  readonly startMs: number;
  readonly endMs: number;
  readonly candidates: readonly { readonly language: string; readonly probability: number }[];
}

/** Windows to listen to for the language, as many as `most`: the longest of each equal share of the speech. */
export function languageWindows(plan: ChunkPlan, most = 5): Window[] {
  const windows = plan.chunks.flatMap((chunk) => chunk.windows);
  if (windows.length <= most) return windows;
  const total = windows.reduce((sum, window) => sum + lengthOf(window), 0);
  const chosen: (Window | undefined)[] = Array.from({ length: most });
  let before = 0;
  for (const window of windows) {
    // The middle of a window decides to which share it belongs.
    const share = Math.min(most - 1, Math.floor(((before + lengthOf(window) / 2) / total) * most));
    const best = chosen[share];
    if (best === undefined || lengthOf(window) > lengthOf(best)) chosen[share] = window;
    before += lengthOf(window);
  }
  return chosen.filter((it) => it !== undefined);
}

function lengthOf(window: Window): number {
  return window.endMs - window.startMs;
}

/**
 * Languages by what each window says, with its probabilities, long windows more than short ones; likeliest first, the sum of all
 * at most 1. Without a window (silence) there is none.
 */
export function rankLanguages(
  detections: readonly LanguageDetection[],
): { readonly language: string; readonly probability: number }[] {
  const sums = new Map<string, number>();
  let weight = 0;
  for (const { startMs, endMs, candidates } of detections) {
    if (candidates.length === 0) continue;
    const share = Math.max(1, endMs - startMs);
    weight += share;
    for (const { language, probability } of candidates)
      sums.set(language, (sums.get(language) ?? 0) + share * probability);
  }
  // Equal sums go to the language with more speakers in Whisper's training data: the order of its list.
  return [...sums]
    .map(([language, sum]) => ({ language, probability: Math.min(1, sum / weight) }))
    .toSorted((a, b) => b.probability - a.probability || orderOf(a.language) - orderOf(b.language));
}

/** The language of a file by the vote of its windows. Without a window (silence) it is English with probability 0. */
export function voteLanguage(
  detections: readonly LanguageDetection[],
): Pick<DetectedLanguage, 'language' | 'probability' | 'votes'> {
  const { language, probability } = rankLanguages(detections)[0] ?? { language: 'en', probability: 0 };
  const votes = detections.flatMap(({ startMs, candidates }) => {
    const best = candidates.toSorted((a, b) => b.probability - a.probability)[0];
    return best === undefined ? [] : [{ startMs, language: best.language, probability: best.probability }];
  });
  return { language, probability, votes };
}

/** Above this a chunk knows its language. */
const SURE = 0.5;
/** Otherwise it does when its language is this much likelier than any other, and than that of the file. */
const AHEAD_OF_OTHERS = 2;
const AHEAD_OF_FILE = 3;

/**
 * The language of one chunk of a recording of several, or that of the file where the chunk does not know: laughter, a song, two
 * languages at once. A voice that is hard to understand has low probabilities, but still one language that stands out.
 */
export function languageOfChunk(detections: readonly LanguageDetection[], file: string): string {
  const ranked = rankLanguages(detections);
  const [best, second] = ranked;
  if (best === undefined) return file;
  const ofFile = ranked.find((it) => it.language === file)?.probability ?? 0;
  const standsOut =
    best.probability >= AHEAD_OF_OTHERS * (second?.probability ?? 0) && best.probability >= AHEAD_OF_FILE * ofFile;
  return best.probability >= SURE || standsOut ? best.language : file;
}

function orderOf(language: string): number {
  const index = (WHISPER_LANGUAGES as readonly string[]).indexOf(language);
  return index === -1 ? WHISPER_LANGUAGES.length : index;
}
