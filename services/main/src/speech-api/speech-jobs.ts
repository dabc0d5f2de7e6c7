import {
  Annotation,
  CreateJob,
  type MediaJob,
  TERMINAL_PHASES,
  type TranscribeSpec,
  type Transcript,
  type UploadInfo,
} from '@mediajob/contract';
import { type AuditLog, ProblemError, problemOf } from '@mediajob/service';
import { sha256OfJson } from '@mediajob/storage';
import type { EventSource } from '../events/event-source.js';
import type { Jobs } from '../jobs/jobs.js';
import type { JobsService } from '../jobs/jobs.service.js';
import type { Catalog } from '../system/catalog.js';
import type { TranscriptsService } from '../transcripts/transcripts.service.js';
import type { UploadsService } from '../uploads/uploads.service.js';
import { type SpeechWishes, transcribeSpecOf } from './speech-request.js';

export interface SpeechJobsParts {
  readonly uploads: Pick<UploadsService, 'checksum' | 'discard'>;
  readonly jobs: Pick<JobsService, 'create' | 'retry'>;
  /** The same jobs, asked by name. */
  readonly runtime: Pick<Jobs, 'byName'>;
  readonly events: Pick<EventSource, 'subscribe'>;
  readonly transcripts: Pick<TranscriptsService, 'read'>;
  readonly catalog: Pick<Catalog, 'models'>;
  readonly audit: Pick<AuditLog, 'record'>;
  /** How long such a job and its result are kept after its end, in ms. */
  readonly resultTtlMs: number;
}

/** A race for one name is over after the first: the second finds the job of the first. */
const TRIES = 3;

/**
 * Transcripts for clients that hold a connection until the text is there. Below it is a MediaJob like any other: seen in
 * the list, resumed after a crash. Its name is made of the content and the wishes, so a client that has lost its
 * connection and asks again gets the job that is running, or its finished result.
 */
export class SpeechJobs {
  readonly #parts: SpeechJobsParts;

  constructor(parts: SpeechJobsParts) {
    this.#parts = parts;
  }

  /**
   * The job for a complete upload; an upload that is not needed, or that is refused, is removed.
   *
   * @throws ProblemError validation-failed, unsupported-media, storage-full, …
   */
  async begin(wishes: SpeechWishes, upload: UploadInfo, actor: string | undefined): Promise<MediaJob> {
    const event = { action: `speech.${wishes.task}`, actor };
    try {
      const job = await this.#begin(wishes, upload);
      this.#parts.audit.record({ ...event, object: `jobs/${job.metadata.uid}`, outcome: 'success' });
      return job;
    } catch (error) {
      const outcome = problemOf(error).status < 500 ? 'refused' : 'failed';
      this.#parts.audit.record({ ...event, object: `uploads/${upload.id}`, outcome });
      await this.#parts.uploads.discard(upload.id);
      throw error;
    }
  }

  async #begin(wishes: SpeechWishes, upload: UploadInfo): Promise<MediaJob> {
    const transcribe = transcribeSpecOf(wishes);
    await this.#refuseMissingModel(transcribe.model);
    const name = await this.#nameOf(wishes, upload);
    for (let attempt = 1; ; attempt++) {
      const known = await this.#parts.runtime.byName(name);
      if (known !== undefined && known.metadata.deletionTimestamp === undefined) {
        const job = isFailed(known) ? await this.#parts.jobs.retry(known.metadata.uid) : known;
        await this.#parts.uploads.discard(upload.id);
        return job;
      }
      try {
        const { job } = await this.#parts.jobs.create(this.#request(name, transcribe, upload));
        return job;
      } catch (error) {
        if (!(error instanceof ProblemError) || error.code !== 'job-exists' || attempt === TRIES) throw error;
      }
    }
  }

  #request(name: string, transcribe: TranscribeSpec, { id, fileName }: UploadInfo): CreateJob {
    return CreateJob.parse({
      metadata: { name, ...(fileName !== '' && { title: fileName.slice(0, 200) }) },
      spec: {
        source: { path: `uploads/${id}/source` },
        transcribe,
        ttlSecondsAfterFinished: Math.round(this.#parts.resultTtlMs / 1000),
      },
    });
  }

  /**
   * Waits for the end of a job.
   *
   * @returns its transcript, without anybody's corrections
   * @throws ProblemError with what became of it; the signal's reason when nobody waits any more (the job goes on)
   */
  async transcript(job: MediaJob, signal: AbortSignal): Promise<Transcript> {
    const ended = await this.#end(job, signal);
    if (ended.status.phase !== 'Succeeded') throw failureOf(ended);
    return this.#parts.transcripts.read(ended.metadata.uid, false);
  }

  async #end(job: MediaJob, signal: AbortSignal): Promise<MediaJob> {
    const { name } = job.metadata;
    const { promise, resolve, reject } = Promise.withResolvers<MediaJob>();
    // A job that waits for a cluster gets its uid only there; its name stays.
    let { uid } = job.metadata;
    const unsubscribe = this.#parts.events.subscribe(({ event }) => {
      if (event.type === 'job' && event.job.metadata.name === name) {
        uid = event.job.metadata.uid;
        if (hasEnded(event.job)) resolve(event.job);
      }
      if (event.type === 'job-deleted' && event.id === uid) reject(deleted());
    });
    const gone = () => reject(signal.reason);
    signal.addEventListener('abort', gone, { once: true });
    try {
      signal.throwIfAborted();
      // It may have ended before anybody listened.
      const now = await this.#parts.runtime.byName(name);
      if (now === undefined) throw deleted();
      if (hasEnded(now)) return now;
      return await promise;
    } finally {
      promise.catch(() => {});
      signal.removeEventListener('abort', gone);
      unsubscribe();
    }
  }

  async #nameOf({ model, language, task, prompt }: SpeechWishes, upload: UploadInfo): Promise<string> {
    const content = await this.#parts.uploads.checksum(upload.id);
    return `api-${sha256OfJson({ content, model, language, task, prompt: prompt ?? '' }).slice(0, 32)}`;
  }

  /** A job would wait for it; a client that holds its connection would not. */
  async #refuseMissingModel(name: string): Promise<void> {
    const { models } = await this.#parts.catalog.models();
    const installed = models.filter((it) => it.installed).map((it) => it.name);
    if (installed.includes(name)) return;
    const there = installed.length === 0 ? 'none is installed' : `installed are ${installed.join(', ')}`;
    throw new ProblemError(
      'model-missing',
      `The model “${name}” is not installed here; ${there}. Its administrator brings it by “mediajob-models pull ${name}”.`,
      { errors: [{ path: 'model', message: 'is not installed' }] },
    );
  }
}

/** Whether it has come to its end, and nobody has asked for another attempt since. */
function hasEnded({ metadata, status }: MediaJob): boolean {
  return TERMINAL_PHASES.includes(status.phase) && metadata.annotations?.[Annotation.retry] === status.retryToken;
}

function isFailed({ status }: MediaJob): boolean {
  return status.phase === 'Failed' || status.phase === 'Cancelled';
}

function failureOf(job: MediaJob): ProblemError {
  const { status } = job;
  const detail = status.message ?? 'The job has failed.';
  const reason = status.conditions.find(({ type }) => type === 'Failed')?.reason;
  if (reason === 'UnsupportedMedia') return new ProblemError('unsupported-media', detail);
  if (reason === 'Cancelled') return new ProblemError('conflict', 'Somebody has cancelled this job. Send it again.');
  return new ProblemError('worker-failed', detail);
}

function deleted(): ProblemError {
  return new ProblemError('conflict', 'Somebody has deleted this job. Send the recording again.');
}
