import type { Span } from './speech-map.js';
import type { VoiceMap } from './vad/voice-meter.js';

/*
 * What the network is sure of is speech, whatever its loudness. What is loud is speech only where the network at least
 * suspects a voice nearby: that drops music, noise and hum, and keeps the exact edges that loudness gives, soft beginnings and
 * ends included. In doubt it is speech: this decides what is never heard at all.
 */
/** A voice, as Silero's authors say (`threshold`), and where it ends (`neg_threshold`). */
const SURE = 0.5;
const SURE_ENDS = 0.35;
/** Shorter ones are clicks (`min_speech_duration_ms` is 250; words such as "I" are shorter). */
const LEAST_SURE_MS = 96;
/** Somebody may be speaking from where it rises above the one until it falls below it, if it gets as far as the other. */
const SUSPECTED = 0.15;
const SUSPECTED_PEAK = 0.4;
/** Around a suspected voice loud sounds are speech: the network is late at beginnings and early at soft ends. */
const AROUND_MS = 400;
/** A shorter pause does not end speech. */
const JOINED_MS = 200;

/** Speech by loudness and network together: in order, at least 200 ms apart. */
export function voiceSpans(loud: readonly Span[], voice: VoiceMap, durationMs: number): Span[] {
  const suspected = joined(
    runs(voice, SUSPECTED, SUSPECTED_PEAK)
      .filter((it) => it.endMs - it.startMs > voice.stepMs)
      .map((it) => ({ startMs: it.startMs - AROUND_MS, endMs: it.endMs + AROUND_MS })),
    0,
  );
  const sure = runs(voice, SURE_ENDS, SURE).filter((it) => it.endMs - it.startMs >= LEAST_SURE_MS);
  const all = [...common(loud, suspected), ...sure]
    .map((it) => ({ startMs: Math.max(0, it.startMs), endMs: Math.min(durationMs, it.endMs) }))
    .filter((it) => it.endMs > it.startMs)
    .sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
  return joined(all, JOINED_MS);
}

/** Stretches at or above `low` that reach `peak` somewhere. */
function runs({ likely, stepMs }: VoiceMap, low: number, peak: number): Span[] {
  const found: Span[] = [];
  let start = -1;
  let most = 0;
  for (let step = 0; step <= likely.length; step++) {
    const value = step < likely.length ? (likely[step] as number) / 255 : -1;
    if (value >= low) {
      if (start < 0) start = step;
      most = Math.max(most, value);
    } else if (start >= 0) {
      if (most >= peak) found.push({ startMs: start * stepMs, endMs: step * stepMs });
      start = -1;
      most = 0;
    }
  }
  return found;
}

/** Spans in order that are closer than `ms`, or overlap, as one. */
function joined(spans: readonly Span[], ms: number): Span[] {
  const result: Span[] = [];
  for (const span of spans) {
    const last = result.at(-1);
    if (last !== undefined && span.startMs - last.endMs < Math.max(1, ms))
      last.endMs = Math.max(last.endMs, span.endMs);
    else result.push({ ...span });
  }
  return result;
}

/** What lies in both. */
function common(a: readonly Span[], b: readonly Span[]): Span[] {
  const result: Span[] = [];
  let from = 0;
  for (const span of a) {
    while (from < b.length && (b[from] as Span).endMs <= span.startMs) from += 1;
    for (let i = from; i < b.length && (b[i] as Span).startMs < span.endMs; i++) {
      const other = b[i] as Span;
      result.push({ startMs: Math.max(span.startMs, other.startMs), endMs: Math.min(span.endMs, other.endMs) });
    }
  }
  return result;
}
