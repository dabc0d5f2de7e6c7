import { isRecord, itemKey, type ListKeys, sameJson } from '../../src/equal.js';

/** A step down: to a property, or to an item of a list that is a map or a set. */
type Segment = { readonly field: string } | { readonly item: string };
type Path = readonly Segment[];

/** Leaves of an object: scalars, lists that are no maps, what is empty; and that an item is in its list. */
export type FieldSet = ReadonlyMap<string, Path>;

/** A change of a field that somebody else applied. */
export interface FieldConflict {
  readonly manager: string;
  readonly field: string;
}

/** @param path of the value, without items, for `listKeys` */
export function fieldsOf(value: unknown, listKeys: ListKeys): FieldSet {
  const fields = new Map<string, Path>();
  collect(value, [], '', listKeys, fields);
  return fields;
}

function collect(value: unknown, path: Path, place: string, listKeys: ListKeys, into: Map<string, Path>): void {
  if (value === undefined) return;
  if (isRecord(value) && Object.values(value).some((it) => it !== undefined)) {
    for (const [field, member] of Object.entries(value)) {
      collect(member, down(path, { field }), below(place, field), listKeys, into);
    }
    return;
  }
  const keys = listKeys[place];
  // One without items is nobody's.
  if (Array.isArray(value) && keys !== undefined) {
    for (const member of value) {
      const item = down(path, { item: itemKey(member, keys) });
      into.set(nameOf(item), item);
      if (isRecord(member)) collect(member, item, place, listKeys, into);
    }
    return;
  }
  // An object as a whole is nobody's.
  if (path.length > 0) into.set(nameOf(path), path);
}

const names = new WeakMap<Path, string>();

/** As people read it: `.status.stages["convert"].percent`. */
function nameOf(path: Path): string {
  const known = names.get(path);
  if (known !== undefined) return known;
  const name = path.map(segmentName).join('');
  names.set(path, name);
  return name;
}

function segmentName(segment: Segment): string {
  return 'field' in segment ? `.${segment.field}` : segment.item;
}

/** One step further down. Its name follows from that of where it comes from: making names anew is most of the work. */
function down(path: Path, segment: Segment): Path {
  const further = [...path, segment];
  names.set(further, (path.length === 0 ? '' : nameOf(path)) + segmentName(segment));
  return further;
}

function below(place: string, field: string): string {
  return place === '' ? field : `${place}.${field}`;
}

/** The value at a path; undefined when there is none. */
function valueAt(value: unknown, path: Path, listKeys: ListKeys): unknown {
  let at = value;
  let place = '';
  for (const segment of path) {
    if ('field' in segment) {
      at = isRecord(at) ? at[segment.field] : undefined;
      place = below(place, segment.field);
    } else {
      const keys = listKeys[place] ?? [];
      at = Array.isArray(at) ? at.find((it) => itemKey(it, keys) === segment.item) : undefined;
    }
  }
  return at;
}

/** What server-side apply does with the values: maps are merged, everything else is replaced. */
function merged(live: unknown, applied: unknown, listKeys: ListKeys, place: string): unknown {
  if (isRecord(live) && isRecord(applied)) {
    const result: Record<string, unknown> = { ...live };
    for (const [field, value] of Object.entries(applied)) {
      if (value !== undefined) result[field] = merged(live[field], value, listKeys, below(place, field));
    }
    return result;
  }
  const keys = listKeys[place];
  if (keys !== undefined && Array.isArray(live) && Array.isArray(applied)) {
    return mergedItems(
      live,
      applied,
      (it) => itemKey(it, keys),
      (it, change) => merged(it, change, listKeys, place),
    );
  }
  return applied;
}

/**
 * In the order of Kubernetes (structured-merge-diff): items that are only there already stay before the next applied
 * one that was there too; what was there at another place moves to where it is applied.
 */
