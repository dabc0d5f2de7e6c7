import { isMap, isScalar, type Node, type Pair, parse, parseDocument, type YAMLMap } from 'yaml';

export interface JsonSchema {
  readonly [key: string]: unknown;
}

/** A value of the chart, with what its comment says. */
export interface ChartValue {
  readonly path: readonly string[];
  readonly description: string;
  readonly default: unknown;
  /** What `# @schema` adds. */
  readonly schema: JsonSchema;
  /** Empty: it is a leaf. */
  readonly children: readonly ChartValue[];
}

/**
 * Reads a values.yaml. The comment right above a key is its description; lines with `@schema` are YAML of what its JSON
 * Schema has besides, and a key with one is a leaf whatever its default looks like.
 *
 * @throws Error naming a key whose comment has no YAML
 */
export function chartValues(text: string): readonly ChartValue[] {
  const { contents } = parseDocument(text);
  if (!isMap(contents)) throw new Error('the values are no map');
  return valuesOf(contents, []);
}

function valuesOf(map: YAMLMap, above: readonly string[]): ChartValue[] {
  return map.items.map((pair, index) =>
    chartValue(pair as Pair<Node, Node | null>, index === 0 ? map : undefined, above),
  );
}

function chartValue(pair: Pair<Node, Node | null>, first: YAMLMap | undefined, above: readonly string[]): ChartValue {
  if (!isScalar(pair.key)) throw new Error(`a key in ${above.join('.')} is no word`);
  const path = [...above, String(pair.key.value)];
  // The parser gives the comment above the first key of a map to the map.
  const comment = pair.key.commentBefore ?? first?.commentBefore ?? '';
  const { description, schema } = read(comment, path);
  const { value } = pair;
  const branches = isMap(value) && value.items.length > 0 && Object.keys(schema).length === 0;
  return {
    path,
    description,
    schema,
    default: value?.toJSON() ?? null,
    children: branches ? valuesOf(value, path) : [],
  };
}

const SCHEMA = '@schema ';

function read(comment: string, path: readonly string[]): { description: string; schema: JsonSchema } {
  // Of several blocks above a key the last is its own.
  const block = comment.split(/\n\s*\n/).at(-1) ?? '';
  const lines = block.split('\n').map((line) => line.trim());
  const ours = lines.filter((line) => line.startsWith(SCHEMA)).map((line) => line.slice(SCHEMA.length));
  const schema = ours.map((text) => parse(text) as unknown);
  if (schema.some((it) => typeof it !== 'object' || it === null))
    throw new Error(`${path.join('.')}: @schema is no map`);
  return {
    description: lines
      .filter((line) => !line.startsWith(SCHEMA))
      .join(' ')
      .trim(),
    schema: Object.assign({}, ...(schema as object[])) as JsonSchema,
  };
}
