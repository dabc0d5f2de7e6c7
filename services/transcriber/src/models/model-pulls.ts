import type { ModelStatus } from '@mediajob/contract';
import type { Logger } from '@mediajob/service';
import { findModel, type PullProgress, pullModel } from '@mediajob/speech';

type PullState = NonNullable<ModelStatus['pull']>;
/** Installs a model; `pullModel` of packages/speech, or a test's own. */
export type Pull = (
  modelsDir: string,
  name: string,
  options: { signal: AbortSignal; onProgress(progress: PullProgress): void },
) => Promise<unknown>;

/** Pulls under way in this process. They may take long, so nobody waits for them: GET /v1/models tells how they go. */
export class ModelPulls {
  readonly #modelsDir: string;
  readonly #logger: Logger;
  readonly #pull: Pull;
  readonly #states = new Map<string, PullState>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();

  constructor(options: { modelsDir: string; logger: Logger; pull?: Pull }) {
    this.#modelsDir = options.modelsDir;
    this.#logger = options.logger;
    this.#pull = options.pull ?? pullModel;
  }

  /** The state to show beside a model; undefined when nothing was asked for, or it went well. */
  stateOf(name: string): PullState | undefined {
    return this.#states.get(name);
  }

  /**
   * Begins to install a model; while it is being installed, asking again changes nothing.
   *
   * @throws ModelError unknown-model
   */
  start(name: string): void {
    findModel(name);
    if (this.#running.has(name)) return;
    this.#states.set(name, { state: 'running' });
    const pull = this.#run(name).finally(() => this.#running.delete(name));
    this.#running.set(name, pull);
  }

  /** Stops all of them; what was downloaded is kept for the next time. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('shutting down'));
    await Promise.all(this.#running.values());
  }

  async #run(name: string): Promise<void> {
    const logger = this.#logger.child({ model: name });
    logger.info('pulling a model');
    try {
      await this.#pull(this.#modelsDir, name, {
        signal: this.#stop.signal,
        onProgress: ({ step, fraction }) =>
          this.#states.set(name, { state: 'running', step, ...(fraction === undefined ? {} : { fraction }) }),
      });
      this.#states.delete(name);
      logger.info('the model is installed');
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#states.set(name, { state: 'failed', message: message.slice(0, 1024) });
      logger.error({ err: error }, 'the model could not be pulled');
    }
  }
}
