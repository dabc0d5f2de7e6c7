import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { chartDocuments } from './gen/chart/index.ts';
import { manifestDocuments } from './gen/chart/manifests.ts';
import { codesDocument } from './gen/codes.ts';
import { configurationDocument } from './gen/configuration.ts';
import { crdDocuments } from './gen/crd.ts';
import { openApiDocuments } from './gen/openapi.ts';
import { rbacDocuments } from './gen/rbac.ts';
import { schemaDocuments } from './gen/schemas.ts';
import { build } from './setup/build.ts';
import { ROOT } from './setup/paths.ts';
import { say } from './setup/step.ts';

// npm run gen [-- --check]: writes what is derived from the contract; --check only says what is out of date.
const check = process.argv.includes('--check');
build();

const files: Record<string, string> = {
  'docs/CONFIGURATION.md': await configurationDocument(),
  'docs/CODES.md': await codesDocument(),
  ...(await schemaDocuments()),
  ...(await crdDocuments()),
  ...(await rbacDocuments()),
  ...(await openApiDocuments()),
  ...(await chartDocuments()),
};

const stale: string[] = [];
write(files);
// Rendered from what has just been written.
write(manifestDocuments());
if (stale.length > 0) {
  say(`${check ? 'out of date' : 'written'}: ${stale.join(', ')}`);
  if (check) {
    say('run "npm run gen" and commit the result');
    process.exitCode = 1;
  }
}

function write(documents: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(documents)) {
    const path = join(ROOT, name);
    if (current(path) === text) continue;
    stale.push(relative(ROOT, path));
    if (check) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.partial`, text);
    renameSync(`${path}.partial`, path);
  }
}

function current(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
