import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const WEB = join(import.meta.dirname, '../..');

/** Builds the page as it ships, once for the same sources, beside the packages. Returns the folder. */
export async function buildPage(): Promise<string> {
  const outDir = join(WEB, 'node_modules/.cache/page', sourcesHash());
  if (!existsSync(join(outDir, 'index.html'))) {
    // In a process of its own: a test runner's NODE_ENV would bring React's development build.
    const vite = join(WEB, '../../node_modules/vite/bin/vite.js');
    await promisify(execFile)(process.execPath, [vite, 'build', '--outDir', outDir, '--emptyOutDir'], {
      cwd: WEB,
      env: { ...process.env, NODE_ENV: 'production' },
    });
  }
  return outDir;
}

function sourcesHash(): string {
  const hash = createHash('sha256');
  const roots = [
    'src',
    'public',
    'index.html',
    'vite.config.ts',
    'precompress.ts',
    'package.json',
    '../../packages/contract/src',
  ];
  for (const root of roots) {
    const path = join(WEB, root);
    const files = root.includes('.') && !root.endsWith('src') ? [path] : filesIn(path);
    for (const file of files.toSorted()) hash.update(file).update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.includes('.spec.'))
    .map((entry) => join(entry.parentPath, entry.name));
}
