import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Metafile } from 'esbuild';
import { ROOT } from '../setup/paths.ts';

const PACKAGE = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//;

/**
 * The licences of all packages that went into a bundle, and of what others made among our own sources, as each of them asks of
 * who passes it on.
 */
export function noticesOf(metafile: Metafile): string {
  const directories = new Set<string>();
  const own = new Set<string>();
  for (const output of Object.values(metafile.outputs))
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      if (bytesInOutput === 0) continue;
      const match = PACKAGE.exec(input);
      if (match) directories.add(match[0]);
      else own.add(dirname(input).replace('/dist', '/src'));
    }
  return [...[...directories].sort().map(notice), ...[...own].sort().flatMap(noticesAmongOurs)].join(
    `\n${'-'.repeat(72)}\n\n`,
  );
}

/** LICENSE.name beside sources: what others made of them. */
function noticesAmongOurs(directory: string): string[] {
  const path = join(ROOT, directory);
  if (!existsSync(path)) return [];
  const files = readdirSync(path).filter((it) => it.startsWith('LICENSE.'));
  return files.map(
    (it) => `${it.slice('LICENSE.'.length)} (${directory})\n\n${readFileSync(join(path, it), 'utf8').trim()}\n`,
  );
}

function notice(directory: string): string {
  const path = join(ROOT, directory);
  const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  const texts = readdirSync(path)
    .filter((it) => /^(licen[cs]e|notice|copying)/i.test(it))
    .sort()
    .map((it) => join(path, it))
    .filter((it) => existsSync(it))
    .map((it) => readFileSync(it, 'utf8').trim());
  return `${[`${String(name)} ${String(version)} (${String(license ?? 'see its text')})`, ...texts].join('\n\n')}\n`;
}
