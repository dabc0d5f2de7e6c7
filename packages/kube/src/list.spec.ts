import { describe, expect, it } from 'vitest';
import { anObject } from '../test/manual-source.js';
import { aList, expired, internal, ScriptedApi } from '../test/scripted-api.js';
import { ConfigMaps } from './kinds.js';
import { listAll } from './list.js';

const a = anObject('x/a');
const b = anObject('x/b');
const c = anObject('x/c');

describe('listAll', () => {
  it('follows the pages, 500 objects each, and tells the version of the first', async () => {
    const api = new ScriptedApi();
    api.pages.push({ ...aList('7', a), continue: 'p2' }, { ...aList('7', b), continue: 'p3' }, aList('7', c));
    expect(await listAll(api, ConfigMaps, { labelSelector: 'k=v', namespace: 'x' })).toEqual({
      items: [a, b, c],
      resourceVersion: '7',
    });
    expect(api.calls).toEqual(['x list', 'x list after=p2', 'x list after=p3']);
    expect(api.lists.map((it) => [it.limit, it.labelSelector])).toEqual([
      [500, 'k=v'],
      [500, 'k=v'],
      [500, 'k=v'],
    ]);
  });

  it('asks once more, in one piece, when the pages have expired', async () => {
    const api = new ScriptedApi();
    api.pages.push({ ...aList('7', a), continue: 'p2' }, expired(), aList('9', a, c));
    expect(await listAll(api, ConfigMaps, { pageSize: 1 })).toEqual({ items: [a, c], resourceVersion: '9' });
    expect(api.lists.map((it) => it.limit)).toEqual([1, 1, undefined]);
  });

  it('does not ask a third time', async () => {
    const api = new ScriptedApi();
    api.pages.push({ ...aList('7', a), continue: 'p2' }, expired(), expired());
    await expect(listAll(api, ConfigMaps)).rejects.toMatchObject({ status: 410 });
    expect(api.calls.length).toBe(3);
  });

  it.each([
    ['the first page', [expired()]],
    ['the first page', [internal()]],
    ['a later page', [{ ...aList('7', a), continue: 'p2' }, internal()]],
  ])('throws the error of %s', async (_, pages) => {
    const api = new ScriptedApi();
    api.pages.push(...pages);
    await expect(listAll(api, ConfigMaps)).rejects.toBe(pages.at(-1));
    expect(api.calls.length).toBe(pages.length);
  });
});
