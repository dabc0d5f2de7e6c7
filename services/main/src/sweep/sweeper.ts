import type { MainEnv } from '@mediajob/contract';
import type { ServiceContext } from '@mediajob/service/nest';
import { sweep, type Volume } from '@mediajob/storage';
import type { JobDirectory } from '../job-directory.js';
import type { UploadsService } from '../uploads/uploads.service.js';

/** The first sweep waits until a start has settled. */
const FIRST_MS = 60_000;

/** Removes what nobody needs any more: uploads that no job names, and what crashes have left of jobs that are gone. */
export class Sweeper {
  readonly #service: ServiceContext<MainEnv>;
  readonly #volume: Volume;
  readonly #uploads: UploadsService;
  readonly #jobs: JobDirectory;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(service: ServiceContext<MainEnv>, volume: Volume, uploads: UploadsService, jobs: JobDirectory) {
    this.#service = service;
    this.#volume = volume;
    this.#uploads = uploads;
    this.#jobs = jobs;
  }

  start(): void {
    const every = this.#service.env.MEDIAJOB_SWEEP_EVERY;
    const next = (ms: number) => {
      this.#timer = setTimeout(() => {
        this.#running = this.sweep()
          .catch((error: unknown) =>
            this.#service.logger.warn({ err: error }, 'sweep failed; the next one tries again'),
          )
          .finally(() => {
            if (!this.#stop.signal.aborted) next(every);
          });
      }, ms).unref();
    };
    next(Math.min(every, FIRST_MS));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  async sweep(): Promise<void> {
    const uploads = await this.#uploads.sweep();
    if (this.#stop.signal.aborted) return;
    const knownJobs = this.#jobs.ids();
    const report = await sweep(this.#volume, {
      dryRun: false,
      now: new Date(),
      ...(knownJobs === undefined ? {} : { knownJobs }),
      signal: this.#stop.signal,
    });
    if (uploads.length + report.removed.length + report.failed.length === 0) return;
    this.#service.audit.record({
      action: 'sweep',
      outcome: report.failed.length === 0 ? 'success' : 'failed',
      detail: { uploads, removed: report.removed.map(({ path }) => path), bytes: report.bytes, failed: report.failed },
    });
  }
}
