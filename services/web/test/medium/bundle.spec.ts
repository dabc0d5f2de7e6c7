import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildPage } from '../mock/build-page.ts';

const KIB = 1024;
const FIRST_LOAD_KIB = 150;

let root: string;
let html: string;
beforeAll(async () => {
  root = await buildPage();
  html = readFileSync(join(root, 'index.html'), 'utf8');
});

/** The files that the browser fetches before the front page stands: those of the HTML, what they import, and the texts. */
function firstLoad(): Set<string> {
  const files = new Set<string>();
  const add = (path: string) => {
    if (files.has(path)) return;
    files.add(path);
    if (!path.endsWith('.js')) return;
    const code = readFileSync(join(root, path), 'utf8');
    for (const [, imported] of code.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) add(`assets/${imported}`);
  };
  for (const [, path] of html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)) if (path !== undefined) add(path);
  const texts = readdirSync(join(root, 'assets')).filter((name) => /^(en|ru)-.*\.js$/.test(name));
  expect(texts).toHaveLength(2);
  const larger = texts.toSorted((a, b) => size(`assets/${b}`) - size(`assets/${a}`))[0];
  add(`assets/${larger}`);
  return files;
}

const size = (path: string) => gzipSync(readFileSync(join(root, path))).length;

describe('the built page', () => {
  it(`loads at most ${FIRST_LOAD_KIB} KiB, compressed, before it stands`, () => {
    const files = [...firstLoad(), 'index.html'];
    const total = files.reduce((sum, path) => sum + size(path), 0);
    expect(files.length).toBeGreaterThan(4);
    expect(total / KIB, files.map((path) => `${path} ${size(path)}`).join('\n')).toBeLessThan(FIRST_LOAD_KIB);
  });

  it('brings the player, the menu and the uploader only when they are needed', () => {
    const first = [...firstLoad()].map((path) => readFileSync(join(root, path), 'utf8')).join('\n');
    const later = ['Upload-Offset', 'data-radix-popper-content-wrapper', 'caretPositionFromPoint'];
    expect(later.filter((mark) => first.includes(mark))).toEqual([]);
    const all = readdirSync(join(root, 'assets')).map((name) => readFileSync(join(root, 'assets', name), 'utf8'));
    expect(later.filter((mark) => !all.some((code) => code.includes(mark)))).toEqual([]);
  });

  it('does not contain the validator: types are enough for the page', () => {
    const code = readdirSync(join(root, 'assets')).map((name) => readFileSync(join(root, 'assets', name), 'utf8'));
    expect(code.some((text) => /ZodError|\$ZodType/.test(text))).toBe(false);
  });

  it('has neither a script nor a style in its HTML, as its policy wants', () => {
    expect(html).not.toMatch(/<style|style=|<script(?![^>]*\bsrc=)/);
  });
});
