import { describe, expect, it } from 'vitest';
import { anObject } from '../test/manual-source.js';
import type { ObjectMeta } from './object.js';
import {
  allOf,
  annotationsChanged,
  anyOf,
  generationChanged,
  labelsChanged,
  type Predicate,
  resourceVersionChanged,
} from './predicates.js';

const update = (before: Partial<ObjectMeta>, after: Partial<ObjectMeta>) =>
  ({ type: 'updated', previous: anObject('ns/a', before), object: anObject('ns/a', after) }) as const;

const cases: Record<
  string,
  { predicate: Predicate; before: Partial<ObjectMeta>; after: Partial<ObjectMeta>; want: boolean }
> = {
  'a new generation counts': {
    predicate: generationChanged,
    before: { generation: 1 },
    after: { generation: 2 },
    want: true,
  },
  'the same generation does not': {
    predicate: generationChanged,
    before: { resourceVersion: '1' },
    after: { resourceVersion: '2' },
    want: false,
  },
  'a new resourceVersion counts': {
    predicate: resourceVersionChanged,
    before: { resourceVersion: '1' },
    after: { resourceVersion: '2' },
    want: true,
  },
  'the same resourceVersion does not': { predicate: resourceVersionChanged, before: {}, after: {}, want: false },
  'another value of a label counts': {
    predicate: labelsChanged(),
    before: { labels: { a: '1' } },
    after: { labels: { a: '2' } },
    want: true,
  },
  'the first label counts': { predicate: labelsChanged(), before: {}, after: { labels: { a: '' } }, want: true },
  'labels in another order do not': {
    predicate: labelsChanged(),
    before: { labels: { a: '1', b: '2' } },
    after: { labels: { b: '2', a: '1' } },
    want: false,
  },
  'annotations are not labels': {
    predicate: labelsChanged(),
    before: {},
    after: { annotations: { a: '1' } },
    want: false,
  },
  'one of the annotations asked for counts': {
    predicate: annotationsChanged('a', 'b'),
    before: { annotations: { a: '1' } },
    after: { annotations: { a: '1', b: '1' } },
    want: true,
  },
  'an annotation that went counts': {
    predicate: annotationsChanged('a'),
    before: { annotations: { a: '1' } },
    after: {},
    want: true,
  },
  'another annotation than those asked for does not': {
    predicate: annotationsChanged('a', 'b'),
    before: { annotations: { c: '1' } },
    after: { annotations: { c: '2' } },
    want: false,
  },
  'one of several is enough for anyOf': {
    predicate: anyOf(generationChanged, labelsChanged()),
    before: {},
    after: { labels: { a: '1' } },
    want: true,
  },
  'none is not enough for anyOf': {
    predicate: anyOf(generationChanged, labelsChanged()),
    before: {},
    after: {},
    want: false,
  },
  'one of several is not enough for allOf': {
    predicate: allOf(generationChanged, labelsChanged()),
    before: {},
    after: { labels: { a: '1' } },
    want: false,
  },
  'all are enough for allOf': {
    predicate: allOf(generationChanged, labelsChanged()),
    before: {},
    after: { labels: { a: '1' }, generation: 2 },
    want: true,
  },
};

describe('a predicate', () => {
  it.each(Object.entries(cases))('%s', (_, { predicate, before, after, want }) => {
    expect(predicate(update(before, after))).toBe(want);
  });

  it('always lets through what came or went', () => {
    for (const predicate of [generationChanged, resourceVersionChanged, labelsChanged('a'), annotationsChanged()]) {
      expect(predicate({ type: 'added', object: anObject('ns/a') })).toBe(true);
      expect(predicate({ type: 'deleted', object: anObject('ns/a') })).toBe(true);
    }
  });
});
