import type { FileHandle } from 'node:fs/promises';
import {
  Annotation,
  type JobId,
  MEDIA_TYPES,
  type MediaJob,
  type OutputFile,
  RenditionFormat,
  TextFormat,
} from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import { InputNotFoundError, readManifest, UnsafePathError, type Volume } from '@mediajob/storage';
import type { JobDirectory } from '../job-directory.js';

export interface FinishedFile extends OutputFile {
  readonly sha256: string;
}

/** Stages that leave files among the outputs. */
const STAGES = ['finalize', 'render'] as const;

/** What finished stages of a job have left in `outputs/<job>/`. Only what a manifest names exists: nothing half written is ever seen. */
export class JobOutputs {
  readonly #volume: Volume;
  readonly #jobs: JobDirectory;

  constructor(volume: Volume, jobs: JobDirectory) {
    this.#volume = volume;
    this.#jobs = jobs;
  }

  /** By its uid, or by the id it was kept under before the cluster had it: its files carry the uid. @throws ProblemError job-not-found */
  job(id: JobId): MediaJob {
    const job = this.#jobs.get(id);
    if (!job) throw new ProblemError('job-not-found', 'There is no job of this id. It may have been deleted.');
    return job;
  }

  /** @throws ProblemError job-not-found */
  async list(id: JobId): Promise<FinishedFile[]> {
    const { uid } = this.job(id).metadata;
    const { layout } = this.#volume;
    const found = await Promise.all(STAGES.map((stage) => readManifest(this.#volume, layout.stepManifest(uid, stage))));
    const directory = `${layout.outputs(uid)}/`;
    const files = found.flatMap((stored) => stored?.manifest.files ?? []);
    return files
      .filter(({ path }) => path.startsWith(directory))
      .map(({ path, bytes, sha256 }) => {
        const name = path.slice(directory.length);
        const format = formatOf(name);
        return { name, format, bytes, mediaType: mediaTypeOf(format), sha256 };
      });
  }

  /** One finished file, or undefined when no stage has made it yet. @throws ProblemError job-not-found */
  async find(id: JobId, name: string): Promise<FinishedFile | undefined> {
    return (await this.list(id)).find((file) => file.name === name);
  }

  /**
   * Opens a finished file for reading.
   *
   * @throws ProblemError job-not-found; output-not-found, also while a stage that runs again replaces it
   */
  async open(id: JobId, name: string): Promise<FinishedFile & { file: FileHandle }> {
    const found = await this.find(id, name);
    if (!found) throw notFound(name);
    let file: FileHandle;
    try {
      file = await this.#volume.open(this.#volume.layout.output(this.job(id).metadata.uid, name));
    } catch (error) {
      if (error instanceof InputNotFoundError || error instanceof UnsafePathError) throw notFound(name, error);
      throw error;
    }
    const { size } = await file.stat();
    if (size === found.bytes) return { ...found, file };
    await file.close();
    throw notFound(name);
  }
}

/** What a person's browser calls a downloaded output: the recording's own name with the output's ending. */
export function downloadName(job: MediaJob, name: string): string {
  const { annotations, name: jobName } = job.metadata;
  const original = annotations?.[Annotation.fileName] ?? annotations?.[Annotation.title] ?? jobName;
  const stem = original.replace(/\.[\p{L}\p{N}]{1,5}$/u, '') || jobName;
  return `${stem}${name.replace(/^(transcript|media)(?=[.-])/, '').replace(/^(?![.-])/, '-')}`;
}

function formatOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function mediaTypeOf(format: string): string {
  const known = TextFormat.safeParse(format).data ?? RenditionFormat.safeParse(format).data;
  return known ? MEDIA_TYPES[known] : 'application/octet-stream';
}

function notFound(name: string, cause?: unknown): ProblemError {
  return new ProblemError('output-not-found', `There is no ${name} among the outputs yet. See the list of outputs.`, {
    cause,
  });
}
