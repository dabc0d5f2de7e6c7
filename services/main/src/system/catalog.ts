import { bcp47Of, LanguageList, languageName, ModelList, WHISPER_LANGUAGES } from '@mediajob/contract';
import { DependencyUnavailableError, ProblemError } from '@mediajob/service';
import type { z } from 'zod';
import type { WorkerCalls } from './worker-calls.js';

/** What the transcribers can do. When none answers, the last answer stands: models do not come and go. */
export class Catalog {
  readonly #transcribers: WorkerCalls;
  #models: ModelList | undefined;
  #languages: LanguageList | undefined;

  constructor(transcribers: WorkerCalls) {
    this.#transcribers = transcribers;
  }

  /** @throws ProblemError worker-unavailable when no transcriber has answered since the start */
  async models(): Promise<ModelList> {
    this.#models = (await this.#ask('/v1/models', ModelList)) ?? this.#models;
    if (this.#models) return this.#models;
    throw new ProblemError(
      'worker-unavailable',
      'The transcriber is not there now, so its models are not known. Jobs are taken all the same and wait for it.',
      { headers: { 'retry-after': '10' } },
    );
  }

  /** Every language of the widest model when no transcriber has answered since the start. */
  async languages(): Promise<LanguageList> {
    this.#languages = (await this.#ask('/v1/languages', LanguageList)) ?? this.#languages;
    return (
      this.#languages ?? {
        languages: WHISPER_LANGUAGES.map((code) => ({ code: bcp47Of(code), name: languageName(code) })),
      }
    );
  }

  async #ask<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema> | undefined> {
    try {
      const { status, body } = await this.#transcribers.call('GET', path);
      return status === 200 ? schema.safeParse(body).data : undefined;
    } catch (error) {
      if (error instanceof DependencyUnavailableError) return undefined;
      throw error;
    }
  }
}
