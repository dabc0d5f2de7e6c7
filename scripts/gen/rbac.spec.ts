import { expect, it } from 'vitest';
import { withTable } from './rbac.ts';

const BEGIN = '<!-- rbac: written by "npm run gen" -->\n';

it('the table of rights takes the place of the last one', () => {
  expect(withTable(`a\n${BEGIN}old\n<!-- /rbac -->\nb\n`, 'new\n')).toBe(`a\n${BEGIN}new\n<!-- /rbac -->\nb\n`);
});

it.each([
  ['no mark', 'a\n'],
  ['no end', `a\n${BEGIN}b\n`],
])('%s: nothing is written', (_name, text) => {
  expect(() => withTable(text, 'new\n')).toThrow(/no place/);
});
