import { describe, expect, it } from 'vitest';
import { jsonPatched, mergePatched } from './patches.js';

describe('a merge patch', () => {
  const cases: [string, unknown, unknown, unknown][] = [
    ['sets and leaves', { a: 1, b: 2 }, { a: 3 }, { a: 3, b: 2 }],
    ['goes down', { a: { b: 1, c: 2 } }, { a: { b: 3 } }, { a: { b: 3, c: 2 } }],
    ['removes by null', { a: 1, b: 2 }, { a: null, gone: null }, { b: 2 }],
    ['replaces lists', { a: [1, 2] }, { a: [3] }, { a: [3] }],
    ['makes objects out of nothing, without the nulls', {}, { a: { b: { c: 1, d: null } } }, { a: { b: { c: 1 } } }],
    ['replaces what is no object', { a: 'text' }, { a: { b: 1 } }, { a: { b: 1 } }],
  ];
  it.each(cases)('%s', (_, target, patch, want) => {
    expect(mergePatched(target, patch)).toEqual(want);
  });
});

describe('a JSON patch', () => {
  const cases: [string, unknown, object[], unknown][] = [
    ['adds', { a: {} }, [{ op: 'add', path: '/a/b', value: 1 }], { a: { b: 1 } }],
    ['adds to the end of a list', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    ['adds into a list', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
    [
      'replaces',
      { a: [1, 2], b: 1 },
      [
        { op: 'replace', path: '/a/0', value: 3 },
        { op: 'replace', path: '/b', value: 2 },
      ],
      { a: [3, 2], b: 2 },
    ],
    [
      'removes',
      { a: [1, 2], b: 1 },
      [
        { op: 'remove', path: '/a/0' },
        { op: 'remove', path: '/b' },
      ],
      { a: [2] },
    ],
    [
      'tests',
      { a: [1], b: { c: 1 } },
      [
        { op: 'test', path: '/a/0', value: 1 },
        { op: 'test', path: '/b', value: { c: 1 } },
      ],
      { a: [1], b: { c: 1 } },
    ],
    ['unescapes keys', { 'a/b~c': 1 }, [{ op: 'remove', path: '/a~1b~0c' }], {}],
  ];
  it.each(cases)('%s', (_, target, patch, want) => {
    expect(jsonPatched(target, patch)).toEqual(want);
  });

  const refusals: [string, unknown, object[]][] = [
    ['a test that fails', { a: 1 }, [{ op: 'test', path: '/a', value: 2 }]],
    ['a test in a list that fails', { a: [1] }, [{ op: 'test', path: '/a/0', value: 2 }]],
    ['removing what is not there', {}, [{ op: 'remove', path: '/a' }]],
    ['removing an item that is not there', { a: [] }, [{ op: 'remove', path: '/a/0' }]],
    ['a place outside of a list', { a: [] }, [{ op: 'add', path: '/a/5', value: 1 }]],
    ['a way through what is no object', { a: 1 }, [{ op: 'add', path: '/a/b', value: 1 }]],
    ['the whole document', {}, [{ op: 'replace', path: '', value: {} }]],
    ['an unknown operation', { a: 1 }, [{ op: 'move', path: '/a' }]],
  ];
  it.each(refusals)('refuses %s, and changes nothing', (_, target, patch) => {
    const before = structuredClone(target);
    expect(() => jsonPatched(target, patch)).toThrow(expect.objectContaining({ status: 422, reason: 'Invalid' }));
    expect(target).toEqual(before);
  });
});
