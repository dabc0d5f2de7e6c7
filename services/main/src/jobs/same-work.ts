import { isDeepStrictEqual } from 'node:util';
import type { MediaJobSpec } from '@mediajob/contract';

/** Whether two specs ask for the same work: what may be changed later does not count. */
export function isSameWork(a: MediaJobSpec, b: MediaJobSpec): boolean {
  const work = ({ source, convert, transcribe, profile, queue, priorityClass }: MediaJobSpec) =>
    defined({ source, convert, transcribe, profile, queue, priorityClass });
  return isDeepStrictEqual(work(a), work(b));
}

/** Without the entries that are undefined, which JSON would drop and comparisons would not. */
export function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, it]) => it !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
