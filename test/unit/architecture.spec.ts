import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** What each part may import of ours: arrows point down only (docs/ARCHITECTURE.md). */
const MAY_IMPORT: Record<string, string[]> = {
  'packages/contract': [],
  'packages/storage': ['contract'],
  'packages/media': ['contract', 'storage'],
  'packages/speech': ['contract', 'storage'],
  'packages/pipeline': ['contract', 'storage'],
  'packages/steps': ['contract', 'storage', 'media', 'speech'],
  'packages/service': ['contract', 'storage'],
  'packages/kube': [],
  'services/converter': ['contract', 'storage', 'media', 'steps', 'service', 'service/nest', 'service/usage'],
  'services/transcriber': ['contract', 'storage', 'speech', 'steps', 'service', 'service/nest', 'service/usage'],
  'services/main': ['contract', 'storage', 'pipeline', 'service', 'service/nest', 'speech/text', 'kube'],
  'services/web': ['contract'],
  operator: ['contract', 'pipeline', 'service', 'kube'],
};

interface SourceFile {
  part: string;
  path: string;
  text: string;
  imports: string[];
}

function* walk(directory: string): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (['node_modules', 'dist', 'dist-types', 'build'].includes(entry.name)) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (/\.tsx?$/.test(entry.name)) yield path;
  }
}

const IMPORT = /(?:from|import)\s*\(?\s*'([^']+)'/g;

const sources: SourceFile[] = Object.keys(MAY_IMPORT).flatMap((part) =>
  [...walk(join(ROOT, part, 'src'))]
    .filter((path) => !path.includes('.spec.'))
    .map((path) => {
      const text = readFileSync(path, 'utf8');
      return {
        part,
        path: relative(ROOT, path).split(sep).join('/'),
        text,
        imports: [...text.matchAll(IMPORT)].map((match) => match[1] as string),
      };
    }),
);

describe('the architecture', () => {
  it('names every workspace', () => {
    const workspaces = ['packages', 'services'].flatMap((group) =>
      readdirSync(join(ROOT, group)).map((name) => `${group}/${name}`),
    );
    expect([...workspaces, 'operator'].sort()).toEqual(Object.keys(MAY_IMPORT).sort());
  });

  it('has arrows that point down only', () => {
    const wrong = sources.flatMap(({ part, path, imports }) =>
      imports
        .filter((it) => it.startsWith('@mediajob/'))
        .map((it) => it.slice('@mediajob/'.length))
        .filter((it) => !MAY_IMPORT[part]?.includes(it))
        .map((it) => `${path} imports ${it}`),
    );
    expect(wrong).toEqual([]);
  });

  it('declares in package.json each workspace that a part imports', () => {
    const wrong = Object.keys(MAY_IMPORT).flatMap((part) => {
      const declared = Object.keys(
        JSON.parse(readFileSync(join(ROOT, part, 'package.json'), 'utf8')).dependencies ?? {},
      );
      const used = new Set(
        sources
          .filter((it) => it.part === part)
          .flatMap((it) => it.imports)
          .filter((it) => it.startsWith('@mediajob/'))
          .map((it) => it.split('/').slice(0, 2).join('/')),
      );
      return [...used].filter((it) => !declared.includes(it)).map((it) => `${part} uses ${it}`);
    });
    expect(wrong).toEqual([]);
  });

  it('lets nothing but the services and the Nest part of packages/service import Nest', () => {
    const wrong = sources.filter(
      ({ path, imports }) =>
        imports.some((it) => it.startsWith('@nestjs/')) &&
        !path.startsWith('services/') &&
        !path.startsWith('packages/service/src/nest/'),
    );
    expect(wrong.map((it) => it.path)).toEqual([]);
  });

  it('writes files through packages/storage only', () => {
    // Logs are no documents: they rotate, and may be lost. A model and the engine are installed by their own rename.
    const allowed = [
      /^packages\/storage\//,
      /^packages\/service\/src\/core\/log/,
      /^packages\/speech\/src\/(models|engine)\//,
      /^services\/main\/src\/uploads\//,
    ];
    const writes = /\b(writeFileSync|writeFile|appendFile|appendFileSync|createWriteStream)\s*\(/;
    const wrong = sources.filter(({ path, text }) => writes.test(text) && !allowed.some((it) => it.test(path)));
    expect(wrong.map((it) => it.path)).toEqual([]);
  });

  it('starts child processes in three places only, and never through a shell', () => {
    const wrong = sources.filter(
      ({ path, imports }) =>
        imports.includes('node:child_process') && !/^packages\/(media|speech|storage|service|steps)\//.test(path),
    );
    expect(wrong.map((it) => it.path)).toEqual([]);
    const shells = sources.filter(({ text }) => /shell:\s*true|\bexecSync\(|\bexec\(['"`]/.test(text));
    expect(shells.map((it) => it.path)).toEqual([]);
  });

  it('reads the environment only where settings are parsed', () => {
    const allowed = [
      /^packages\/service\//,
      /^packages\/speech\/src\/(engine|models)\//,
      /^packages\/steps\/src\/job/,
      /^packages\/media\//,
      /\/(server|job|prepare)\.ts$/,
    ];
    const wrong = sources.filter(
      ({ path, text }) => /process\.env\b/.test(text) && !allowed.some((it) => it.test(path)),
    );
    expect(wrong.map((it) => it.path)).toEqual([]);
  });

  it('never injects HTML into the page', () => {
    const wrong = sources.filter(
      ({ part, text }) => part === 'services/web' && /dangerouslySetInnerHTML|\.innerHTML\s*=/.test(text),
    );
    expect(wrong.map((it) => it.path)).toEqual([]);
  });
});
