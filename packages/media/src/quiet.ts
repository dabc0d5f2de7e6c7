import type { AudioMap } from './analyze.js';

/** Levels are averaged over this many frames, so that a cut does not fall into the closure of a "p" between two loud sounds. */
const SMOOTH_FRAMES = 5;

/**
 * The quietest place to cut between two times, on a frame's boundary where there is one; the earliest of several.
 * Where nothing better is known: within speech, a dip between two words.
 */
export function quietestCut(map: AudioMap, fromMs: number, toMs: number): number {
  const { levels, frameMs } = map;
  const first = Math.ceil(fromMs / frameMs);
  const last = Math.floor(toMs / frameMs);
  let best = Math.floor((fromMs + toMs) / 2);
  let bestLevel = Number.POSITIVE_INFINITY;
  for (let frame = first; frame <= last; frame++) {
    let sum = 0;
    let frames = 0;
    const half = Math.floor(SMOOTH_FRAMES / 2);
    for (let near = Math.max(0, frame - half); near < Math.min(levels.length, frame + half + 1); near++) {
      sum += levels[near] as number;
      frames += 1;
    }
    if (frames > 0 && sum / frames < bestLevel) {
      bestLevel = sum / frames;
      best = frame * frameMs;
    }
  }
  return best;
}
