/**
 * Which lists are maps (`x-kubernetes-list-type: map`), by the path of the list without indexes:
 * `{'status.conditions': ['type']}`. Their order means nothing. A list with no keys, `[]`, is a set.
 */
export type ListKeys = Readonly<Record<string, readonly string[]>>;

/**
 * Whether two JSON values are the same to the API server: the order of properties means nothing, nor that of lists
 * that are maps, and a property that is undefined is not there.
 *
 * @param path of both values, for `listKeys`
 */
export function sameJson(one: unknown, other: unknown, listKeys: ListKeys = {}, path = ''): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) return sameList(one, other, listKeys, path);
  if (!isRecord(one) || !isRecord(other)) return false;
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].every((key) => sameJson(one[key], other[key], listKeys, path === '' ? key : `${path}.${key}`));
}

/** The key of an item in a list that is a map; in a set, of the item itself. */
export function itemKey(item: unknown, keys: readonly string[]): string {
  return JSON.stringify(keys.length === 0 ? item : keys.map((key) => (isRecord(item) ? (item[key] ?? null) : null)));
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sameList(one: readonly unknown[], other: readonly unknown[], listKeys: ListKeys, path: string): boolean {
  if (one.length !== other.length) return false;
  const keys = listKeys[path];
  if (keys === undefined) return one.every((item, i) => sameJson(item, other[i], listKeys, path));
  const byKey = new Map(other.map((item) => [itemKey(item, keys), item]));
  return one.every((item) => {
    const key = itemKey(item, keys);
    return byKey.has(key) && sameJson(item, byKey.get(key), listKeys, path);
  });
}
