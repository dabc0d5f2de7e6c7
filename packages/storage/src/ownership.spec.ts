import { chmod, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../test/fixtures/temporary-directory.js';
import { checkAccess, isRefusedByOwner, ownershipError } from './ownership.js';
import { Volume } from './volume.js';

const refused = (code: string) => Object.assign(new Error(code), { code });

describe('something that is not ours', () => {
  it('is named with its owner, with us, and with the command that mends it', async () => {
    const volume = new Volume(await aTemporaryDirectory());
    await mkdir(join(volume.root, 'inbox'));
    await writeFile(join(volume.root, 'inbox', 'a.wav'), '');
    await chmod(join(volume.root, 'inbox', 'a.wav'), 0o600);
    const { uid, gid } = await stat(join(volume.root, 'inbox', 'a.wav'));
    const error = await ownershipError(volume, 'inbox/a.wav', 'read', refused('EACCES'));
    expect(error.code).toBe('volume-unusable');
    expect(error.message).toBe(
      `"inbox/a.wav" on the media volume belongs to uid ${uid}, gid ${gid} (mode 600), and this process is uid ` +
        `${process.getuid?.()}, gid ${process.getgid?.()}, which may not read it. Run once, as root: chown -R ` +
        `${process.getuid?.()}:${process.getgid?.()} ${volume.root}/inbox/a.wav (on Kubernetes fsGroup does it, unless the volume's driver ignores that).`,
    );
  });

  it.each([
    ['jobs/x/work', /^The media volume belongs to uid/],
    ['inbox/gone/x', /^"inbox" on the media volume belongs to uid/],
    ['inbox/link', /^"inbox\/link" on the media volume belongs to uid/],
  ])('%s is told by the nearest that there is', async (path, message) => {
    const volume = new Volume(await aTemporaryDirectory());
    await mkdir(join(volume.root, 'inbox'));
    await symlink('/nowhere', join(volume.root, 'inbox', 'link'));
    expect((await ownershipError(volume, path, 'write', refused('EACCES'))).message).toMatch(message);
  });

  it('a volume that is gone altogether still gives a sentence', async () => {
    const error = await ownershipError(new Volume('/nowhere/at/all'), 'jobs/x', 'write', refused('EACCES'));
    expect(error.message).toMatch(/^The media volume belongs to another user, .* chown -R \d+:\d+ \/nowhere\/at\/all/);
  });

  it('a read-only mount is told as what it is', async () => {
    const volume = new Volume(await aTemporaryDirectory());
    expect((await ownershipError(volume, 'jobs/x', 'write', refused('EROFS'))).message).toBe(
      'The media volume is mounted read-only. Mount it writable.',
    );
  });
});

it('what is ours passes', async () => {
  const volume = new Volume(await aTemporaryDirectory());
  await mkdir(join(volume.root, 'jobs'));
  await checkAccess(volume, 'jobs', 'write');
  await checkAccess(volume, 'jobs', 'read');
});

it.each([
  [refused('EACCES'), true],
  [new Error('a directory', { cause: refused('EPERM') }), true],
  [refused('ENOENT'), false],
  [new Error('something'), false],
])('%s: another owner is %s', (error, expected) => {
  expect(isRefusedByOwner(error)).toBe(expected);
});
