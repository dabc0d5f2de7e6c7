import type { KubeApi, KubeApiError } from '@mediajob/kube';
import type { MemoryServer } from '../../packages/kube/test/memory-api/index.js';

/** One write, as a test asks about it. */
export interface Write {
  readonly verb: 'create' | 'patch' | 'apply' | 'delete' | 'replace' | 'post';
  readonly resource: string;
  readonly name: string;
  readonly fieldManager?: string;
  readonly body: unknown;
}

/**
 * A KubeApi that does everything at once, for tests of one process in which nothing overtakes anything. The simulation
 * has the other one.
 */
export class DirectApi implements KubeApi {
  readonly writes: Write[] = [];
  /** Calls besides writes: `get pods …`. */
  readonly reads: string[] = [];
  /** What is thrown instead of doing a write; `after`: it is done, and its answer is lost. */
  fault: (write: Write) => { error: KubeApiError; after?: boolean } | undefined = () => undefined;
  readonly #server: MemoryServer;

  constructor(server: MemoryServer) {
    this.#server = server;
  }

  get: KubeApi['get'] = async (kind, ref) => {
    this.reads.push(`get ${kind.plural}/${ref.name}`);
    return this.#server.get(kind, ref);
  };
  list: KubeApi['list'] = async (kind, options) => {
    this.reads.push(`list ${kind.plural}`);
    return this.#server.list(kind, options);
  };
  watch: KubeApi['watch'] = () => {
    throw new Error('nothing watches here');
  };
  create: KubeApi['create'] = (kind, object) =>
    this.#write({ verb: 'create', resource: kind.plural, name: object.metadata.name ?? '', body: object }, () =>
      this.#server.create(kind, object),
    );
  replace: KubeApi['replace'] = (kind, object, options) =>
    this.#write({ verb: 'replace', resource: kind.plural, name: object.metadata.name, body: object }, () =>
      this.#server.replace(kind, object, { subresource: options?.subresource }),
    );
  patch: KubeApi['patch'] = (kind, ref, patch, options) =>
    this.#write({ verb: 'patch', resource: kind.plural, name: ref.name, body: patch.body }, () =>
      this.#server.patch(kind, ref, patch, { fieldManager: options?.fieldManager, subresource: options?.subresource }),
    );
  apply: KubeApi['apply'] = (kind, object, options) =>
    this.#write(
      {
        verb: 'apply',
        resource: kind.plural,
        name: object.metadata.name ?? '',
        fieldManager: options.fieldManager,
        body: object,
      },
      () => this.#server.apply(kind, object, options),
    );
  delete: KubeApi['delete'] = (kind, ref, options) =>
    this.#write({ verb: 'delete', resource: kind.plural, name: ref.name, body: options }, () =>
      this.#server.delete(kind, ref, options),
    );
  post: KubeApi['post'] = async <Answer>(path: string, body: object) => this.#server.post(path, body) as Answer;

  async #write<T>(write: Write, act: () => T): Promise<T> {
    const fault = this.fault(write);
    if (fault !== undefined && fault.after !== true) throw fault.error;
    // Objects of the server are frozen; what is sent is a copy, as over the wire.
    const result = act();
    this.writes.push(structuredClone(write));
    if (fault !== undefined) throw fault.error;
    return result;
  }
}
