export interface DecodeAllOptions<Task> {
  /** How many are given to the engine at once. */
  atOnce: number;
  decode(task: Task, signal: AbortSignal): Promise<void>;
  /** Whether a failure may be the engine's own, so that a second try makes sense. */
  mayRetry(error: unknown): boolean;
  signal: AbortSignal;
}

/**
 * Takes all tasks in order, several at once, without waiting at any border between them.
 *
 * When the engine fails, all that it had in hand fail together and nobody knows which of them was to blame: no new one
 * is begun, and each is tried once more alone. The one that fails again is the guilty one; its error is thrown.
 * Any other failure stops the rest and is thrown.
 */
export async function decodeAll<Task>(tasks: Iterable<Task>, options: DecodeAllOptions<Task>): Promise<void> {
  const queue = tasks[Symbol.iterator]();
  for (;;) {
    const { failed, exhausted } = await runUntilFailure(queue, options);
    for (const task of failed) await options.decode(task, options.signal);
    if (exhausted) return;
  }
}

async function runUntilFailure<Task>(
  queue: Iterator<Task>,
  options: DecodeAllOptions<Task>,
): Promise<{ failed: Task[]; exhausted: boolean }> {
  const failed: Task[] = [];
  const errors: unknown[] = [];
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  let exhausted = false;

  const lane = async (): Promise<void> => {
    while (failed.length === 0 && errors.length === 0) {
      if (options.signal.aborted) throw options.signal.reason;
      const next = queue.next();
      if (next.done) {
        exhausted = true;
        return;
      }
      try {
        await options.decode(next.value, signal);
      } catch (error) {
        if (options.mayRetry(error) && !signal.aborted) {
          failed.push(next.value);
        } else {
          errors.push(error);
          stop.abort(error);
        }
      }
    }
  };
  // All lanes end before anything is thrown: nothing of ours goes on in the background.
  const lanes = await Promise.allSettled(Array.from({ length: Math.max(1, options.atOnce) }, lane));
  if (errors.length > 0) throw errors[0];
  const rejected = lanes.find((it) => it.status === 'rejected');
  if (rejected !== undefined) throw rejected.reason;
  return { failed, exhausted };
}
