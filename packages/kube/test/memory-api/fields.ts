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
      collect(member, [...path, { field }], below(place, field), listKeys, into);
    }
    return;
  }
  const keys = listKeys[place];
  if (Array.isArray(value) && keys !== undefined && value.length > 0) {
    for (const member of value) {
      const item = [...path, { item: itemKey(member, keys) }];
      into.set(nameOf(item), item);
      if (isRecord(member)) collect(member, item, place, listKeys, into);
    }
    return;
  }
  // An object as a whole is nobody's.
  if (path.length > 0) into.set(nameOf(path), path);
}

/** As people read it: `.status.stages["convert"].percent`. */
function nameOf(path: Path): string {
  return path.map((it) => ('field' in it ? `.${it.field}` : it.item)).join('');
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
    const wanted = new Map(applied.map((it) => [itemKey(it, keys), it]));
    const kept = live.map((it) => {
      const key = itemKey(it, keys);
      const value = wanted.get(key);
      wanted.delete(key);
      return value === undefined ? it : merged(it, value, listKeys, place);
    });
    return [...kept, ...wanted.values()];
  }
  return applied;
}

/** Takes a leaf out, and what is empty because of that. */
function without(value: unknown, path: Path, listKeys: ListKeys, place = ''): unknown {
  const [segment, ...rest] = path;
  if (segment === undefined) return undefined;
  if ('field' in segment) {
    if (!isRecord(value) || !(segment.field in value)) return value;
    const { [segment.field]: member, ...others } = value;
    const left = without(member, rest, listKeys, below(place, segment.field));
    if (left !== undefined) return { ...value, [segment.field]: left };
    return Object.keys(others).length === 0 && place !== '' ? undefined : others;
  }
  if (!Array.isArray(value)) return value;
  const keys = listKeys[place] ?? [];
  const left = value.flatMap((it) => {
    if (itemKey(it, keys) !== segment.item) return [it];
    const item = without(it, rest, listKeys, place);
    return item === undefined ? [] : [item];
  });
  return left.length === 0 ? undefined : left;
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

  /** For tests: fields by writer. */
  toJSON(): Record<string, string[]> {
    return Object.fromEntries([...this.#owned].map(([writer, fields]) => [writer, [...fields.keys()].sort()]));
  }

  /**
   * Server-side apply: merges, removes what this writer applied before and now leaves out, unless it is somebody
   * else's too, and takes note.
   *
   * @returns the object, or, without `force`, the fields that are somebody else's and would change
   */
  apply(
    live: object,
    config: object,
    writer: string,
    force: boolean,
    listKeys: ListKeys,
  ): { readonly object: object } | { readonly conflicts: readonly FieldConflict[] } {
    const applied = fieldsOf(config, listKeys);
    const conflicts = this.#conflicts(live, config, applied, writer, listKeys);
    if (conflicts.length > 0 && !force) return { conflicts };
    for (const { manager, field } of conflicts) this.#disown(manager, (name) => name === field);
    let object = merged(live, config, listKeys, '') as object;
    for (const [name, path] of this.#owned.get(writer) ?? []) {
      if (applied.has(name) || this.#isOthers(name, path, writer)) continue;
      object = without(object, path, listKeys) as object;
    }
    this.#owned.set(writer, applied);
    this.#forgetGone(object, listKeys);
    return { object };
  }

  /** Any other write: whoever changes a field owns it. */
  update(before: object, after: object, writer: string, listKeys: ListKeys): void {
    const changed = [...fieldsOf(after, listKeys)].filter(([, path]) => {
      const isItem = path.at(-1) !== undefined && 'item' in (path.at(-1) as Segment);
      const [old, now] = [valueAt(before, path, listKeys), valueAt(after, path, listKeys)];
      return isItem ? old === undefined : !sameJson(old, now);
    });
    const names = new Set(changed.map(([name]) => name));
    for (const other of this.#owned.keys()) if (other !== writer) this.#disown(other, (name) => names.has(name));
    this.#owned.set(writer, new Map([...(this.#owned.get(writer) ?? []), ...changed]));
    this.#forgetGone(after, listKeys);
  }

  #conflicts(live: object, config: object, applied: FieldSet, writer: string, listKeys: ListKeys): FieldConflict[] {
    const conflicts: FieldConflict[] = [];
    for (const [field, path] of applied) {
      const isItem = 'item' in (path.at(-1) as Segment);
      if (isItem || sameJson(valueAt(live, path, listKeys), valueAt(config, path, listKeys))) continue;
      for (const [manager, owned] of this.#owned) {
        if (manager !== writer && owned.has(field)) conflicts.push({ manager, field });
      }
    }
    return conflicts;
  }

  /** An item stays as long as anybody owns anything of it. */
  #isOthers(name: string, path: Path, writer: string): boolean {
    const isItem = 'item' in (path.at(-1) as Segment);
    return [...this.#owned].some(
      ([other, fields]) =>
        other !== writer &&
        (fields.has(name) || (isItem && [...fields.keys()].some((it) => it.startsWith(`${name}.`)))),
    );
  }

  #disown(manager: string, isLost: (name: string) => boolean): void {
    const left = [...(this.#owned.get(manager) ?? [])].filter(([name]) => !isLost(name));
    if (left.length === 0) this.#owned.delete(manager);
    else this.#owned.set(manager, new Map(left));
  }

  #forgetGone(object: object, listKeys: ListKeys): void {
    for (const [manager, fields] of [...this.#owned]) {
      this.#disown(manager, (name) => valueAt(object, fields.get(name) as Path, listKeys) === undefined);
    }
  }
}
