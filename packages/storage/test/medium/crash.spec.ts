import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isPartialName } from '../../src/atomic-write.js';
import { sweep } from '../../src/sweep.js';
import { Volume } from '../../src/volume.js';
import { aTemporaryDirectory } from '../fixtures/temporary-directory.js';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const jobId = '0b9e5f0c-3c55-4b62-9f3b-6d2f3f1d2a10';
const oldContent = 'the old content';
const newContent = 'new'.repeat(500_000);

/** Runs a writer that ends by SIGKILL at its `at`-th operation. */
function writeAndDie(path: string, at: number, fault: string, ifAbsent: boolean) {
  const child = spawnSync(
    process.execPath,
    [
      '--conditions=@mediajob/source',
      '--import',
      here('../fixtures/typescript-sources.mjs'),
      here('./crash-child.ts'),
      path,
      String(at),
      fault,
      ifAbsent ? 'if-absent' : '',
    ],
    { encoding: 'utf8' },
  );
  return { killed: child.signal === 'SIGKILL', status: child.status, stderr: child.stderr };
}

describe.each([
  { name: 'replacing a file', ifAbsent: false, operations: 6, kind: 'kill' },
  { name: 'replacing a file, dying halfway through the write', ifAbsent: false, operations: 6, kind: 'kill-halfway' },
  { name: 'writing a file that must not exist yet', ifAbsent: true, operations: 7, kind: 'kill' },
])('$name: a writer killed at any operation', ({ ifAbsent, operations, kind }) => {
  it('leaves the old file or the new one, whole, and the sweep removes the rest', async () => {
    const volume = new Volume(await aTemporaryDirectory());
    const directory = join(volume.root, 'jobs', jobId);
    const path = join(directory, 'job.json');
    const seen = new Set<string>();
    for (let at = 0; ; at++) {
      await mkdir(directory, { recursive: true });
      if (!ifAbsent) await writeFile(path, oldContent);
      const { killed, status, stderr } = writeAndDie(path, at, kind, ifAbsent);
      if (!killed) {
        expect(status, stderr).toBe(0);
        expect(at).toBe(operations);
        break;
      }
      const names = await readdir(directory);
      const content = names.includes('job.json') ? await readFile(path, 'utf8') : undefined;
      expect([ifAbsent ? undefined : oldContent, newContent]).toContain(content);
      seen.add(content === newContent ? 'new' : 'old');
      expect(names.filter((it) => it !== 'job.json').every(isPartialName)).toBe(true);

      const later = new Date(Date.now() + 24 * 3_600_000);
      await sweep(volume, { dryRun: false, now: later, knownJobs: new Set([jobId]) });
      expect(await readdir(directory)).toEqual(content === undefined ? [] : ['job.json']);
      if (ifAbsent && content !== undefined) await sweep(volume, { dryRun: false, now: later, knownJobs: new Set() });
    }
    // Both happened: the kills did fall on either side of the moment that matters.
    expect([...seen].sort()).toEqual(['new', 'old']);
  });
});
