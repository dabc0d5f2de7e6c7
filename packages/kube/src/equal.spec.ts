import { describe, expect, it } from 'vitest';
import { type ListKeys, sameJson } from './equal.js';

const keys: ListKeys = { 'status.conditions': ['type'], 'status.stages': ['name'], 'status.stages.marks': [] };

describe('two values are the same', () => {
  const same: [string, unknown, unknown][] = [
    ['scalars', 'a', 'a'],
    ['nothing', undefined, undefined],
    ['null', null, null],
    ['properties in another order', { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }],
    ['a property that is undefined and none', { a: 1, b: undefined }, { a: 1 }],
    ['lists', [1, { a: 2 }], [1, { a: 2 }]],
    [
      'items of a list that is a map in another order',
      { conditions: [{ type: 'A' }, { type: 'B', x: 1 }] },
      { conditions: [{ type: 'B', x: 1 }, { type: 'A' }] },
    ],
    [
      'items of a set within an item in another order',
      { stages: [{ name: 'a', marks: ['x', 'y'] }] },
      { stages: [{ name: 'a', marks: ['y', 'x'] }] },
    ],
  ];
  it.each(same)('%s', (_, one, other) => {
    expect(sameJson(one, other, keys, 'status')).toBe(true);
    expect(sameJson(other, one, keys, 'status')).toBe(true);
  });
});

describe('two values differ', () => {
  const different: [string, unknown, unknown][] = [
    ['scalars', 1, 2],
    ['null and nothing', null, undefined],
    ['types', 1, '1'],
    ['an object and a list', {}, []],
    ['an object and null', {}, null],
    ['another property', { a: 1 }, { a: 1, b: 2 }],
    ['null and a property that is not there', { a: null }, {}],
    ['deep inside', { a: { b: [{ c: 1 }] } }, { a: { b: [{ c: 2 }] } }],
    ['the order of a list', [1, 2], [2, 1]],
    ['the length of a list', [1], [1, 1]],
    ['an item of a list that is a map', { conditions: [{ type: 'A', x: 1 }] }, { conditions: [{ type: 'A', x: 2 }] }],
    ['a key of a list that is a map', { conditions: [{ type: 'A' }] }, { conditions: [{ type: 'B' }] }],
    [
      'the order of a list below one that is a map',
      { stages: [{ name: 'a', list: [1, 2] }] },
      { stages: [{ name: 'a', list: [2, 1] }] },
    ],
  ];
  it.each(different)('%s', (_, one, other) => {
    expect(sameJson(one, other, keys, 'status')).toBe(false);
    expect(sameJson(other, one, keys, 'status')).toBe(false);
  });
});
