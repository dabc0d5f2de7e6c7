import { mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../test/fixtures/temporary-directory.js';
import { nodeFileOperations } from './file-operations.js';

const { makeDirectory } = nodeFileOperations;

describe('making a directory', () => {
  it('makes those above it, too; one that exists is fine, also for many at once', async () => {
    const root = await aTemporaryDirectory();
    const path = join(root, 'a/b/c/d');
    await Promise.all(Array.from({ length: 8 }, () => makeDirectory(path)));
    await makeDirectory(path);
    await makeDirectory(join(root, 'a/b/x'));
    expect((await stat(path)).isDirectory()).toBe(true);
    expect((await stat(join(root, 'a/b/x'))).mode & 0o007).toBe(0);
  });

  it('that is a link to one is fine: whether links are followed is for others to say', async () => {
    const root = await aTemporaryDirectory();
    await mkdir(join(root, 'real'));
    await symlink('real', join(root, 'link'));
    await makeDirectory(join(root, 'link'));
    await makeDirectory(join(root, 'link/x'));
    expect((await stat(join(root, 'real/x'))).isDirectory()).toBe(true);
  });

  it('says why it cannot', async () => {
    const root = await aTemporaryDirectory();
    await writeFile(join(root, 'file'), '');
    await expect(makeDirectory(join(root, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeDirectory(join(root, 'file/x/y'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    await symlink('gone', join(root, 'link'));
    await expect(makeDirectory(join(root, 'link'))).rejects.toMatchObject({ code: 'EEXIST' });
  });
});
