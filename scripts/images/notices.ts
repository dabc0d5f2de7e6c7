import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { ROOT } from '../setup/paths.ts';

const PACKAGE = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//;

/** The licences of all packages that went into a bundle, as each of them asks of who passes it on. */
export function noticesOf(metafile: Metafile): string {
  const directories = new Set<string>();
  for (const output of Object.values(metafile.outputs))
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const match = PACKAGE.exec(input);
      if (match && bytesInOutput > 0) directories.add(match[0]);
    }
  return [...directories]
    .sort()
    .map(notice)
    .join(`\n${'-'.repeat(72)}\n\n`);
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
