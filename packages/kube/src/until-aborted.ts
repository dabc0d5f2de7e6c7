import { onAbort } from './abort.js';

/** The promise's value; undefined once the signal is aborted, also when the promise never settles. */
export function untilAborted<V>(signal: AbortSignal, promise: Promise<V>): Promise<V | undefined> {
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => resolve(undefined));
    promise.then(
      (value) => {
        forget();
        resolve(signal.aborted ? undefined : value);
      },
      (error: unknown) => {
        forget();
        reject(error);
      },
    );
  });
}
