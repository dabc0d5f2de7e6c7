import type { Quality, Segment, Window } from '@mediajob/contract';
import {
  attemptsAt,
  type DecodeRequest,
  decodingOptions,
  type Engine,
  type Evidence,
  isBetter,
  type RequestOptions,
  type Review,
  reviewWindow,
  segmentsOf,
  splice,
} from '@mediajob/speech';

/** An engine with a larger model, for what stays doubtful. */
export interface FallbackEngine {
  readonly engine: Engine;
  readonly model: string;
}

export interface HearOptions extends RequestOptions {
  /** What is to be decoded, without the window. */
  readonly request: Omit<DecodeRequest, 'startMs' | 'endMs' | 'options'>;
  readonly evidence: Evidence;
  readonly quality: Quality;
  /** Undefined when there is none; asked for only when it is needed. */
  fallback(): Promise<FallbackEngine | undefined>;
  signal: AbortSignal;
}

/** What was made of a window, and how often it was heard. */
export interface Hearing {
  readonly review: Review;
  readonly attempts: number;
}

/**
 * Decodes a window and checks what comes out. When that is doubtful the window is heard again in other ways, as many as
 * the quality allows, until nothing is doubtful; then by the larger model. The best of all is taken, by `isBetter`. The
 * same audio, engine and models always give the same: attempts have a fixed order, and so have ties.
 */
export async function hearWindow(engine: Engine, window: Window, options: HearOptions): Promise<Hearing> {
  const { evidence, quality } = options;
  const first = decodingOptions(quality);
  let best = reviewWindow(await heardBy(engine, [window], first, options), evidence);
  let attempts = 1;
  if (best.doubts.length === 0) return { review: best, attempts };

  const again: HearOptions = { ...options, request: { ...options.request } };
  // A model repeats its vocabulary when it hears nothing.
  delete again.request.prompt;
  delete again.onProgress;
  const { omissions } = best;
  for (const attempt of attemptsAt(best.doubts, {
    quality,
    options: first,
    window,
    omissions,
    speech: evidence.speech,
  })) {
    const heard = await heardBy(engine, attempt.windows, attempt.options, again);
    const review = reviewWindow(attempt.name === 'gaps' ? splice(best.segments, heard) : heard, evidence);
    attempts += 1;
    if (isBetter(review, best)) best = review;
    if (best.doubts.length === 0) return { review: best, attempts };
  }

  const larger = await options.fallback();
  if (larger !== undefined) {
    const heard = await heardBy(larger.engine, [window], decodingOptions('best'), again);
    const review = reviewWindow(
      heard.map((it) => ({ ...it, model: larger.model })),
      evidence,
    );
    attempts += 1;
    if (isBetter(review, best)) best = review;
  }
  return { review: best, attempts };
}

async function heardBy(
  engine: Engine,
  windows: readonly Window[],
  decoding: DecodeRequest['options'],
  { request, evidence, signal, onProgress }: HearOptions,
): Promise<Segment[]> {
  const all: Segment[] = [];
  for (const window of windows) {
    const { segments } = await engine.decode(
      { ...request, ...window, options: decoding },
      { signal, ...(onProgress === undefined ? {} : { onProgress }) },
    );
    all.push(...segmentsOf(segments, evidence.language, window));
  }
  return all;
}
