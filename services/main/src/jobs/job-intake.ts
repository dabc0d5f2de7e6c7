import type { MediaInfo, MediaJobSpec, ModelList } from '@mediajob/contract';
import { problemOf } from '@mediajob/service';
import { checkModel } from './job-checks.js';

/** What uploads tell of a source. */
export interface JobSources {
  /** @throws ProblemError upload-not-found, upload-incomplete, not-found */
  claimSource(path: string): Promise<{ readonly fileName?: string }>;
  /** @returns undefined when no converter can be reached @throws ProblemError unsupported-media */
  probe(path: string, audioTrack: number): Promise<MediaInfo | undefined>;
}

export interface JobModels {
  /** @throws ProblemError when no transcriber has answered yet */
  models(): Promise<ModelList>;
}

/** What is found out about a job before it is made. */
export class JobIntake {
  readonly #sources: JobSources;
  readonly #models: JobModels;

  constructor(sources: JobSources, models: JobModels) {
    this.#sources = sources;
    this.#models = models;
  }

  /**
   * @returns the name of the file as its person calls it
   * @throws ProblemError upload-not-found, upload-incomplete, not-found, unsupported-media, validation-failed
   */
  async check(spec: MediaJobSpec): Promise<string | undefined> {
    const fileName = await this.#checkSource(spec);
    await this.#checkModel(spec);
    return fileName;
  }

  async #checkSource({ source, convert }: MediaJobSpec): Promise<string | undefined> {
    // Other sources are not built yet: the job itself says so (Accepted=False).
    if (source.path === undefined) return undefined;
    const { fileName } = await this.#sources.claimSource(source.path);
    // A converter that is away is no reason to refuse: the file is safe, and the job waits.
    await this.#sources.probe(source.path, convert.audioTrack);
    return fileName;
  }

  async #checkModel(spec: MediaJobSpec): Promise<void> {
    if (spec.transcribe === undefined) return;
    let models: ModelList;
    try {
      models = await this.#models.models();
    } catch (error) {
      // Nobody there to ask: the run will tell.
      if (problemOf(error).code === 'worker-unavailable') return;
      throw error;
    }
    checkModel(spec, models);
  }
}
