import type { ApplyOptions, DeleteOptions, ListOptions, ObjectList, Patch, Selection } from '../../src/api.js';
import type { Clock, Random } from '../../src/environment.js';
import { sameJson } from '../../src/equal.js';
import type { KubeApiError } from '../../src/error.js';
import { frozen } from '../../src/frozen.js';
import { uuid } from '../../src/identifier.js';
import type { Kind } from '../../src/kind.js';
import { type Draft, type KubeObject, keyOf, type ObjectMeta, type ObjectRef, refKey } from '../../src/object.js';
import { alreadyExists, applyConflict, badRequest, conflict, expired, invalid, notFound, refused } from './errors.js';
import { FieldOwners } from './fields.js';
import { counts, isNewGeneration, isolated, ownable, serverOwned, tidied, withContents } from './metadata.js';
import { jsonPatched, mergePatched } from './patches.js';
import { matcher } from './selectors.js';
import { type KindOptions, type Stored, type StoredEvent, type Table, tableOf } from './table.js';

export interface Writer {
  /** Owner of the fields; `test` when left out. */
  readonly fieldManager?: string | undefined;
  readonly subresource?: 'status' | undefined;
}

/** What is about to be written, for `admit`. */
export interface Admission {
  readonly operation: 'create' | 'update' | 'delete';
  readonly kind: Kind<KubeObject>;
  readonly object: KubeObject;
  readonly before: KubeObject | undefined;
}

export type PostHandler = (body: object) => object;

interface Snapshot {
  readonly id: string;
  readonly version: string;
  readonly items: readonly KubeObject[];
}

/**
 * Objects as an API server keeps them: every method does at once what the server does, or throws what it answers.
 * Objects are frozen. README.md of this folder says what of a real server is here; no test may rely on anything else.
 */
export class MemoryServer {
  /** Asked before each write; what it returns is thrown. For quotas, policies, namespaces that terminate. */
  admit: (admission: Admission) => KubeApiError | undefined = () => undefined;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #random: Random;
  readonly #tables = new Map<string, Table>();
  readonly #posts = new Map<string, PostHandler>();
  readonly #snapshots = new Map<string, Snapshot>();
  #version = 1000;
  #compacted = 0;
  #lists = 0;

  constructor(environment: { readonly clock: Pick<Clock, 'now'>; readonly random: Random }) {
    this.#clock = environment.clock;
    this.#random = environment.random;
  }

  /** The resourceVersion of the last write. */
  get version(): string {
    return String(this.#version);
  }

  get tables(): readonly Table[] {
    return [...this.#tables.values()];
  }

  /** Makes a kind known, as a CustomResourceDefinition or the server's own code does. */
  register<T extends KubeObject>(kind: Kind<T>, options: KindOptions = {}): this {
    this.#tables.set(idOf(kind), tableOf(kind as unknown as Kind<KubeObject>, options));
    return this;
  }

  /** Answers POSTs to a path: TokenReview and the like. */
  answer(path: string, handler: PostHandler): this {
    this.#posts.set(path, handler);
    return this;
  }

  get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): T {
    return this.#stored(this.table(kind), ref).object as T;
  }

  /** Undefined when it is not there. */
  find<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): T | undefined {
    return this.table(kind).objects.get(refKey(ref))?.object as T | undefined;
  }

