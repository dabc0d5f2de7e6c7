import type { Chunk, TranscribeRequest, WhisperLanguage, Window } from '@mediajob/contract';
import { clipped, type Engine, EngineError, type Review } from '@mediajob/speech';
import type { VolumeFile } from '@mediajob/storage';
import type { StepContext } from './context.js';
import { decodeAll } from './decode-windows.js';
import { failureOf, stepError } from './failure.js';
import { type FallbackEngine, hearWindow } from './hear-window.js';
import type { JobAudio } from './job-audio.js';
import { chunkLanguage } from './language.js';
import { finishedPart, type PartShape, partKey, writePart } from './parts.js';
import { ProgressMeter } from './progress.js';

/** A chunk some of whose windows are being decoded. */
interface OpenChunk {
  chunk: Chunk;
  key: string;
  /** By window; one that has not been heard yet is undefined. */
  heard: (Review | undefined)[];
  left: number;
  /** Of this chunk alone, once somebody has asked. */
  language?: Promise<WhisperLanguage>;
}

/** What a shard has besides the engine and what shapes its parts. */
export interface ShardExtras {
  /** Of the file: that of chunks which have none of their own. */
  language: WhisperLanguage;
  /** An engine with a larger model, if there is one. */
  fallback(): Promise<FallbackEngine | undefined>;
}

interface WindowTask {
  open: OpenChunk;
  index: number;
  window: Window;
  /** ms of the chunk that this window stands for, pauses included. */
  weightMs: number;
  /** The engine failed while it had this window. */
  failed?: boolean;
}

/** Decodes what is missing of a shard's chunks, writing a part as soon as its last window is heard. */
export class ShardWork {
  reused = 0;
  audioMs = 0;
  realtimeFactor: number | undefined;
  readonly #request: TranscribeRequest;
  readonly #context: StepContext;
  readonly #audio: JobAudio;
  readonly #shape: PartShape;
  readonly #meter: ProgressMeter;
  readonly #files = new Map<number, VolumeFile>();
  readonly #missing: { chunk: Chunk; key: string }[] = [];
  /** ms of audio behind us, and of windows that are under way by their fraction. */
  #doneMs = 0;
  #decodedMs = 0;
  readonly #underWay = new Map<WindowTask, number>();
  #startedMs = 0;
  /** The window that the engine failed on last. */
  #guilty: Window | undefined;

  readonly #extras: ShardExtras;

  constructor(
    request: TranscribeRequest,
    context: StepContext,
    audio: JobAudio,
    shape: PartShape,
    extras: ShardExtras,
  ) {
    this.#extras = extras;
    this.#request = request;
    this.#context = context;
    this.#audio = audio;
    this.#shape = shape;
    this.#meter = new ProgressMeter(context);
  }

