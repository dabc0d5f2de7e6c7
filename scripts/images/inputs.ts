import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../setup/paths.ts';
import type { ImageName } from './programs.ts';

export const DOCKERFILES: Record<ImageName, string> = {
  main: 'Dockerfile.main',
  operator: 'Dockerfile.main',
  converter: 'Dockerfile.converter',
  transcriber: 'Dockerfile.transcriber',
};

/** The engine's sources are part of one image only. */
const NATIVE = 'packages/speech/native';

/** Changes with whatever an image is made from: the files that .dockerignore lets through, and the build's arguments. */
export function imageKey(image: ImageName, facts: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(facts));
  const files = contextFiles().filter((path) => image === 'transcriber' || !path.startsWith(`${NATIVE}/`));
  for (const path of [DOCKERFILES[image], ...files])
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(ROOT, path)))
      .update('\0');
  return hash.digest('hex').slice(0, 16);
}

/** Paths, relative to the checkout, of what is sent to a build. */
export function contextFiles(): string[] {
  const { roots, left } = readIgnoreFile(readFileSync(join(ROOT, '.dockerignore'), 'utf8'));
  const found: string[] = [];
  const visit = (path: string): void => {
    if (left(path.slice(path.lastIndexOf('/') + 1))) return;
    if (!statSync(join(ROOT, path)).isDirectory()) {
      found.push(path);
      return;
    }
    for (const name of readdirSync(join(ROOT, path)).sort()) visit(`${path}/${name}`);
  };
  for (const root of roots) visit(root);
  return found;
}

/** What our .dockerignore can say: everything is out, `!name` is in, and a name or an ending anywhere are out again. */
function readIgnoreFile(text: string): { roots: string[]; left(name: string): boolean } {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && line !== '*');
  const roots = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  const patterns = lines.filter((line) => !line.startsWith('!'));
  const odd = [...roots, ...patterns].find((line) => !/^((\*\*\/\*?)?[\w.-]+|[\w./-]+)$/.test(line));
  if (odd !== undefined) throw new Error(`.dockerignore says ${odd}, which this program does not understand`);
  const names = patterns.map((line) => line.replace('**/', ''));
  return {
    roots: roots.sort(),
    left: (name) => names.some((it) => (it.startsWith('*') ? name.endsWith(it.slice(1)) : name === it)),
  };
}
