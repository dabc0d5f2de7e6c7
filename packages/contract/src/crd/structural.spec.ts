import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type FieldExtensions, StructuralError, structuralSchema } from './structural.js';

const object = <Field extends z.ZodType>(field: Field) => z.strictObject({ field }).describe('An object.');
const text = z.string().max(8).describe('A text.');

/** The schema of one field. */
function fieldOf(field: z.ZodType, extensions?: FieldExtensions) {
  return structuralSchema(object(field), extensions).properties?.field;
}

function refusals(schema: z.ZodType, extensions?: FieldExtensions): string[] {
  try {
    structuralSchema(schema, extensions);
  } catch (error) {
    if (error instanceof StructuralError) return error.message.split('\n');
    throw error;
  }
  throw new Error('nothing was refused');
}

const rule = { rule: 'self != "x"', message: 'must not be x' };

describe('the structural schema', () => {
  it('says nothing of unknown fields, which the API server drops anyway', () => {
    expect(structuralSchema(object(text))).toEqual({
      description: 'An object.',
      type: 'object',
      required: ['field'],
      properties: { field: { description: 'A text.', type: 'string', maxLength: 8 } },
    });
  });

  it('keeps defaults, and asks for no field that has one', () => {
    const schema = structuralSchema(
      z
        .strictObject({ name: text.default('a'), inner: object(text.default('b')).prefault({}).describe('Inner.') })
        .describe('An object.'),
    );
    expect(schema.required).toBeUndefined();
    expect(schema.properties).toMatchObject({
      name: { default: 'a' },
      inner: { default: {}, properties: { field: { default: 'b' } } },
    });
  });

  it.each([
    ['a small count', z.int().min(1).max(9), { type: 'integer', format: 'int32', minimum: 1, maximum: 9 }],
    ['a count without an end', z.int().min(0), { type: 'integer', format: 'int64', minimum: 0 }],
    [
      'a count beyond 32 bits',
      z
        .int()
        .min(0)
        .max(2 ** 40),
      { type: 'integer', format: 'int64', minimum: 0, maximum: 2 ** 40 },
    ],
    [
      'an even number',
      z.int().min(2).max(8).multipleOf(2),
      { type: 'integer', format: 'int32', minimum: 2, maximum: 8, multipleOf: 2 },
    ],
    [
      'a number',
      z.number().gt(0).max(1),
      { type: 'number', format: 'double', minimum: 0, exclusiveMinimum: true, maximum: 1 },
    ],
    ['a flag', z.boolean(), { type: 'boolean' }],
    ['one of some words', z.enum(['a', 'b']), { type: 'string', enum: ['a', 'b'] }],
    ['one word', z.literal('a'), { type: 'string', enum: ['a'] }],
    ['a time', z.iso.datetime(), { type: 'string', format: 'date-time' }],
    [
      'a pattern',
      z
        .string()
        .min(1)
        .max(9)
        .regex(/^[a-z]+$/),
      { type: 'string', minLength: 1, maxLength: 9, pattern: '^[a-z]+$' },
    ],
    [
      'a list',
      z.array(text).min(1).max(3),
      {
        type: 'array',
        minItems: 1,
        maxItems: 3,
        'x-kubernetes-list-type': 'atomic',
        items: { description: 'A text.', type: 'string', maxLength: 8 },
      },
    ],
  ] as const)('knows %s', (_name, schema, wanted) => {
    expect(fieldOf((schema as z.ZodType).describe('A field.'))).toEqual({ description: 'A field.', ...wanted });
  });

  it('tells items apart by a key', () => {
    expect(
      fieldOf(z.array(object(text)).max(3).describe('A list.'), { '.field': { listMapKey: 'field' } }),
    ).toMatchObject({
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['field'],
    });
  });

  it('lets a set name nothing twice', () => {
    expect(fieldOf(z.array(text).max(3).describe('A set.'), { '.field': { set: true } })).toMatchObject({
      'x-kubernetes-list-type': 'set',
    });
  });

  it('puts rules where they are for, also at items and at the whole object', () => {
    const schema = structuralSchema(object(z.array(text).max(3).describe('A list.')), {
      '': { rules: [rule] },
      '.field': { rules: [rule] },
      '.field[]': { rules: [rule] },
    });
    expect(schema['x-kubernetes-validations']).toEqual([rule]);
    expect(schema.properties?.field?.['x-kubernetes-validations']).toEqual([rule]);
    expect(schema.properties?.field?.items?.['x-kubernetes-validations']).toEqual([rule]);
  });

  it('lets a rule say what a pattern or format cannot', () => {
    const extensions: FieldExtensions = { '.field': { instead: ['pattern'], rules: [rule] } };
    expect(
      fieldOf(
        z
          .string()
          .max(9)
          .regex(/^(?!x)/)
          .describe('A text.'),
        extensions,
      ),
    ).toEqual({
      description: 'A text.',
      type: 'string',
      maxLength: 9,
      'x-kubernetes-validations': [rule],
    });
    const ofFormat: FieldExtensions = { '.field': { instead: ['format'], rules: [rule] } };
    expect(fieldOf(z.url().max(9).describe('A text.'), ofFormat)).not.toHaveProperty('format');
  });

  it('takes a default that zod does not have', () => {
    expect(fieldOf(object(text.default('a')).optional(), { '.field': { default: {} } })).toMatchObject({ default: {} });
  });
});