  files(): VolumeFile[] {
    return [...this.#files.entries()].sort(([a], [b]) => a - b).map(([, file]) => file);
  }

  async takeFinished(chunks: readonly Chunk[]): Promise<void> {
    for (const chunk of chunks) {
      this.#context.signal.throwIfAborted();
      this.audioMs += lengthOf(chunk);
      const key = partKey(this.#shape, chunk);
      const file = await finishedPart(this.#context.volume, this.#request.jobId, chunk, key);
      if (file === undefined) {
        this.#missing.push({ chunk, key });
      } else {
        this.#files.set(chunk.index, file);
        this.reused += 1;
        this.#doneMs += lengthOf(chunk);
      }
    }
    this.#report();
  }

  async decode(acquire: () => Promise<Engine>): Promise<void> {
    for (const { chunk, key } of this.#missing.filter((it) => it.chunk.windows.length === 0)) {
      await this.#write({ chunk, key, heard: [], left: 0 }, undefined);
      this.#doneMs += lengthOf(chunk);
    }
    const spoken = this.#missing.filter((it) => it.chunk.windows.length > 0);
    if (spoken.length === 0) return;
    const engine = await acquire();
    this.#startedMs = this.#context.now().getTime();
    await decodeAll(windowsOf(spoken), {
      // One more than can be decoded waits in the engine, so that no state idles while a part is written.
      atOnce: engine.info.states + 1,
      signal: this.#context.signal,
      mayRetry: isEnginesOwn,
      decode: (task, signal) => this.#decodeWindow(engine, task, signal),
    }).catch((error: unknown) => {
      throw this.#guilty !== undefined && isEnginesOwn(error) ? failedTwice(this.#guilty, error) : error;
    });
  }

  async #decodeWindow(engine: Engine, task: WindowTask, signal: AbortSignal): Promise<void> {
    const { prompt, task: wanted } = this.#shape;
    const { open, window } = task;
    const { speech } = open.chunk;
    try {
      const language = await this.#languageOf(open, engine, signal);
      const { review, attempts } = await hearWindow(engine, window, {
        request: {
          wavPath: this.#audio.wavPath,
          language,
          task: wanted,
          ...(prompt === undefined ? {} : { prompt }),
        },
        evidence: {
          window,
          speech: speech && clipped(speech, window),
          tellsSpeech: this.#audio.plan.detector === 'silero',
          language: wanted === 'translate' ? 'en' : language,
        },
        quality: this.#request.quality,
        fallback: this.#extras.fallback,
        triedBefore: task.failed === true,
        signal,
        onProgress: (fraction) => {
          this.#underWay.set(task, fraction * task.weightMs);
          this.#report();
        },
      });
      if (review.doubts.length > 0 || attempts > 1) {
        this.#context.log.debug({ window, attempts, doubts: review.doubts }, 'a doubtful window was heard again');
      }
      const own = this.#shape.language === 'auto';
      open.heard[task.index] = own
        ? { ...review, segments: review.segments.map((it) => ({ ...it, language })) }
        : review;
      open.left -= 1;
      if (open.left === 0) await this.#write(open, engine);
      this.#doneMs += task.weightMs;
      this.#decodedMs += task.weightMs;
    } catch (error) {
      if (isEnginesOwn(error)) {
        this.#guilty = task.window;
        task.failed = true;
      }
      throw error;
    } finally {
      this.#underWay.delete(task);
      this.#report();
    }
  }

  /** Asked for once a chunk; when the engine fails on it, the next window asks anew. */
  async #languageOf(open: OpenChunk, engine: Engine, signal: AbortSignal): Promise<WhisperLanguage> {
    if (this.#shape.language !== 'auto') return this.#shape.language;
    open.language ??= chunkLanguage(this.#audio, open.chunk, engine, { otherwise: this.#extras.language, signal });
    try {
      return await open.language;
    } catch (error) {
      delete open.language;
      throw error;
    }
  }

  async #write({ chunk, key, heard, language }: OpenChunk, engine: Engine | undefined): Promise<void> {
    const { jobId, runId, model } = this.#request;
    const file = await writePart(
      this.#context.volume,
      { jobId, runId, keySha256: key },
      {
        chunk,
        language: (await language) ?? this.#extras.language,
        segments: heard.flatMap((it) => it?.segments ?? []),
        omissions: heard.flatMap((it) => it?.omissions ?? []),
        engine: engine?.info,
        model,
      },
    );
    this.#files.set(chunk.index, file);
    this.#context.log.debug({ chunk: chunk.index, bytes: file.bytes }, 'part written');
  }

  #report(): void {
    let underWayMs = 0;
    for (const ms of this.#underWay.values()) underWayMs += ms;
    const elapsedMs = this.#context.now().getTime() - this.#startedMs;
    if (this.#decodedMs > 0 && elapsedMs > 0) {
      this.realtimeFactor = Math.round((this.#decodedMs / elapsedMs) * 100) / 100;
    }
    const doneMs = Math.min(this.audioMs, this.#doneMs + underWayMs);
    this.#meter.report({
      fraction: this.audioMs === 0 ? 1 : doneMs / this.audioMs,
      processedMs: Math.round(doneMs),
      ...(this.realtimeFactor === undefined ? {} : { realtimeFactor: this.realtimeFactor }),
    });
  }
}

function lengthOf(span: { startMs: number; endMs: number }): number {
  return span.endMs - span.startMs;
}

/** In order, one chunk after the other; only chunks that are under way exist at a time. */
function* windowsOf(chunks: readonly { chunk: Chunk; key: string }[]): Generator<WindowTask> {
  for (const { chunk, key } of chunks) {
    const { windows } = chunk;
    const open: OpenChunk = { chunk, key, heard: new Array(windows.length), left: windows.length };
    const speechMs = windows.reduce((sum, it) => sum + lengthOf(it), 0);
    for (const [index, window] of windows.entries()) {
      yield { open, index, window, weightMs: (lengthOf(window) / speechMs) * lengthOf(chunk) };
    }
  }
}

/** The engine died or hung: perhaps by this window, perhaps by another one, perhaps by chance. */
function isEnginesOwn(error: unknown): boolean {
  return error instanceof EngineError && failureOf(error).reason === 'Temporary';
}

function failedTwice({ startMs, endMs }: Window, cause: unknown) {
  const said = cause instanceof Error ? cause.message : String(cause);
  return stepError(
    'Temporary',
    `The speech engine failed twice on ${clockOf(startMs)} to ${clockOf(endMs)} of the audio: ${said} It is tried again; if that does not help, try another model.`,
    cause,
  );
}

/** 82500 → 1:22.5 */
function clockOf(ms: number): string {
  const seconds = ((ms / 1000) % 60).toFixed(1);
  return `${Math.floor(ms / 60_000)}:${seconds.padStart(4, '0')}`;
}
