import type { Window } from '@mediajob/contract';

/** ms of `span` that lie in any of `spans`, which are in order and do not overlap. */
export function overlapMs(span: Window, spans: readonly Window[]): number {
  let sum = 0;
  for (const other of spans) {
    if (other.startMs >= span.endMs) break;
    sum += Math.max(0, Math.min(span.endMs, other.endMs) - Math.max(span.startMs, other.startMs));
  }
  return sum;
}

/** The parts of `spans` inside `bounds`. */
export function clipped(spans: readonly Window[], bounds: Window): Window[] {
  return spans
    .map((it) => ({ startMs: Math.max(it.startMs, bounds.startMs), endMs: Math.min(it.endMs, bounds.endMs) }))
    .filter((it) => it.endMs > it.startMs);
}

/** Each made longer by `ms` at both ends, and those that meet joined. */
export function padded(spans: readonly Window[], ms: number): Window[] {
  const joined: Window[] = [];
  for (const { startMs, endMs } of spans) {
    const last = joined.at(-1);
    const from = Math.max(0, startMs - ms);
    if (last !== undefined && from <= last.endMs) last.endMs = Math.max(last.endMs, endMs + ms);
    else joined.push({ startMs: from, endMs: endMs + ms });
  }
  return joined;
}

/** What of `bounds` none of `spans` covers. */
export function gapsBetween(spans: readonly Window[], bounds: Window): Window[] {
  const gaps: Window[] = [];
  let from = bounds.startMs;
  for (const { startMs, endMs } of clipped(spans, bounds)) {
    if (startMs > from) gaps.push({ startMs: from, endMs: startMs });
    from = Math.max(from, endMs);
  }
  if (from < bounds.endMs) gaps.push({ startMs: from, endMs: bounds.endMs });
  return gaps;
}

export function lengthOf({ startMs, endMs }: Window): number {
  return endMs - startMs;
}
