import { readFile } from 'node:fs/promises';
import { type JobId, Transcript, type TranscriptEdit, TranscriptEdits } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import {
  parseDocument,
  readJsonIfExists,
  sha256Of,
  sha256OfJson,
  type Volume,
  writeJsonAtomic,
} from '@mediajob/storage';
import { matchesStrongly } from '../http/conditional.js';
import type { JobOutputs } from '../outputs/job-outputs.js';
import { applyEdits } from './apply-edits.js';

const TRANSCRIPT = 'transcript.json';
/** Entity tag of the corrections while there are none. */
export const NO_EDITS = 'none';

/** A document with the entity tag that stands for it. */
export interface Tagged<T> {
  readonly value: T;
  readonly tag: string;
}

/** Transcripts and people's corrections. The corrections lie beside the transcript, which never changes by them. */
export class TranscriptsService {
  readonly #volume: Volume;
  readonly #outputs: JobOutputs;
  /** One writer a job, so that If-Match is compared with what is really replaced. */
  readonly #writing = new Map<JobId, Promise<unknown>>();

  constructor(volume: Volume, outputs: JobOutputs) {
    this.#volume = volume;
    this.#outputs = outputs;
  }

  /** Entity tag of the transcript, or of the transcript with its corrections. @throws as {@link read} */
  async tag(id: JobId, edited: boolean): Promise<string> {
    const { sha256 } = await this.#finished(id);
    if (!edited) return sha256;
    const { tag } = await this.edits(id);
    return tag === NO_EDITS ? sha256 : sha256Of(`${sha256}\n${tag}`);
  }

  /** @throws ProblemError job-not-found, transcript-not-ready */
  async read(id: JobId, edited: boolean): Promise<Transcript> {
    const { file } = await this.#open(id);
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } finally {
      await file.close();
    }
    const transcript = parseDocument(TRANSCRIPT, text, Transcript);
    return edited ? applyEdits(transcript, (await this.edits(id)).value.edits) : transcript;
  }

  /**
   * The corrections; none when the transcript has been made anew since, because their segments are others then.
   *
   * @throws ProblemError job-not-found, transcript-not-ready
   */
  async edits(id: JobId): Promise<Tagged<TranscriptEdits>> {
    const { sha256 } = await this.#finished(id);
    const stored = await readJsonIfExists(this.#path(id), TranscriptEdits);
    if (!stored || stored.transcriptSha256 !== sha256) {
      return { value: { schemaVersion: 1, edits: [] }, tag: NO_EDITS };
    }
    return { value: stored, tag: sha256OfJson(stored) };
  }

  /**
   * Replaces all corrections.
   *
   * @param ifMatch the `If-Match` header: the entity tag of the corrections that the caller has seen
   * @throws ProblemError invalid-request without ifMatch; precondition-failed when somebody was first;
   *   validation-failed for a segment that does not exist or is named twice
   */
  async replace(
    id: JobId,
    edits: readonly TranscriptEdit[],
    ifMatch: string | undefined,
    now: Date,
  ): Promise<Tagged<TranscriptEdits>> {
    if (ifMatch === undefined) {
      throw new ProblemError(
        'invalid-request',
        'If-Match is missing. Send the ETag of the corrections that you have read, so that nobody’s work is lost.',
      );
    }
    const { uid } = this.#outputs.job(id).metadata;
    const before = this.#writing.get(uid) ?? Promise.resolve();
    const work = before.catch(() => {}).then(() => this.#replace(uid, edits, ifMatch, now));
    this.#writing.set(uid, work);
    try {
      return await work;
    } finally {
      if (this.#writing.get(uid) === work) this.#writing.delete(uid);
    }
  }

  async #replace(
    id: JobId,
    edits: readonly TranscriptEdit[],
    ifMatch: string,
    now: Date,
  ): Promise<Tagged<TranscriptEdits>> {
    const { sha256 } = await this.#finished(id);
    const { tag } = await this.edits(id);
    if (!matchesStrongly(ifMatch, tag)) {
      throw new ProblemError(
        'precondition-failed',
        'Somebody else has changed the corrections meanwhile. Read them again, then repeat what is missing.',
      );
    }
    const { segments } = await this.read(id, false);
    const seen = new Set<number>();
    for (const [index, { segment }] of edits.entries()) {
      const wrong = segment >= segments.length ? `there are ${segments.length} segments` : 'it is named twice';
      if (segment >= segments.length || seen.has(segment)) {
        throw new ProblemError('validation-failed', `Segment ${segment} cannot be corrected: ${wrong}.`, {
          errors: [{ path: `edits.${index}.segment`, message: wrong }],
        });
      }
      seen.add(segment);
    }
    const value: TranscriptEdits = {
      schemaVersion: 1,
      transcriptSha256: sha256,
      updatedAt: now.toISOString(),
      edits: [...edits].sort((a, b) => a.segment - b.segment),
    };
    await writeJsonAtomic(this.#path(id), value, { runId: 'main', files: this.#volume.files });
    return { value, tag: sha256OfJson(value) };
  }

  #path(id: JobId): string {
    return this.#volume.resolve(this.#volume.layout.edits(this.#outputs.job(id).metadata.uid));
  }

  async #finished(id: JobId) {
    const found = await this.#outputs.find(id, TRANSCRIPT);
    if (!found) throw notReady();
    return found;
  }

  async #open(id: JobId) {
    return this.#outputs.open(id, TRANSCRIPT).catch((error: unknown) => {
      throw error instanceof ProblemError && error.code === 'output-not-found' ? notReady() : error;
    });
  }
}

function notReady(): ProblemError {
  return new ProblemError(
    'transcript-not-ready',
    'There is no transcript yet. It comes when the job has got that far; the job’s stages tell how far it is.',
  );
}
