import { z } from 'zod';

/** A rule in CEL, judged by the API server on every write. */
export interface ValidationRule {
  readonly rule: string;
  /** What a person reads when it does not hold: what is wrong and, where it is not plain, what to do. */
  readonly message: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
  /** The field below this one that the answer names, such as `.source`. */
  readonly fieldPath?: string;
}

/** JSON Schema as a CustomResourceDefinition takes it. */
export interface StructuralSchema {
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly required?: readonly string[];
  readonly items?: StructuralSchema;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

/** What the API server should know of a field, and JSON Schema cannot say. */
export interface FieldExtension {
  readonly rules?: readonly ValidationRule[];
  /** Of a list whose items are told apart by this field: server-side apply then merges it item by item. */
  readonly listMapKey?: string;
  /** Of a list of scalars: none is named twice. */
  readonly set?: true;
  /** Keywords of the schema that the rules here say instead. */
  readonly instead?: readonly ('pattern' | 'format')[];
  readonly default?: unknown;
}

/** Field (`.spec.source`, `.status.stages[].name`; the whole object is '') → extension. */
export type FieldExtensions = Readonly<Record<string, FieldExtension>>;

/** The contract has something that a CustomResourceDefinition cannot say, or that the API server would refuse. */
export class StructuralError extends Error {
  override readonly name = 'StructuralError';
  readonly code = 'not-structural';
}

type Node = Readonly<Record<string, unknown>>;

/**
 * The structural schema of a zod schema, as https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 * asks for it. Unknown fields are dropped by the API server, so objects say nothing of them. Everything has a bound: the
 * API server estimates the cost of each rule from the largest object there can be.
 *
 * @throws StructuralError that names every field which is not described, not bounded, a union, a map, or whose pattern RE2
 *   does not know
 */
export function structuralSchema(schema: z.ZodType, extensions: FieldExtensions = {}): StructuralSchema {
  const root = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    reused: 'inline',
    unrepresentable: 'any',
  });
  const problems: string[] = [];
  const unused = new Set(Object.keys(extensions));
  const result = convert(root as Node, '');
  for (const path of unused) problems.push(`${path || 'the object'}: there is an extension for it, but no such field`);
  if (problems.length > 0) throw new StructuralError(problems.join('\n'));
  return result;

  function convert(node: Node, path: string): StructuralSchema {
    const where = path || 'the object';
    const refuse = (why: string): void => {
      problems.push(`${where}: ${why}`);
    };
    unused.delete(path);
    const extension = extensions[path] ?? {};
    for (const keyword of UNIONS) {
      if (keyword in node)
        refuse(`${keyword} is a union: make its members optional, and say which may be given by a rule`);
    }
    for (const keyword of Object.keys(node)) {
      if (!KNOWN.has(keyword)) refuse(`the API server does not know the keyword ${keyword}`);
    }
    if (!path.endsWith('[]') && typeof node.description !== 'string') refuse('it has no description');
    for (const keyword of extension.instead ?? []) {
      if (!(keyword in node)) refuse(`a rule replaces its ${keyword}, but it has none`);
      if (!extension.rules?.length) refuse(`its ${keyword} is dropped, and no rule says it instead`);
    }
    return {
      ...pick(node, 'description'),
      ...typed(node, path, extension, refuse),
      ...pick({ default: extension.default ?? node.default }, 'default'),
      ...(extension.rules && { 'x-kubernetes-validations': extension.rules }),
    };
  }

  function typed(node: Node, path: string, extension: FieldExtension, refuse: (why: string) => void): StructuralSchema {
    if (node.nullable === true) refuse('null is not the same as left out: make it optional');
    switch (node.type) {
      case 'object':
        return objectOf(node, path, refuse);
      case 'array':
        return arrayOf(node, path, extension, refuse);
      case 'string':
        return stringOf(node, extension, refuse);
      case 'integer':
        return { type: 'integer', ...integerBounds(node), ...pick(node, 'multipleOf', 'enum') };
      case 'number':
        return { type: 'number', format: 'double', ...pick(node, ...BOUNDS, 'multipleOf', 'enum') };
      case 'boolean':
        return { type: 'boolean', ...pick(node, 'enum') };
      default:
        refuse('it has no one type');
        return { type: 'object' };
    }
  }

  function objectOf(node: Node, path: string, refuse: (why: string) => void): StructuralSchema {
    // `false` is what the API server does anyway: it prunes.
    if (node.additionalProperties !== undefined && node.additionalProperties !== false) {
      refuse('it is a map of unknown keys: name its fields');
    }
    const properties = Object.entries((node.properties ?? {}) as Record<string, Node>);
    return {
      type: 'object',
      ...pick(node, 'required'),
      properties: Object.fromEntries(properties.map(([name, child]) => [name, convert(child, `${path}.${name}`)])),
    };
  }

  function arrayOf(
    node: Node,
    path: string,
    { listMapKey, set }: FieldExtension,
    refuse: (why: string) => void,
  ): StructuralSchema {
    if (node.maxItems === undefined) refuse('the list has no maxItems');
    if (typeof node.items !== 'object' || node.items === null) {
      refuse('its items are not of one kind');
      return { type: 'array' };
    }
    const items = convert(node.items as Node, `${path}[]`);
    if (listMapKey !== undefined && !items.required?.includes(listMapKey)) {
      refuse(`its items need not have ${listMapKey}, which tells them apart`);
    }
    if (set === true && (items.type === 'object' || items.type === 'array')) refuse('a set is a list of scalars');
    return {
      type: 'array',
      ...pick(node, 'minItems', 'maxItems'),
      'x-kubernetes-list-type': listMapKey === undefined ? (set ? 'set' : 'atomic') : 'map',
      ...(listMapKey !== undefined && { 'x-kubernetes-list-map-keys': [listMapKey] }),
      items,
    };
  }
}

