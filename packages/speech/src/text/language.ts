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
 * The language of a file: each window votes with its probabilities, long windows more than short ones.
 * Without a window (silence) it is English with probability 0.
 */
export function voteLanguage(
  detections: readonly LanguageDetection[],
): Pick<DetectedLanguage, 'language' | 'probability' | 'votes'> {
  const sums = new Map<string, number>();
  let weight = 0;
  const votes: DetectedLanguage['votes'] = [];
  for (const { startMs, endMs, candidates } of detections) {
    const best = candidates.toSorted((a, b) => b.probability - a.probability)[0];
    if (best === undefined) continue;
    const share = Math.max(1, endMs - startMs);
    weight += share;
    votes.push({ startMs, language: best.language, probability: best.probability });
    for (const { language, probability } of candidates)
      sums.set(language, (sums.get(language) ?? 0) + share * probability);
  }
  // Equal sums go to the language with more speakers in Whisper's training data: the order of its list.
  const ranked = [...sums].toSorted(([a, x], [b, y]) => y - x || orderOf(a) - orderOf(b));
  const [language, sum] = ranked[0] ?? ['en', 0];
  return { language, probability: weight === 0 ? 0 : Math.min(1, sum / weight), votes };
}

function orderOf(language: string): number {
  const index = (WHISPER_LANGUAGES as readonly string[]).indexOf(language);
  return index === -1 ? WHISPER_LANGUAGES.length : index;
}