describe('refused is', () => {
  it.each<[string, z.ZodType, string, FieldExtensions?]>([
    ['a field without a description', z.string().max(8), '.field: it has no description'],
    ['a text without an end', z.string().describe('A text.'), '.field: the text has no maxLength'],
    ['a list without an end', z.array(text).describe('A list.'), '.field: the list has no maxItems'],
    ['an item without an end', z.array(z.string()).max(3).describe('A list.'), '.field[]: the text has no maxLength'],
    [
      'a union',
      z.union([z.boolean(), text]).describe('Either.'),
      '.field: anyOf is a union: make its members optional, and say which may be given by a rule',
    ],
    [
      'a union told apart by a word',
      z
        .discriminatedUnion('kind', [
          z.strictObject({ kind: z.literal('a').describe('Kind.') }),
          z.strictObject({ kind: z.literal('b').describe('Kind.') }),
        ])
        .describe('Either.'),
      '.field: oneOf is a union: make its members optional, and say which may be given by a rule',
    ],
    [
      'an intersection',
      z.intersection(object(text), object(text)).describe('Both.'),
      '.field: allOf is a union: make its members optional, and say which may be given by a rule',
    ],
    ['anything at all', z.unknown().describe('Anything.'), '.field: it has no one type'],
    ['what JSON does not have', z.date().describe('A date.'), '.field: it has no one type'],
    ['a map', z.record(z.string(), text).describe('A map.'), '.field: it is a map of unknown keys: name its fields'],
    [
      'an open object',
      z.looseObject({ a: text }).describe('Open.'),
      '.field: it is a map of unknown keys: name its fields',
    ],
    ['null', text.nullable(), '.field: null is not the same as left out: make it optional'],
    [
      'a tuple',
      z.tuple([text, text]).describe('A pair.'),
      '.field[]: anyOf is a union: make its members optional, and say which may be given by a rule',
    ],
    ...(['(?=a)', '(?!a)', '(?<=a)', '(?<!a)', '(a)\\1', '(?<x>a)\\k<x>'].map((pattern) => [
      `the pattern ${pattern}`,
      z.string().max(8).regex(new RegExp(pattern)).describe('A text.'),
      '.field: its pattern looks around or back, which RE2 cannot: say it by a rule',
    ]) as [string, z.ZodType, string][]),
    [
      'a format that the API server reads in its own way',
      z.url().max(8).describe('An address.'),
      '.field: format uri means another thing to the API server: say it by a rule',
    ],
    [
      'an extension of a field that is not there',
      text,
      '.feild: there is an extension for it, but no such field',
      { '.feild': { set: true } },
    ],
    [
      'a pattern dropped without a rule',
      z.string().max(8).regex(/a/).describe('A text.'),
      '.field: its pattern is dropped, and no rule says it instead',
      { '.field': { instead: ['pattern'] } },
    ],
    [
      'a rule in place of a pattern that is not there',
      text,
      '.field: a rule replaces its pattern, but it has none',
      { '.field': { instead: ['pattern'], rules: [rule] } },
    ],
    [
      'a key that items may lack',
      z.array(object(text.optional())).max(3).describe('A list.'),
      '.field: its items need not have field, which tells them apart',
      { '.field': { listMapKey: 'field' } },
    ],
    [
      'a set of objects',
      z.array(object(text)).max(3).describe('A list.'),
      '.field: a set is a list of scalars',
      { '.field': { set: true } },
    ],
  ])('%s', (_name, field, message, extensions) => {
    expect(refusals(object(field), extensions)).toContain(message);
  });

  it('everything that is wrong, at once', () => {
    expect(refusals(z.strictObject({ a: z.string(), b: z.array(text) }))).toEqual([
      'the object: it has no description',
      '.a: it has no description',
      '.a: the text has no maxLength',
      '.b: it has no description',
      '.b: the list has no maxItems',
    ]);
  });
});