function stringOf(node: Node, { instead = [] }: FieldExtension, refuse: (why: string) => void): StructuralSchema {
  if (node.enum !== undefined) return { type: 'string', ...pick(node, 'enum') };
  // Zod's own long pattern says no more than the format, and that bounds the length.
  if (node.format === 'date-time') return { type: 'string', format: 'date-time' };
  if (node.maxLength === undefined) refuse('the text has no maxLength');
  if (node.format !== undefined && !instead.includes('format')) {
    refuse(`format ${String(node.format)} means another thing to the API server: say it by a rule`);
  }
  const keepsPattern = typeof node.pattern === 'string' && !instead.includes('pattern');
  if (keepsPattern && NOT_RE2.test(node.pattern as string)) {
    refuse('its pattern looks around or back, which RE2 cannot: say it by a rule');
  }
  return { type: 'string', ...pick(node, 'minLength', 'maxLength'), ...(keepsPattern && pick(node, 'pattern')) };
}

/** What zod says of every integer: those that a double holds exactly. */
const isSafeBound = (value: unknown): boolean => value === Number.MAX_SAFE_INTEGER || value === Number.MIN_SAFE_INTEGER;

function integerBounds(node: Node): Pick<StructuralSchema, 'format' | 'minimum' | 'maximum'> {
  const bounds = Object.fromEntries(Object.entries(pick(node, ...BOUNDS)).filter(([, value]) => !isSafeBound(value)));
  const fits = (bound: unknown) => typeof bound === 'number' && Math.abs(bound) <= 0x7fff_ffff;
  return { format: fits(bounds.minimum) && fits(bounds.maximum) ? 'int32' : 'int64', ...bounds };
}

function pick(node: Node, ...keywords: string[]): object {
  return Object.fromEntries(
    keywords.filter((keyword) => node[keyword] !== undefined).map((keyword) => [keyword, node[keyword]]),
  );
}

const UNIONS = ['oneOf', 'anyOf', 'allOf', 'not'] as const;
const BOUNDS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'] as const;
const KNOWN: ReadonlySet<string> = new Set([
  ...UNIONS,
  ...BOUNDS,
  'type',
  'description',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'enum',
  'default',
  'nullable',
  'format',
  'pattern',
  'minLength',
  'maxLength',
  'multipleOf',
  'minItems',
  'maxItems',
  'propertyNames',
]);

/** Look-around, and references to what a group has matched: https://github.com/google/re2/wiki/Syntax */
const NOT_RE2 = /\(\?(=|!|<=|<!)|\\[1-9]|\\k</;
