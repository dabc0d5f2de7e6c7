import { isDeepStrictEqual } from 'node:util';
import { type MediaJobStatus, readStatus, type StageName, TERMINAL_PHASES } from '@mediajob/contract';
import { type Clock, type KubeApi, type ListKeys, StatusWriter } from '@mediajob/kube';
import { FieldManager } from './labels.js';
import { type MediaJobObject, MediaJobs } from './media-job-kind.js';

export interface MediaJobStatusWriterOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  /** Takes the answer of a write, so that nothing is decided on an older one. */
  put(object: MediaJobObject): void;
  /** Pause in ms between two writes of a job's progress; 5 s when left out. */
  readonly progressEveryMs?: number;
}

export interface StatusWritten {
  readonly object: MediaJobObject;
  /** ms after which progress that was held back may be written. */
  readonly progressDueMs: number | undefined;
}

const PROGRESS_EVERY_MS = 5_000;
/** As the CRD has them. */
const LIST_KEYS: ListKeys = { 'status.stages': ['name'], 'status.conditions': ['type'], 'status.outputs': ['name'] };

/**
 * Writes a status in two parts, each by its own field manager: what happened (at once, and only when it is different),
 * and how far it is (for people: at most every few seconds, and never after the end). Every write carries the version
 * it was decided on, so that an old decision, of a leader that was replaced even, never overwrites a newer one.
 */
export class MediaJobStatusWriter {
  readonly #options: MediaJobStatusWriterOptions;
  readonly #main: StatusWriter<MediaJobObject>;
  readonly #progress: StatusWriter<MediaJobObject>;
  /** Monotonic ms. */
  readonly #progressAt = new Map<string, number>();

  constructor(options: MediaJobStatusWriterOptions) {
    const common = { api: options.api, kind: MediaJobs, listKeys: LIST_KEYS };
    this.#options = options;
    this.#main = new StatusWriter({
      ...common,
      fieldManager: FieldManager.status,
      own: (status) => mainPart(readStatus(status)),
    });
    this.#progress = new StatusWriter({
      ...common,
      fieldManager: FieldManager.progress,
      own: (status) => progressPart(readStatus(status)),
    });
  }

  /**
   * @param before the status of `object`
   * @throws KubeApiError: Conflict when somebody else wrote meanwhile; then look again
   */
  async write(
    object: MediaJobObject,
    before: MediaJobStatus,
    after: MediaJobStatus,
    signal: AbortSignal,
  ): Promise<StatusWritten> {
    const ending = isTerminal(after) && !isTerminal(before);
    const turning = ending || before.attempt !== after.attempt;
    const moved = !isDeepStrictEqual(progressMade(before), progressMade(after));
    // Progress belongs to its attempt, and 100 % to success: it is there first, so that a death in between, after which
    // all of this is done again, leaves neither an attempt with another one's progress nor a success at 63 %.
    const known = isKnown(before, after);
    const first = moved && turning && (known || ending);
    let current = object;
    if (first) {
      // All of it happened before anybody wrote a status; of a stage that is not there no percentage can be written.
      if (!known)
        current = await this.#apply(this.#main, current, mainPart({ ...before, stages: after.stages }), signal);
      current = await this.#writeProgress(current, after, signal);
    }
    current = await this.#apply(this.#main, current, mainPart(after), signal);
    if (!moved || first || (isTerminal(before) && !turning)) return { object: current, progressDueMs: undefined };
    const dueMs = turning ? 0 : this.dueInMs(object.metadata.uid);
    if (dueMs > 0) return { object: current, progressDueMs: dueMs };
    return { object: await this.#writeProgress(current, after, signal), progressDueMs: undefined };
  }

  /** ms until progress of a job may be written again. */
  dueInMs(uid: string): number {
    const { clock, progressEveryMs = PROGRESS_EVERY_MS } = this.#options;
    const last = this.#progressAt.get(uid);
    return last === undefined ? 0 : Math.max(0, last + progressEveryMs - clock.monotonic());
  }

  /** Of a job that is gone. */
  drop(uid: string): void {
    this.#progressAt.delete(uid);
  }

  async #writeProgress(object: MediaJobObject, after: MediaJobStatus, signal: AbortSignal): Promise<MediaJobObject> {
    const { uid } = object.metadata;
    const written = await this.#apply(this.#progress, object, progressPart(after), signal);
    if (isTerminal(after)) this.drop(uid);
    else this.#progressAt.set(uid, this.#options.clock.monotonic());
    return written;
  }

  async #apply(
    writer: StatusWriter<MediaJobObject>,
    observed: MediaJobObject,
    status: object,
    signal: AbortSignal,
  ): Promise<MediaJobObject> {
    const { object, written } = await writer.apply(observed, status, signal);
    if (written) this.#options.put(object);
    return object;
  }
}

/** Stages whose percentage can be written: the part that is not progress has to be there. */
function isKnown(before: MediaJobStatus, after: MediaJobStatus): boolean {
  return after.stages.every(({ name }) => before.stages.some((stage) => stage.name === name));
}

function isTerminal({ phase }: MediaJobStatus): boolean {
  return TERMINAL_PHASES.includes(phase);
}

/**
 * All but what `mediajob-progress` writes. A list without items is left out: nobody then owns it, and it is the same to
 * whoever reads it.
 */
function mainPart(status: MediaJobStatus): object {
  const { progress: _progress, usage: _usage, stages, ...rest } = status;
  const part = { ...rest, stages: stages.map(({ percent: _percent, ...stage }) => stage) };
  return Object.fromEntries(Object.entries(part).filter(([, value]) => !Array.isArray(value) || value.length > 0));
}

interface ProgressPart {
  readonly progress: MediaJobStatus['progress'];
  readonly usage?: MediaJobStatus['usage'];
  readonly stages?: readonly { readonly name: StageName; readonly percent: number }[];
}

function progressPart({ progress, usage, stages }: MediaJobStatus): ProgressPart {
  return {
    progress,
    ...(usage !== undefined && { usage }),
    ...(stages.length > 0 && { stages: stages.map(({ name, percent }) => ({ name, percent })) }),
  };
}

/** A stage that is not there yet has made none. */
function progressMade(status: MediaJobStatus): ProgressPart {
  const part = progressPart(status);
  return { ...part, stages: part.stages?.filter(({ percent }) => percent > 0) ?? [] };
}
