import { expect, it } from 'vitest';
import { refusalOf } from './refusal.ts';

it.each([
  ['an empty file', { size: 0, type: 'audio/mpeg' }, 'empty'],
  ['a file over the limit', { size: 101, type: 'audio/mpeg' }, 'tooLarge'],
  ['a picture', { size: 5, type: 'image/png' }, 'notMedia'],
  ['an archive', { size: 5, type: 'application/zip' }, 'notMedia'],
  ['a recording', { size: 5, type: 'audio/mpeg' }, undefined],
  ['an Ogg file of a browser that calls it application/ogg', { size: 5, type: 'application/ogg' }, undefined],
  ['a file whose type the browser does not know', { size: 5, type: '' }, undefined],
])('%s', (_name, file, want) => {
  expect(refusalOf(file, 100)).toBe(want);
});

it('refuses no size while the limit is unknown', () => {
  expect(refusalOf({ size: 1e15, type: '' }, undefined)).toBeUndefined();
});
