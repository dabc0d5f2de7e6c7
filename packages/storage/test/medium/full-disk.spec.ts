import { spawnSync } from 'node:child_process';
import { readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  checkVolume,
  prepareVolume,
  Volume,
  withAtomicFile,
  writeFileAtomic,
  writeStreamAtomic,
} from '../../src/index.js';
import { aTemporaryDirectory } from '../fixtures/temporary-directory.js';

const LETS_IT_RUN = 'run it as root, in a container with CAP_SYS_ADMIN: sudo npm run test:medium -w packages/storage';

/** A real file system of 1 MiB, or undefined when this user may not mount one. */
async function aSmallDisk(): Promise<string | undefined> {
  const directory = await aTemporaryDirectory();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
  if (mounted.status !== 0) return undefined;
  onTestFinished(() => {
    spawnSync('umount', [directory]);
  });
  return directory;
}

describe('a disk that is really full', () => {
  it('refuses with storage-full, keeps every old file whole, frees what it had begun, and goes on once there is room', async ({
    skip,
  }) => {
    const root = await aSmallDisk();
    if (root === undefined) {
      if (process.env.CI === 'true') throw new Error(`A small file system cannot be mounted here; ${LETS_IT_RUN}`);
      return skip(LETS_IT_RUN);
    }
    await prepareVolume(root);
    const volume = new Volume(root);
    const directory = await volume.ensureDirectory('jobs/a');
    const path = join(directory, 'job.json');
    const options = { runId: 'run-1', files: volume.files };
    await writeFileAtomic(path, 'the old content', options);
    const freeBefore = (await statfs(root)).bavail;
    const full = expect.objectContaining({ code: 'storage-full' });
    const tooMuch = Buffer.alloc(2 << 20, 'x');

    await expect(writeFileAtomic(path, tooMuch, options)).rejects.toThrow(full);
    async function* stream() {
      for (let n = 0; n < 64; n++) yield tooMuch.subarray(0, 1 << 16);
    }
    await expect(writeStreamAtomic(path, stream(), options)).rejects.toThrow(full);
    await expect(withAtomicFile(path, options, (temporary) => writeFile(temporary, tooMuch))).rejects.toThrow(full);

    expect(await readdir(directory)).toEqual(['job.json']);
    expect(await readFile(path, 'utf8')).toBe('the old content');
    expect((await statfs(root)).bavail).toBe(freeBefore);

    const { bavail, bsize } = await statfs(root);
    await writeFile(join(root, 'filler'), Buffer.alloc(bavail * bsize));
    expect(await checkVolume(root)).toMatchObject({ full: true, freeBytes: 0 });
    await rm(join(root, 'filler'));
    expect(await checkVolume(root)).toMatchObject({ full: false });
    await writeFileAtomic(path, 'the new content', options);
    expect(await readFile(path, 'utf8')).toBe('the new content');
  });
});
