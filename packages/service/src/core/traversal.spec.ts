import { describe, expect, it } from 'vitest';
import { looksLikeTraversal, urlLooksLikeTraversal, valueAt } from './traversal.js';

describe('a refused value', () => {
  it.each([
    '../etc/passwd',
    'uploads/../../x',
    'uploads/..',
    '/etc/passwd',
    'a%2f..%2fb',
    '..\\x',
    'c:\\x',
    'a\0b',
    '%2e%2e/x',
    'uploads/%2e./x',
  ])('%j looks like an attempt to leave the volume', (value) => expect(looksLikeTraversal(value)).toBe(true));
  it.each(['uploads/01/source', 'a..b', 'talk...mp3', '', 12, null, undefined, 'inbox/Ann: part 2.mp3'])(
    '%j does not',
    (value) => expect(looksLikeTraversal(value)).toBe(false),
  );
  it.each([
    ['/v1/tasks/..%2f..%2fetc', true],
    ['/v1/%2e%2e/x', true],
    ['/v1/tasks/x%00', true],
    ['/v1/tasks/a', false],
    ['/search?q=/../x', false],
  ])('of the URL %s: %s', (url, want) => expect(urlLooksLikeTraversal(url)).toBe(want));
});

it('a field’s value is found by its path, and never on a prototype', () => {
  const body = { spec: { source: { path: 'x' }, list: [{ a: 1 }] } };
  expect(valueAt(body, 'spec.source.path')).toBe('x');
  expect(valueAt(body, 'spec.list.0.a')).toBe(1);
  expect(valueAt(body, 'spec.constructor.name')).toBeUndefined();
  expect(valueAt(undefined, 'spec')).toBeUndefined();
});