  /** In the order of their keys. */
  all<T extends KubeObject>(kind: Kind<T>, selection: Selection = {}): T[] {
    const { objects, options } = this.table(kind);
    const matches = matcher(selection, options.selectable ?? []);
    const found = [...objects.values()].map((it) => it.object).filter(matches);
    return found.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)) as T[];
  }

  /** Pages are of the moment of the first one. */
  list<T extends KubeObject>(kind: Kind<T>, options: ListOptions = {}): ObjectList<T> {
    const [id = '', offset = '0'] = options.continue?.split(':') ?? [];
    const snapshot = options.continue === undefined ? this.#snapshot(this.all(kind, options)) : this.#snapshots.get(id);
    if (snapshot === undefined) throw expired('The provided continue parameter is too old.');
    const end = options.limit === undefined ? snapshot.items.length : Number(offset) + options.limit;
    const left = snapshot.items.length - end;
    if (left > 0) this.#snapshots.set(snapshot.id, snapshot);
    const selects = (options.labelSelector ?? options.fieldSelector) !== undefined;
    return {
      items: snapshot.items.slice(Number(offset), end) as T[],
      resourceVersion: snapshot.version,
      ...(left > 0 ? { continue: `${snapshot.id}:${end}` } : {}),
      ...(left > 0 && !selects ? { remainingItemCount: left } : {}),
    };
  }

  create<T extends KubeObject>(kind: Kind<T>, draft: Draft<T>, writer: Writer = {}): T {
    const table = this.table(kind);
    const object = this.#fresh(table, draft);
    const owners = new FieldOwners();
    owners.update({}, ownable(object), nameOf(writer, 'Update'), table.listKeys);
    return this.#write(table, undefined, object, owners) as T;
  }

  replace<T extends KubeObject>(kind: Kind<T>, object: T, writer: Writer = {}): T {
    const table = this.table(kind);
    const stored = this.#stored(table, object.metadata);
    if ((object.metadata.resourceVersion ?? '') === '') {
      throw invalid(table.kind, object.metadata.name, 'metadata.resourceVersion: must be specified for an update');
    }
    this.#expectSame(table, stored, object.metadata);
    return this.#update(table, stored, object, writer) as T;
  }

  patch<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, patch: Patch, writer: Writer = {}): T {
    const table = this.table(kind);
    const stored = this.#stored(table, ref);
    if (patch.type === 'strategic') throw refused(415, 'UnsupportedMediaType', 'no strategic merge patches here');
    const after =
      patch.type === 'json' ? jsonPatched(stored.object, patch.body) : mergePatched(stored.object, patch.body);
    this.#expectUnchangedIdentity(table, stored, (after as KubeObject).metadata, writer);
    return this.#update(table, stored, after as KubeObject, writer) as T;
  }

  /** Changes what is there now, whoever wrote in between. For the world around: a Job controller, a kubelet. */
  update<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, change: (object: T) => T, writer: Writer = {}): T {
    const table = this.table(kind);
    const stored = this.#stored(table, ref);
    return this.#update(table, stored, change(stored.object as T), writer) as T;
  }

  apply<T extends KubeObject>(kind: Kind<T>, draft: Draft<T>, options: ApplyOptions): T {
    const table = this.table(kind);
    this.#expectSubresource(table, options);
    const { name = '', namespace, uid } = draft.metadata;
    const stored = table.objects.get(refKey({ ...(namespace === undefined ? {} : { namespace }), name }));
    const writer = nameOf(options, 'Apply');
    if (stored === undefined) {
      if (options.subresource !== undefined) throw notFound(table.kind, name);
      if (uid !== undefined) throw conflict(table.kind, name, 'uid mismatch: there is no object');
      // A resourceVersion, of an object that is gone, does not matter here.
      const { resourceVersion: _, ...metadata } = draft.metadata;
      const object = this.#fresh(table, { ...draft, metadata });
      const owners = new FieldOwners();
      owners.apply({}, ownable(object), writer, false, table.listKeys);
      return this.#write(table, undefined, object, owners) as T;
    }
    const live = ownable(stored.object);
    const { status, ...rest } = ownable(draft) as { status?: unknown };
    const config = options.subresource === 'status' ? { status } : table.options.status ? rest : { ...rest, status };
    const owners = stored.owners.copy();
    const applied = owners.apply(live, structuredClone(config), writer, options.force === true, table.listKeys);
    if ('conflicts' in applied) throw applyConflict(applied.conflicts);
    this.#expectUnchangedIdentity(table, stored, draft.metadata, options);
    if ('emptied' in applied)
      throw invalid(table.kind, name, `${applied.emptied}: Invalid value: "null": must be an object`);
    return this.#write(table, stored, tidied(withContents(stored.object, applied.object)), owners) as T;
  }

  delete<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options: DeleteOptions): void {
    const table = this.table(kind);
    const stored = this.#stored(table, ref);
    const { object } = stored;
    const { metadata } = object;
    this.#expectSame(table, stored, options.preconditions ?? {});
    this.#admit({ operation: 'delete', kind: table.kind, object, before: object });
    const finalizers = new Set(metadata.finalizers);
    if (options.propagationPolicy === 'Foreground') finalizers.add('foregroundDeletion');
    if (options.propagationPolicy === 'Orphan') finalizers.add('orphan');
    const begun = metadata.deletionTimestamp !== undefined;
    // A second deletion may only shorten the time.
    const most = begun ? (metadata.deletionGracePeriodSeconds ?? 0) : (table.options.gracePeriodSeconds?.(object) ?? 0);
    const grace = Math.min(options.gracePeriodSeconds ?? most, most);
    const deleting: ObjectMeta = {
      ...metadata,
      ...(finalizers.size === 0 ? {} : { finalizers: [...finalizers] }),
      deletionTimestamp: metadata.deletionTimestamp ?? this.#time(grace),
      deletionGracePeriodSeconds: grace,
      ...(counts(table) && !begun ? { generation: (metadata.generation ?? 0) + 1 } : {}),
    };
    this.#commit(table, stored, { ...object, metadata: deleting }, stored.owners);
  }

  post(path: string, body: object): object {
    const handler = this.#posts.get(path);
    if (handler === undefined) throw refused(404, 'NotFound', 'the server could not find the requested resource');
    return frozen(structuredClone(handler(structuredClone(body))));
  }

  /** For tests: fields by writer. */
  ownersOf<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Record<string, string[]> {
    return this.#stored(this.table(kind), ref).owners.toJSON();
  }

  /** Forgets the past: watches that begin there, and lists of which not all pages are read, get 410. */
  compact(): void {
    this.#compacted = this.#version;
    this.#snapshots.clear();
    for (const table of this.#tables.values()) table.events = [];
  }

  /** @throws KubeApiError Expired */
  eventsSince(table: Table, version: string): readonly StoredEvent[] {
    if (Number(version) < this.#compacted) throw expired(`too old resource version: ${version} (${this.#compacted})`);
    return table.events.filter((it) => it.version > Number(version));
  }

  /** @throws KubeApiError NotFound for a kind that was not registered */
  table<T extends KubeObject>(kind: Kind<T>): Table {
    const table = this.#tables.get(idOf(kind));
    if (table === undefined)
      throw refused(404, 'NotFound', `the server does not know ${kind.plural} of ${kind.apiVersion}`);
    return table;
  }

  #stored(table: Table, ref: ObjectRef): Stored {
    const stored = table.objects.get(refKey(ref));
    if (stored === undefined) throw notFound(table.kind, ref.name);
    return stored;
  }

  #snapshot(items: readonly KubeObject[]): Snapshot {
    this.#lists += 1;
    return { id: `list-${this.#lists}`, version: this.version, items };
  }

  /** An object that is about to be there for the first time. */
  #fresh(table: Table, draft: Draft<KubeObject>): KubeObject {
    const { kind, options } = table;
    const { generateName, ...given } = draft.metadata;
    const name = given.name ?? (generateName === undefined ? '' : `${generateName}${this.#suffix()}`);
    if (name === '') throw invalid(kind, '', 'metadata.name: Required value: name or generateName is required');
    const namespace = given.namespace ?? '';
    if (kind.namespaced && namespace === '') throw badRequest('an empty namespace may not be set during creation');
    if ((given.resourceVersion ?? '') !== '')
      throw badRequest('resourceVersion should not be set on objects to be created');
    const ref = kind.namespaced ? { namespace, name } : { name };
    if (table.objects.has(refKey(ref))) throw alreadyExists(kind, name);
    const { status, ...contents } = draft;
    const { labels, annotations, finalizers, ownerReferences } = given;
    const fresh = {
      ...contents,
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      ...(options.status || status === undefined ? {} : { status }),
      metadata: {
        ...ref,
        ...(labels === undefined ? {} : { labels }),
        ...(annotations === undefined ? {} : { annotations }),
        ...(finalizers === undefined ? {} : { finalizers }),
        ...(ownerReferences === undefined ? {} : { ownerReferences }),
        uid: uuid(this.#random),
        resourceVersion: '',
        creationTimestamp: this.#time(0),
        ...(counts(table) ? { generation: 1 } : {}),
      },
    };
    return tidied(structuredClone(fresh));
  }

  /** Whoever names a UID or a resourceVersion means that object, in that state. */
  #expectSame(table: Table, stored: Stored, { uid, resourceVersion }: Partial<ObjectMeta>): void {
    const { metadata } = stored.object;
    if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== metadata.resourceVersion) {
      const why = 'the object has been modified; please apply your changes to the latest version';
      throw conflict(table.kind, metadata.name, why);
    }
    if (uid !== undefined && uid !== metadata.uid) {
      throw conflict(table.kind, metadata.name, `Precondition failed: UID in precondition: ${uid}`);
    }
  }

  /**
   * The same for patches: there another UID is an attempt to change it, and of the status of a custom resource the
   * server takes nothing but the status, so that it does not even look at the UID.
   */
  #expectUnchangedIdentity(table: Table, stored: Stored, metadata: Partial<ObjectMeta>, writer: Writer): void {
    const { uid, ...others } = metadata;
    this.#expectSame(table, stored, others);
    if (uid === undefined || uid === stored.object.metadata.uid) return;
    if (writer.subresource === 'status' && isCustom(table.kind)) return;
    const why = `Invalid value: "${uid}": field is immutable`;
    throw invalid(table.kind, stored.object.metadata.name, why, 'metadata.uid');
  }

  #expectSubresource(table: Table, { subresource }: Writer): void {
    if (subresource === 'status' && !table.options.status) {
      throw refused(404, 'NotFound', 'the server could not find the requested resource');
    }
  }

  #update(table: Table, stored: Stored, object: KubeObject, writer: Writer): KubeObject {
    this.#expectSubresource(table, writer);
    const before = stored.object;
    const metadata = { ...object.metadata, ...serverOwned(before.metadata) };
    const sent = tidied(structuredClone({ ...object, metadata }));
    const after = isolated(table, before, sent, writer.subresource) as KubeObject;
    const owners = stored.owners.copy();
    owners.update(ownable(before), ownable(after), nameOf(writer, 'Update'), table.listKeys);
    return this.#write(table, stored, after, owners);
  }

  #write(table: Table, stored: Stored | undefined, object: KubeObject, owners: FieldOwners): KubeObject {
    const { defaults, validate } = table.options;
    const before = stored?.object;
    const after = defaults?.(object) ?? object;
    const problem = finalizerProblem(before, after) ?? validate?.(after, before);
    if (problem !== undefined) throw invalid(table.kind, after.metadata.name, problem);
    this.#admit({ operation: before === undefined ? 'create' : 'update', kind: table.kind, object: after, before });
    return this.#commit(table, stored, after, owners);
  }

  #admit(admission: Admission): void {
    const refusal = this.admit(admission);
    if (refusal !== undefined) throw refusal;
  }

  #commit(table: Table, stored: Stored | undefined, object: KubeObject, owners: FieldOwners): KubeObject {
    const before = stored?.object;
    const key = keyOf(object);
    // A new owner of a field is a change too, although no reader sees it here.
    if (stored !== undefined && sameJson(before, object) && sameJson(stored.owners.toJSON(), owners.toJSON())) {
      return stored.object;
    }
    this.#version += 1;
    const generation =
      before !== undefined && isNewGeneration(table, before, object)
        ? { generation: (object.metadata.generation ?? 0) + 1 }
        : {};
    const metadata = { ...object.metadata, ...generation, resourceVersion: this.version };
    const after = frozen({ ...object, metadata });
    const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = metadata;
    const gone = deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0 && finalizers.length === 0;
    if (gone) table.objects.delete(key);
    else table.objects.set(key, { object: after, owners });
    const type = gone ? 'DELETED' : before === undefined ? 'ADDED' : 'MODIFIED';
    const event: StoredEvent = { type, version: this.#version, object: after, before };
    table.events.push(event);
    for (const listener of [...table.listeners]) listener(event);
    return after;
  }

  #time(seconds: number): string {
    return new Date(this.#clock.now() + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  #suffix(): string {
    return Array.from({ length: 5 }, () => 'bcdfghjklmnpqrstvwxz2456789'[Math.floor(this.#random() * 27)]).join('');
  }
}

/** Groups of Kubernetes itself have no dot, or end like this. */
function isCustom({ group }: Kind<KubeObject>): boolean {
  return group.includes('.') && !group.endsWith('.k8s.io');
}

function idOf(kind: Kind<KubeObject>): string {
  return `${kind.plural}.${kind.group}`;
}

function nameOf({ fieldManager = 'test', subresource }: Writer, operation: 'Apply' | 'Update'): string {
  return `${fieldManager} ${operation}${subresource === undefined ? '' : `/${subresource}`}`;
}

function finalizerProblem(before: KubeObject | undefined, after: KubeObject): string | undefined {
  if (before?.metadata.deletionTimestamp === undefined) return undefined;
  const added = after.metadata.finalizers?.filter((it) => !before.metadata.finalizers?.includes(it)) ?? [];
  if (added.length === 0) return undefined;
  return `metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found ${added.join()}`;
}
