import type { AudioMap } from './analyze.js';
import { voiceSpans } from './voice-spans.js';

/** A stretch of time in ms, the end exclusive. */
export interface Span {
  startMs: number;
  endMs: number;
}

/*
 * Where somebody may be speaking. It decides where to cut, never what to keep: in doubt a sound counts as speech, and only
 * stretches that are clearly none are left out. The thresholds follow the recording, not a fixed −35 dB, which loses a quiet
 * speaker and never finds a pause over a fan: within ± 15 s the noise floor is the level that a tenth of the frames stay below,
 * and the loudest tenth of a second shows how far sounds rise above it.
 */
const REACH_S = 15;
const NOISE_SHARE = 0.1;
const LOUD_MS = 100;
/** Sounds that rise by less than this above the floor are the noise itself: frames of steady noise differ by about ± 1 dB. */
const MIN_RANGE_DB = 3;
/** A sound begins at floor + margin and lasts until it falls below floor + 0.6 × margin, but never into what noise does by itself. */
const MARGIN_SHARE = 0.25;
const MIN_MARGIN_DB = 3.5;
const MAX_MARGIN_DB = 8;
const END_SHARE = 0.6;
const MIN_END_DB = 2.5;
/** Dither and rounding; never speech, and left out of the noise floor, or pasted-in silence would make all noise "speech". */
const DIGITAL_SILENCE_DB = -80;
/** A shorter dip (a stop consonant) does not end a sound. */
export const MIN_SILENCE_MS = 200;
/** A shorter sound far from any other is a click. */
const MIN_SPEECH_MS = 60;
const NEAR_MS = 300;

const BIN_DB = 0.5;
const BINS = 201;

/**
 * Where somebody speaks, or may be speaking when no network has listened: in order, at least 200 ms apart, not padded.
 * The same map always gives the same spans.
 */
export function speechSpans(map: AudioMap): Span[] {
  const loud = loudSpans(map);
  return map.voice === undefined ? loud : voiceSpans(loud, map.voice, map.durationMs);
}

/** The sounds of a recording that may be speech, by nothing but how loud they are. */
function loudSpans(map: AudioMap): Span[] {
  const { levels, frameMs } = map;
  const thresholds = thresholdsOf(levels, frameMs);
  const framesPerBlock = Math.round(1000 / frameMs);
  const minSilence = Math.ceil(MIN_SILENCE_MS / frameMs);
  const spans: Span[] = [];
  let start = -1;
  let quietSince = -1;
  const close = (endFrame: number): void => {
    spans.push({ startMs: start * frameMs, endMs: Math.min(endFrame * frameMs, map.durationMs) });
    start = -1;
    quietSince = -1;
  };
  for (let frame = 0; frame < levels.length; frame++) {
    const level = levels[frame] as number;
    const begin = thresholds[Math.floor(frame / framesPerBlock)] as Threshold;
    if (start < 0) {
      if (level > begin.beginDb) start = frame;
    } else if (level > begin.endDb) {
      quietSince = -1;
    } else {
      if (quietSince < 0) quietSince = frame;
      if (frame - quietSince + 1 >= minSilence) close(quietSince);
    }
  }
  if (start >= 0) close(quietSince < 0 ? levels.length : quietSince);
  return withoutClicks(spans.filter((span) => span.endMs > span.startMs));
}

interface Threshold {
  beginDb: number;
  endDb: number;
}

/** One threshold for each second. */
function thresholdsOf(levels: Float32Array, frameMs: number): Threshold[] {
  const framesPerBlock = Math.round(1000 / frameMs);
  const blocks = Math.ceil(levels.length / framesPerBlock);
  const histogram = new Uint32Array(BINS);
  const count = (block: number, by: 1 | -1): void => {
    const end = Math.min((block + 1) * framesPerBlock, levels.length);
    for (let frame = block * framesPerBlock; frame < end; frame++) {
      const level = levels[frame] as number;
      if (level > DIGITAL_SILENCE_DB) histogram[binOf(level)] = (histogram[binOf(level)] as number) + by;
    }
  };
  for (let block = 0; block <= Math.min(REACH_S, blocks - 1); block++) count(block, 1);
  const thresholds: Threshold[] = [];
  for (let block = 0; block < blocks; block++) {
    thresholds.push(thresholdOf(histogram, Math.max(1, Math.round(LOUD_MS / frameMs))));
    if (block + REACH_S + 1 < blocks) count(block + REACH_S + 1, 1);
    if (block - REACH_S >= 0) count(block - REACH_S, -1);
  }
  return thresholds;
}

function thresholdOf(histogram: Uint32Array, loudFrames: number): Threshold {
  const frames = histogram.reduce((sum, n) => sum + n, 0);
  const nothing = { beginDb: Number.POSITIVE_INFINITY, endDb: Number.POSITIVE_INFINITY };
  if (frames === 0) return nothing;
  const floor = levelBelowWhich(histogram, Math.floor(frames * NOISE_SHARE));
  const loud = levelBelowWhich(histogram, Math.max(0, frames - loudFrames));
  if (loud - floor < MIN_RANGE_DB) return nothing;
  const margin = Math.min(MAX_MARGIN_DB, Math.max(MIN_MARGIN_DB, MARGIN_SHARE * (loud - floor)));
  return { beginDb: floor + margin, endDb: floor + Math.max(MIN_END_DB, END_SHARE * margin) };
}

/** Level of the frame with this rank, the quietest having rank 0. */
function levelBelowWhich(histogram: Uint32Array, rank: number): number {
  let seen = 0;
  for (let bin = 0; bin < BINS; bin++) {
    seen += histogram[bin] as number;
    if (seen > rank) return -100 + bin * BIN_DB;
  }
  return 0;
}

function binOf(level: number): number {
  return Math.min(BINS - 1, Math.max(0, Math.round((level + 100) / BIN_DB)));
}

function withoutClicks(spans: readonly Span[]): Span[] {
  return spans.filter((span, i) => {
    if (span.endMs - span.startMs >= MIN_SPEECH_MS) return true;
    const before = spans[i - 1];
    const after = spans[i + 1];
    return (
      (before !== undefined && span.startMs - before.endMs < NEAR_MS) ||
      (after !== undefined && after.startMs - span.endMs < NEAR_MS)
    );
  });
}