function mergedItems(
  live: readonly unknown[],
  applied: readonly unknown[],
  keyOf: (item: unknown) => string,
  merge: (item: unknown, change: unknown) => unknown,
): unknown[] {
  const present = new Map(live.map((it) => [keyOf(it), it]));
  const wanted = new Map(applied.map((it) => [keyOf(it), it]));
  const shared = [...wanted.keys()].filter((key) => present.has(key));
  const ahead = [...wanted.keys()];
  const result: unknown[] = [];
  for (const item of live) {
    const key = keyOf(item);
    if (!wanted.has(key)) {
      result.push(item);
      continue;
    }
    // Not the one whose turn it is: it comes, or came, where it is applied.
    if (key !== shared[0]) continue;
    for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
      result.push(present.has(next) ? merge(present.get(next), wanted.get(next)) : wanted.get(next));
      if (next === shared[0]) shared.shift();
      if (next === key) break;
    }
  }
  return [
    ...result,
    ...ahead.map((key) => (present.has(key) ? merge(present.get(key), wanted.get(key)) : wanted.get(key))),
  ];
}

/** Takes out what is at a path; what is empty because of that becomes null, as in structured-merge-diff. */
function without(value: unknown, path: Path, listKeys: ListKeys, place = ''): unknown {
  const [segment, ...rest] = path;
  if (segment === undefined) return value;
  if ('field' in segment) {
    if (!isRecord(value) || !(segment.field in value)) return value;
    const { [segment.field]: member, ...others } = value;
    if (rest.length > 0) {
      return { ...value, [segment.field]: without(member, rest, listKeys, below(place, segment.field)) };
    }
    return place !== '' && Object.keys(others).length === 0 ? null : others;
  }
  if (!Array.isArray(value)) return value;
  const isMeant = (it: unknown) => itemKey(it, listKeys[place] ?? []) === segment.item;
  if (rest.length > 0) return value.map((it) => (isMeant(it) ? without(it, rest, listKeys, place) : it));
  const others = value.filter((it) => !isMeant(it));
  return others.length === 0 && value.length > 0 ? null : others;
}

/**
 * What a write changed: leaves that are different, and everything that was not there, with all that is in it. Parts that
 * are the same are not gone into.
 */
function changedPaths(
  before: unknown,
  after: unknown,
  listKeys: ListKeys,
  path: Path = [],
  into: Map<string, Path> = new Map(),
): ReadonlyMap<string, Path> {
  if (before !== undefined && sameJson(before, after)) return into;
  const keys = listKeys[placeOf(path)];
  const isMap = Array.isArray(after) && keys !== undefined;
  if (path.length > 0 && (before === undefined || (!isRecord(after) && !isMap))) into.set(nameOf(path), path);
  if (isRecord(after)) {
    for (const [field, member] of Object.entries(after)) {
      if (member === undefined) continue;
      changedPaths(isRecord(before) ? before[field] : undefined, member, listKeys, down(path, { field }), into);
    }
  } else if (isMap) {
    const old = new Map((Array.isArray(before) ? before : []).map((it) => [itemKey(it, keys), it]));
    for (const member of after) {
      const item = itemKey(member, keys);
      changedPaths(old.get(item), member, listKeys, down(path, { item }), into);
    }
  }
  return into;
}

/** Where a path is, without items, as `listKeys` has it. */
function placeOf(path: Path): string {
  return path.flatMap((it) => ('field' in it ? [it.field] : [])).join('.');
}

const parents = new WeakMap<FieldSet, FieldSet>();

/** These fields and all objects and lists that they are in, but for items: those are owned by themselves. */
function withParents(fields: FieldSet): FieldSet {
  const known = parents.get(fields);
  if (known !== undefined) return known;
  const all = new Map(fields);
  parents.set(fields, all);
  for (const path of fields.values()) {
    let parent: Path = [];
    for (const segment of path.slice(0, -1)) {
      parent = down(parent, segment);
      if ('field' in segment) all.set(nameOf(parent), parent);
    }
  }
  return all;
}

/**
 * Who owns which fields of one object; the part of Kubernetes' managed fields that decides over conflicts and removals.
 * A writer is a manager with its way of writing and its subresource.
 */
export class FieldOwners {
  readonly #owned: Map<string, FieldSet>;

  constructor(owned: ReadonlyMap<string, FieldSet> = new Map()) {
    this.#owned = new Map(owned);
  }

