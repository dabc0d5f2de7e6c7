import type { Chunk, ChunkPlan, PlanParameters } from '@mediajob/contract';
import type { AudioMap } from './analyze.js';
import { quietestCut } from './quiet.js';
import { type Span, speechSpans } from './speech-map.js';
import { packWindows } from './windows.js';

/** How far from the ideal place a cut is looked for, as a share of a chunk. */
const REACH_SHARE = 0.2;
/** Less of a silence within reach does not count. */
const LEAST_SILENCE_MS = 100;
/** Beyond this a silence is no better for being longer; the nearer one wins. */
const LONG_SILENCE_MS = 2_000;

/**
 * Divides a recording into chunks of about `targetMs` that cover it without gaps, each with its windows of speech.
 * Chunks are cut in the middle of the longest silence near the ideal place, and only without any silence in reach at the quietest frame.
 * Pure: the same map and parameters always give the same plan. A recording without speech has no chunks.
 */
export function planChunks(map: AudioMap, parameters: PlanParameters): ChunkPlan {
  const spans = speechSpans(map);
  const cuts = chunkCuts(map, spans, parameters.targetMs);
  let next = 0;
  const chunks: Chunk[] = [];
  for (let index = 0; index + 1 < cuts.length; index++) {
    const bounds: Span = { startMs: cuts[index] as number, endMs: cuts[index + 1] as number };
    while (next < spans.length && (spans[next] as Span).endMs <= bounds.startMs) next += 1;
    let end = next;
    while (end < spans.length && (spans[end] as Span).startMs < bounds.endMs) end += 1;
    const speech = spans.slice(next, end);
    const windows = packWindows(map, speech, bounds, parameters.windowMs);
    chunks.push({ index, ...bounds, windows, speech: speech.map((it) => clippedTo(it, bounds)) });
  }
  const speechMs = chunks.flatMap((chunk) => chunk.windows).reduce((sum, it) => sum + it.endMs - it.startMs, 0);
  return {
    schemaVersion: 1,
    durationMs: map.durationMs,
    speechMs,
    parameters,
    detector: map.voice === undefined ? 'energy' : 'silero',
    chunks: speechMs === 0 ? [] : chunks,
  };
}

/** Bounds of the chunks, from 0 to the end of the recording. */
function chunkCuts(map: AudioMap, spans: readonly Span[], targetMs: number): number[] {
  const { durationMs } = map;
  const count = Math.max(1, Math.ceil(durationMs / targetMs));
  const step = durationMs / count;
  const silences = silencesBetween(spans, durationMs);
  const cuts = [0];
  let from = 0;
  for (let k = 1; k < count; k++) {
    const ideal = Math.round(k * step);
    const reach: Span = {
      startMs: Math.floor(ideal - REACH_SHARE * step),
      endMs: Math.ceil(ideal + REACH_SHARE * step),
    };
    while (from < silences.length && (silences[from] as Span).endMs <= reach.startMs) from += 1;
    let to = from;
    while (to < silences.length && (silences[to] as Span).startMs < reach.endMs) to += 1;
    cuts.push(cutInSilence(silences.slice(from, to), reach, ideal) ?? quietestCut(map, reach.startMs, reach.endMs));
  }
  cuts.push(durationMs);
  return cuts;
}

function silencesBetween(spans: readonly Span[], durationMs: number): Span[] {
  const silences: Span[] = [];
  let startMs = 0;
  for (const span of [...spans, { startMs: durationMs, endMs: durationMs }]) {
    if (span.startMs > startMs) silences.push({ startMs, endMs: span.startMs });
    startMs = span.endMs;
  }
  return silences;
}

/** In the middle of the longest silence in reach; of a very long one, as near to the ideal place as a second from its ends allows. */
function cutInSilence(silences: readonly Span[], reach: Span, ideal: number): number | undefined {
  const inReach = silences
    .map((silence) => ({
      startMs: Math.max(silence.startMs, reach.startMs),
      endMs: Math.min(silence.endMs, reach.endMs),
    }))
    .filter((part) => lengthOf(part) >= LEAST_SILENCE_MS);
  const longest = Math.min(LONG_SILENCE_MS, Math.max(0, ...inReach.map(lengthOf)));
  return inReach
    .filter((part) => lengthOf(part) >= longest)
    .map((part) => {
      const margin = Math.min(lengthOf(part), LONG_SILENCE_MS) / 2;
      return Math.round(Math.min(part.endMs - margin, Math.max(part.startMs + margin, ideal)));
    })
    .sort((a, b) => Math.abs(a - ideal) - Math.abs(b - ideal) || a - b)[0];
}

function lengthOf(span: Span): number {
  return span.endMs - span.startMs;
}

function clippedTo(span: Span, bounds: Span): Span {
  return { startMs: Math.max(span.startMs, bounds.startMs), endMs: Math.min(span.endMs, bounds.endMs) };
}
