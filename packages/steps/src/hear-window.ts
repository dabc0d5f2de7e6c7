import type { Quality, Segment, Window } from '@mediajob/contract';
import {
  type Attempt,
  attemptsAt,
  type DecodeRequest,
  decodingOptions,
  type Engine,
  EngineError,
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
  /** It died or hung; nobody asks it again. */
  failed(error: EngineError): void;
}

export interface HearOptions extends RequestOptions {
  /** What is to be decoded, without the window. */
  readonly request: Omit<DecodeRequest, 'startMs' | 'endMs' | 'options'>;
  readonly evidence: Evidence;
  readonly quality: Quality;
  /** Undefined when there is none; asked for only when it is needed. */
  fallback(): Promise<FallbackEngine | undefined>;
  signal: AbortSignal;
  /** The engine has failed on this window before: when it fails on a further attempt, what there is has to do. */
  readonly triedBefore?: boolean;
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
    const heard = await heardAgain(engine, attempt, again);
    if (heard === undefined) return { review: best, attempts };
    const review = reviewWindow(attempt.name === 'gaps' ? splice(best.segments, heard) : heard, evidence);
    attempts += 1;
    if (isBetter(review, best)) best = review;
    if (best.doubts.length === 0) return { review: best, attempts };
  }

  const larger = await options.fallback();
  if (larger === undefined) return { review: best, attempts };
  const heard = await heardByLarger(larger, window, again);
  if (heard === undefined) return { review: best, attempts };
  const review = reviewWindow(heard, evidence);
  return { review: isBetter(review, best) ? review : best, attempts: attempts + 1 };
}

/** Undefined when the engine failed on it twice: further attempts are extras, and no reason for a job to fail. */
async function heardAgain(engine: Engine, attempt: Attempt, options: HearOptions): Promise<Segment[] | undefined> {
  try {
    return await heardBy(engine, attempt.windows, attempt.options, options);
  } catch (error) {
    if (options.signal.aborted || options.triedBefore !== true || !(error instanceof EngineError)) throw error;
    return undefined;
  }
}

/** Undefined when the engine failed: the job has a transcript without it. */
async function heardByLarger(larger: FallbackEngine, window: Window, options: HearOptions) {
  try {
    const heard = await heardBy(larger.engine, [window], decodingOptions('best'), options);
    return heard.map((it) => ({ ...it, model: larger.model }));
  } catch (error) {
    if (options.signal.aborted || !(error instanceof EngineError)) throw error;
    larger.failed(error);
    return undefined;
  }
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
