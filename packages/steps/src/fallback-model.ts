import type { TranscribeRequest } from '@mediajob/contract';
import { EngineError, ModelError } from '@mediajob/speech';
import type { StepContext } from './context.js';
import type { EngineLease } from './engine-pool.js';
import { stepError } from './failure.js';
import type { FallbackEngine } from './hear-window.js';
import { chooseSpeech } from './speech-choice.js';

/**
 * The larger model of a request, loaded when the first doubtful window asks for it and kept until `release`. It is an extra:
 * where it is not installed, or cannot be loaded, the log says so once and the work goes on without it.
 */
export class FallbackModel {
  readonly #context: StepContext;
  readonly #name: string | undefined;
  #engine: Promise<FallbackEngine | undefined> | undefined;
  #lease: EngineLease | undefined;

  /** @throws StepError InvalidArguments when such a model could never do what is asked for */
  constructor(request: TranscribeRequest, context: StepContext) {
    this.#context = context;
    this.#name = request.fallbackModel;
    if (request.fallbackModel === undefined) return;
    if (request.fallbackModel === request.model) {
      throw stepError('InvalidArguments', `fallbackModel is ${request.model}, too. Name a larger model, or none.`);
    }
    chooseSpeech({ ...request, model: request.fallbackModel });
  }

  /** Undefined when there is none to be had. */
  readonly acquire = (): Promise<FallbackEngine | undefined> => {
    this.#engine ??= this.#load();
    return this.#engine;
  };

  release(): void {
    this.#lease?.release();
  }

  async #load(): Promise<FallbackEngine | undefined> {
    const { engines, signal } = this.#context;
    if (this.#name === undefined || engines === undefined) return undefined;
    try {
      this.#lease = await engines.acquire(this.#name, { signal });
      return { engine: this.#lease.engine, model: this.#name, failed: (error) => this.#goWithout(error) };
    } catch (error) {
      if (signal.aborted || !(error instanceof EngineError || error instanceof ModelError)) throw error;
      return this.#goWithout(error);
    }
  }

  #goWithout({ message }: Error): undefined {
    const { log } = this.#context;
    log.warn({ model: this.#name, why: message }, 'doubtful places are not heard again by the fallback model');
    this.#engine = Promise.resolve(undefined);
  }
}
