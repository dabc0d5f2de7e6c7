import type { KubeApi, ListOptions, ObjectList, WatchEvent, WatchOptions } from '../src/api.js';
import { KubeApiError } from '../src/error.js';
import type { Kind } from '../src/kind.js';
import type { KubeObject } from '../src/object.js';

/** A watch that yields what a test pushes. */
export class ScriptedWatch implements AsyncIterator<WatchEvent<KubeObject>> {
  readonly options: WatchOptions;
  readonly #ready: (() => Promise<IteratorResult<WatchEvent<KubeObject>>>)[] = [];
  readonly #asked: ((step: Promise<IteratorResult<WatchEvent<KubeObject>>>) => void)[] = [];
  returned = false;

  constructor(options: WatchOptions) {
    this.options = options;
  }

  push(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    this.#step(async () => ({ done: false, value: { type, object } }));
  }

  bookmark(resourceVersion: string): void {
    this.#step(async () => ({ done: false, value: { type: 'BOOKMARK', resourceVersion } }));
  }

  end(): void {
    this.#step(async () => ({ done: true, value: undefined }));
  }

  fail(error: unknown): void {
    this.#step(() => Promise.reject(error));
  }

  next(): Promise<IteratorResult<WatchEvent<KubeObject>>> {
    const ready = this.#ready.shift();
    return ready === undefined ? new Promise((resolve) => this.#asked.push(resolve)) : ready();
  }

  return(): Promise<IteratorResult<WatchEvent<KubeObject>>> {
    this.returned = true;
    return Promise.resolve({ done: true, value: undefined });
  }

  #step(step: () => Promise<IteratorResult<WatchEvent<KubeObject>>>): void {
    const asked = this.#asked.shift();
    if (asked === undefined) this.#ready.push(step);
    else asked(step());
  }
}

type Page = ObjectList<KubeObject> | Error | 'hangs';

/** LIST answers what was laid ready, in order; WATCH opens a {@link ScriptedWatch}. */
export class ScriptedApi implements Pick<KubeApi, 'list' | 'watch'> {
  /** `list`, `list after=…`, `watch from=…`: with the namespace in front when there is one. */
  readonly calls: string[] = [];
  readonly lists: ListOptions[] = [];
  readonly watches: ScriptedWatch[] = [];
  readonly pages: Page[] = [];

  get watching(): ScriptedWatch {
    const last = this.watches.at(-1);
    if (last === undefined) throw new Error('nobody watches');
    return last;
  }

  async list<T extends KubeObject>(_kind: Kind<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    this.calls.push(`${place(options)}list${options.continue === undefined ? '' : ` after=${options.continue}`}`);
    this.lists.push(options);
    const page = this.pages.shift();
    if (page === 'hangs') return new Promise(() => {});
    if (page instanceof Error) throw page;
    if (page === undefined) throw new Error('the script has no more lists');
    return page as ObjectList<T>;
  }

  watch<T extends KubeObject>(_kind: Kind<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>> {
    this.calls.push(`${place(options)}watch from=${options.resourceVersion}`);
    const watch = new ScriptedWatch(options);
    this.watches.push(watch);
    return {
      [Symbol.asyncIterator]: () => watch as AsyncIterator<WatchEvent<KubeObject>> as AsyncIterator<WatchEvent<T>>,
    };
  }
}

function place({ namespace }: { readonly namespace?: string }): string {
  return namespace === undefined ? '' : `${namespace} `;
}

export function aList(resourceVersion: string, ...items: KubeObject[]): ObjectList<KubeObject> {
  return { items, resourceVersion };
}

export const expired = () => new KubeApiError('too old resource version', { status: 410, reason: 'Expired' });
export const unreachable = () => new KubeApiError('cannot be reached', { status: 0, reason: 'Unreachable' });
export const internal = () => new KubeApiError('internal error', { status: 500, reason: 'InternalError' });
