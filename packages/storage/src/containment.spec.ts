import { execFileSync } from 'node:child_process';
import { link, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../test/fixtures/temporary-directory.js';
import { type FileOperations, nodeFileOperations } from './file-operations.js';
import { Volume } from './volume.js';

const unsafe = expect.objectContaining({ code: 'unsafe-path' });

describe('a path that is not plain segments below the root is refused before the disk is asked', () => {
  const attacks: [what: string, path: string][] = [
    ['nothing', ''],
    ['the root itself', '.'],
    ['the directory above', '..'],
    ['a way up', '../etc/passwd'],
    ['a way up in the middle', 'uploads/../../etc/passwd'],
    ['a way up that stays inside', 'uploads/../jobs/x'],
    ['a way up at the end', 'uploads/..'],
    ['a dot segment', 'uploads/./x'],
    ['an absolute path', '/etc/passwd'],
    ['an absolute path with two slashes', '//etc/passwd'],
    ['an empty segment', 'uploads//x'],
    ['a trailing slash', 'uploads/x/'],
    ['Windows separators', 'uploads\\..\\..\\x'],
    ['a drive', 'C:\\x'],
    ['NUL', 'uploads/x\0.png'],
    ['NUL at the end', 'uploads/x\0'],
    ['a new line', 'uploads/x\n'],
    ['a delete character', 'uploads/\u007f'],
    ['a C1 control character', 'uploads/\u0085'],
    ['a name too long for any file system', `uploads/${'x'.repeat(256)}`],
    ['a name too long in bytes though not in characters', `uploads/${'ж'.repeat(128)}`],
    ['a path that is too long', Array.from({ length: 300 }, () => 'x').join('/')],
  ];
  it.each(attacks)('%s', (_what, path) => {
    expect(() => new Volume('/data').resolve(path)).toThrow(unsafe);
  });

  it('anything but a string', () => {
    for (const path of [undefined, null, 7, ['a'], { toString: () => 'a' }]) {
      expect(() => new Volume('/data').resolve(path as string)).toThrow(unsafe);
    }
  });
});

describe('what only looks like an attack stays an ordinary name', () => {
  const names: [what: string, path: string][] = [
    ['percent encoding is not decoded', 'uploads/%2e%2e%2fetc%2fpasswd'],
    ['double encoding', 'uploads/%252e%252e/x'],
    ['one-dot leaders for dots', 'uploads/\u2024\u2024/x'],
    ['full-width stops', 'uploads/\uff0e\uff0e/x'],
    ['a full-width slash', 'uploads/..\uff0fx'],
    ['a division slash', 'uploads/..\u2215x'],
    ['three dots', 'uploads/.../x'],
    ['a hidden file', 'uploads/.x'],
    ['a shell’s favourites', 'inbox/$(reboot);`id`|x & "y" \'z\''],
    ['a name like an option', 'inbox/-rf'],
    ['decomposed letters', 'inbox/cafe\u0301.wav'],
    ['right-to-left override', 'inbox/\u202egpj.wav'],
  ];
  it.each(names)('%s', (_what, path) => {
    expect(new Volume('/data').resolve(path)).toBe(`/data/${path}`);
  });
});

describe('the root is a directory, not a prefix', () => {
  it('a sibling whose name begins like the root is outside', async () => {
    const directory = await aTemporaryDirectory();
    await mkdir(join(directory, 'data'));
    await mkdir(join(directory, 'data-secret'));
    await writeFile(join(directory, 'data-secret', 'x'), 'secret');
    const volume = new Volume(join(directory, 'data'));
    expect(() => volume.resolve('../data-secret/x')).toThrow(unsafe);
    await symlink(join(directory, 'data-secret'), join(directory, 'data', 'inbox'));
    await expect(volume.resolveExisting('inbox/x')).rejects.toThrow(unsafe);
  });

  it('a relative root is refused', () => {
    expect(() => new Volume('data')).toThrow(expect.objectContaining({ code: 'volume-unusable' }));
  });
});

describe('no link is followed', () => {
  async function aVolume() {
    const directory = await aTemporaryDirectory();
    const root = join(directory, 'volume');
    await mkdir(join(root, 'inbox', 'album'), { recursive: true });
    await writeFile(join(root, 'inbox', 'album', 'song.wav'), 'song');
    await mkdir(join(directory, 'outside'));
    await writeFile(join(directory, 'outside', 'secret'), 'secret');
    return { directory, root, volume: new Volume(root) };
  }

  const links: [what: string, target: (directory: string) => string, path: string][] = [
    ['a file link that leaves', (d) => join(d, 'outside/secret'), 'inbox/link'],
    ['a relative file link that leaves', () => '../../outside/secret', 'inbox/link'],
    ['a file link that stays inside', () => 'album/song.wav', 'inbox/link'],
    ['a directory link that leaves', (d) => join(d, 'outside'), 'inbox/link/secret'],
    ['a directory link that stays inside', () => 'album', 'inbox/link/song.wav'],
    ['a link to nothing', () => 'gone', 'inbox/link'],
    ['a link to itself', () => 'link', 'inbox/link'],
    ['a link to itself in the way', () => 'link', 'inbox/link/x'],
    ['a link to the root', (d) => join(d, 'volume'), 'inbox/link/inbox/album/song.wav'],
  ];
  it.each(links)('%s', async (_what, target, path) => {
    const { directory, root, volume } = await aVolume();
    await symlink(target(directory), join(root, 'inbox', 'link'));
    await expect(volume.resolveExisting(path)).rejects.toThrow(unsafe);
    await expect(volume.open(path)).rejects.toThrow(unsafe);
  });

  it('the root itself may be reached through a link', async () => {
    const { directory, root } = await aVolume();
    await symlink(root, join(directory, 'mounted'));
    const volume = new Volume(join(directory, 'mounted'));
    await expect(volume.resolveExisting('inbox/album/song.wav')).resolves.toBe(join(root, 'inbox/album/song.wav'));
    await expect(volume.ensureDirectory('jobs/x/work')).resolves.toBe(join(root, 'jobs/x/work'));
  });

  it('a directory for writing is not made behind a link', async () => {
    const { directory, root, volume } = await aVolume();
    await symlink(join(directory, 'outside'), join(root, 'jobs'));
    await expect(volume.ensureDirectory('jobs/x/work')).rejects.toThrow(unsafe);
    await rm(join(root, 'jobs'));
    await symlink('gone', join(root, 'jobs'));
    await expect(volume.ensureDirectory('jobs/x/work')).rejects.toThrow(unsafe);
    await rm(join(root, 'jobs'));
    await mkdir(join(root, 'jobs', 'other'), { recursive: true });
    await symlink('other', join(root, 'jobs', 'x'));
    await expect(volume.ensureDirectory('jobs/x/work')).rejects.toThrow(unsafe);
    expect(await readdir(join(directory, 'outside'))).toEqual(['secret']);
    expect(await readdir(join(root, 'jobs', 'other'))).toEqual([]);
  });

  it('a directory that exists is taken without a change to any above it', async () => {
    const { root } = await aVolume();
    await mkdir(join(root, 'jobs', 'x'), { recursive: true });
    const made: string[] = [];
    const files: FileOperations = {
      ...nodeFileOperations,
      makeDirectory: async (path) => void made.push(path),
    };
    const volume = new Volume(root, { files });
    await expect(volume.ensureDirectory('jobs/x')).resolves.toBe(join(root, 'jobs/x'));
    expect(made).toEqual([]);
    await expect(volume.ensureDirectory('jobs/x/work')).rejects.toThrow();
    expect(made).toEqual([join(root, 'jobs/x/work')]);
  });
});

describe('only files and directories are taken', () => {
  it('a pipe is refused without waiting for a writer', async () => {
    const root = await aTemporaryDirectory();
    execFileSync('mkfifo', [join(root, 'pipe')]);
    await expect(new Volume(root).resolveExisting('pipe')).rejects.toThrow(unsafe);
    await expect(new Volume(root).resolveExisting('pipe', 'any')).rejects.toThrow(unsafe);
  });

  it('a directory is no file, and a file no directory', async () => {
    const root = await aTemporaryDirectory();
    await mkdir(join(root, 'a'));
    await writeFile(join(root, 'b'), '');
    const volume = new Volume(root);
    await expect(volume.resolveExisting('a')).rejects.toThrow(unsafe);
    await expect(volume.resolveExisting('b', 'directory')).rejects.toThrow(unsafe);
    await expect(volume.resolveExisting('a', 'directory')).resolves.toBe(join(root, 'a'));
  });

  it('a missing file is "input-not-found" and names the path as the person wrote it', async () => {
    const volume = new Volume(await aTemporaryDirectory());
    const want = expect.objectContaining({
      code: 'input-not-found',
      message: 'There is no "inbox/gone.wav" on the media volume.',
    });
    await expect(volume.resolveExisting('inbox/gone.wav')).rejects.toThrow(want);
    await writeFile(join(volume.root, 'inbox'), 'a file where a directory should be');
    await expect(volume.resolveExisting('inbox/gone.wav')).rejects.toThrow(want);
  });

  it('an opened file reads what was checked', async () => {
    const root = await aTemporaryDirectory();
    await writeFile(join(root, 'a'), 'content');
    await link(join(root, 'a'), join(root, 'b'));
    const file = await new Volume(root).open('b');
    expect(await file.readFile('utf8')).toBe('content');
    await file.close();
  });
});
