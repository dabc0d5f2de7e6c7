import { MediaInfo, type ProbeRequest, Problem } from '@mediajob/contract';
import { DependencyUnavailableError, ProblemError } from '@mediajob/service';
import type { WorkerCalls } from '../system/worker-calls.js';

/** A probe reads the packets of the whole file, which takes a while on a slow disk. */
const PROBE_MS = 60_000;

/** Asks a converter what is in a file; it decodes nothing. */
export class MediaProbe {
  readonly #converters: WorkerCalls;

  constructor(converters: WorkerCalls) {
    this.#converters = converters;
  }

  /**
   * @returns undefined when no converter can be reached, or all of them are too busy
   * @throws ProblemError unsupported-media, not-found as the converter says it
   */
  async probe(source: string, audioTrack: number): Promise<MediaInfo | undefined> {
    const request: ProbeRequest = { source, audioTrack };
    let answer: Awaited<ReturnType<WorkerCalls['call']>>;
    try {
      answer = await this.#converters.call('POST', '/v1/probe', { body: request, timeoutMs: PROBE_MS, ofVolume: true });
    } catch (error) {
      if (error instanceof DependencyUnavailableError) return undefined;
      throw error;
    }
    if (answer.status === 200) {
      const media = MediaInfo.safeParse(answer.body);
      if (media.success) return media.data;
      throw new ProblemError(
        'worker-failed',
        'The converter answered what was not expected. Are the versions the same?',
        {
          cause: media.error,
        },
      );
    }
    const problem = Problem.safeParse(answer.body);
    if (problem.success && answer.status < 500) {
      const { code, detail, errors } = problem.data;
      throw new ProblemError(code, detail, errors === undefined ? {} : { errors });
    }
    return undefined;
  }
}