  copy(): FieldOwners {
    return new FieldOwners(this.#owned);
  }

  /** Fields by writer. */
  toJSON(): Record<string, string[]> {
    return Object.fromEntries([...this.#owned].map(([writer, fields]) => [writer, [...fields.keys()].sort()]));
  }

  /**
   * Server-side apply: merges, removes what this writer applied before and now leaves out, unless it is somebody
   * else's too, and takes note.
   *
   * @returns the object; or, without `force`, the fields that are somebody else's and would change; or an object
   *   or a list that somebody owns and of which everything is removed: a server makes null of it, and finds that invalid
   */
  apply(
    live: object,
    config: object,
    writer: string,
    force: boolean,
    listKeys: ListKeys,
  ): { readonly object: object } | { readonly conflicts: readonly FieldConflict[] } | { readonly emptied: string } {
    const applied = fieldsOf(config, listKeys);
    const whole = merged(live, config, listKeys, '') as object;
    const conflicts = this.#conflicts(live, whole, applied, writer, listKeys);
    if (conflicts.length > 0 && !force) return { conflicts };
    for (const { manager, field } of conflicts) this.#disown(manager, (name) => name === field);
    const before = withParents(this.#owned.get(writer) ?? new Map());
    this.#owned.set(writer, applied);
    const kept = new Map([...this.#owned.values()].flatMap((it) => [...withParents(it)]));
    let object = whole;
    // Shortest first: with an object goes what is in it.
    const mine = [...before].sort(([, one], [, other]) => one.length - other.length);
    for (const [name, path] of mine) if (!kept.has(name)) object = without(object, path, listKeys) as object;
    // What holds nothing any more that could be owned goes too, such as an object with an empty list that is a map.
    const left = withParents(fieldsOf(object, listKeys));
    for (const [name, path] of mine) if (!left.has(name)) object = without(object, path, listKeys) as object;
    for (const [name, path] of fieldsOf(object, listKeys)) {
      // In metadata, null is nothing.
      const isContents = placeOf(path.slice(0, 1)) !== 'metadata';
      if (isContents && valueAt(object, path, listKeys) === null) return { emptied: name };
    }
    this.#forgetGone(object, listKeys);
    return { object };
  }

  /** Any other write: whoever changes a field owns it, and whoever makes an object or a list owns that too. */
  update(before: object, after: object, writer: string, listKeys: ListKeys): void {
    const changed = changedPaths(before, after, listKeys);
    for (const other of this.#owned.keys()) if (other !== writer) this.#disown(other, (name) => changed.has(name));
    if (changed.size > 0) this.#owned.set(writer, new Map([...(this.#owned.get(writer) ?? []), ...changed]));
    // What is owned was there before, so only what this write took away is not there any more.
    if (changedPaths(after, before, listKeys).size > 0) this.#forgetGone(after, listKeys);
  }

  #conflicts(live: object, whole: object, applied: FieldSet, writer: string, listKeys: ListKeys): FieldConflict[] {
    const conflicts: FieldConflict[] = [];
    for (const [field, path] of applied) {
      const isItem = 'item' in (path.at(-1) as Segment);
      if (isItem || sameJson(valueAt(live, path, listKeys), valueAt(whole, path, listKeys))) continue;
      for (const [manager, owned] of this.#owned) {
        if (manager !== writer && owned.has(field)) conflicts.push({ manager, field });
      }
    }
    return conflicts;
  }

  #disown(manager: string, isLost: (name: string) => boolean): void {
    const owned = [...(this.#owned.get(manager) ?? [])];
    const left = owned.filter(([name]) => !isLost(name));
    if (left.length === owned.length && left.length > 0) return;
    if (left.length === 0) this.#owned.delete(manager);
    else this.#owned.set(manager, new Map(left));
  }

  #forgetGone(object: object, listKeys: ListKeys): void {
    for (const [manager, fields] of [...this.#owned]) {
      this.#disown(manager, (name) => valueAt(object, fields.get(name) as Path, listKeys) === undefined);
    }
  }
}
