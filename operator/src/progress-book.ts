import type { JobId, StepProgress, Usage } from '@mediajob/contract';

/** The last that a run told of itself. */
export interface RunProgress {
  readonly progress: StepProgress;
  readonly usage?: Usage;
}

/**
 * The leader's memory of how far runs are: progress is for people, so it is kept nowhere else. A new leader starts with
 * an empty book and is told anew within seconds; what was already written into a status never goes back.
 *
 * Reports may come twice, late and out of order: work done and resources used only ever grow, and the speed is that of
 * the report which was furthest.
 */
export class ProgressBook {
  readonly #jobs = new Map<JobId, Map<string, RunProgress>>();
  readonly #listeners = new Set<(uid: JobId) => void>();

  /**
   * Called after each report that brought something new, with the MediaJob it belongs to.
   * @returns ends it
   */
  onChange(listener: (uid: JobId) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Takes a report in. Whether the run exists and has not ended is for the caller to know.
   * @param runName as `runName()` of the contract makes it
   * @returns whether it brought something new
   */
  update(uid: JobId, runName: string, progress: StepProgress, usage?: Usage): boolean {
    const runs = this.#jobs.get(uid) ?? new Map<string, RunProgress>();
    const before = runs.get(runName);
    const after = before === undefined ? { progress, ...(usage && { usage }) } : furthest(before, progress, usage);
    if (before !== undefined && same(before, after)) return false;
    runs.set(runName, after);
    this.#jobs.set(uid, runs);
    for (const listener of this.#listeners) listener(uid);
    return true;
  }

  get(uid: JobId, runName: string): RunProgress | undefined {
    return this.#jobs.get(uid)?.get(runName);
  }

  /** Forgets one run, or all of a MediaJob that ended or is gone. */
  drop(uid: JobId, runName?: string): void {
    if (runName === undefined) {
      this.#jobs.delete(uid);
      return;
    }
    const runs = this.#jobs.get(uid);
    runs?.delete(runName);
    if (runs?.size === 0) this.#jobs.delete(uid);
  }

  /** Runs it knows of. */
  get size(): number {
    let size = 0;
    for (const runs of this.#jobs.values()) size += runs.size;
    return size;
  }
}

function furthest(before: RunProgress, progress: StepProgress, usage: Usage | undefined): RunProgress {
  const usages = [before.usage, usage].filter((it) => it !== undefined);
  return {
    progress: progress.fraction >= before.progress.fraction ? advanced(before.progress, progress) : before.progress,
    ...(usages.length > 0 && {
      usage: {
        cpuSeconds: Math.max(...usages.map((it) => it.cpuSeconds)),
        maxRssBytes: Math.max(...usages.map((it) => it.maxRssBytes)),
      },
    }),
  };
}

function advanced(before: StepProgress, after: StepProgress): StepProgress {
  const processedMs = Math.max(before.processedMs ?? -1, after.processedMs ?? -1);
  const realtimeFactor = after.realtimeFactor ?? before.realtimeFactor;
  return {
    fraction: after.fraction,
    ...(processedMs >= 0 && { processedMs }),
    ...(realtimeFactor !== undefined && { realtimeFactor }),
  };
}

function same(a: RunProgress, b: RunProgress): boolean {
  return (
    a.progress.fraction === b.progress.fraction &&
    a.progress.processedMs === b.progress.processedMs &&
    a.progress.realtimeFactor === b.progress.realtimeFactor &&
    a.usage?.cpuSeconds === b.usage?.cpuSeconds &&
    a.usage?.maxRssBytes === b.usage?.maxRssBytes
  );
}
