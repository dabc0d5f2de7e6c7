import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const PACKAGE = join(import.meta.dirname, '..');

it('the README shows the example that the compiler checks', () => {
  const example = readFileSync(join(PACKAGE, 'test/example.ts'), 'utf8');
  const shown = example.replace(/^(?=.)/gm, '    ');
  expect(readFileSync(join(PACKAGE, 'README.md'), 'utf8')).toContain(shown);
});
