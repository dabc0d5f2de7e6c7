import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FaultPlan } from '../test/fixtures/fault-plan.js';
import { aTemporaryDirectory } from '../test/fixtures/temporary-directory.js';
import type { FileOperations } from './file-operations.js';
import { nodeFileOperations } from './file-operations.js';
import { layout } from './layout.js';
import { admit, formatBytes, freeSpace } from './space.js';
import { Volume } from './volume.js';
import { checkVolume, MARKER_NAME, prepareVolume } from './volume-check.js';

const unusable = (message: RegExp) =>
  expect.objectContaining({ code: 'volume-unusable', message: expect.stringMatching(message) });

describe('preparing a volume', () => {
  it('makes it once; several processes at once agree on its id', async () => {
    const root = join(await aTemporaryDirectory(), 'data');
    const states = await Promise.all(Array.from({ length: 8 }, () => prepareVolume(root)));
    expect(new Set(states.map((it) => it.id)).size).toBe(1);
    expect((await prepareVolume(root)).id).toBe(states[0]?.id);
    expect((await readdir(root)).sort()).toEqual([MARKER_NAME, 'inbox', 'jobs', 'logs', 'outputs', 'uploads']);
  });

  it('on a directory of another user says whose it is and what to run', async () => {
    const files: FileOperations = {
      ...nodeFileOperations,
      create: () => Promise.reject(Object.assign(new Error('denied'), { code: 'EACCES' })),
    };
    await expect(prepareVolume(await aTemporaryDirectory(), { files })).rejects.toThrow(
      unusable(/belongs to uid \d+, gid \d+ and this process is uid .* Run: chown/),
    );
  });
});

describe('checking a volume', () => {
  it('leaves nothing behind', async () => {
    const root = await aTemporaryDirectory();
    const { id } = await prepareVolume(root);
    const before = await readdir(root);
    expect(await checkVolume(root, { expectedId: id })).toMatchObject({ id, full: false });
    expect(await readdir(root)).toEqual(before);
  });

  it('notices that nothing is mounted, or another volume', async () => {
    const root = await aTemporaryDirectory();
    await expect(checkVolume(root)).rejects.toThrow(unusable(/is not a media volume: .* Is the volume mounted\?/));
    const other = await aTemporaryDirectory();
    const { id } = await prepareVolume(other);
    await prepareVolume(root);
    await expect(checkVolume(root, { expectedId: id })).rejects.toThrow(unusable(/Another volume is mounted/));
  });

  it('a damaged marker is said to be one', async () => {
    const root = await aTemporaryDirectory();
    await writeFile(join(root, MARKER_NAME), '{');
    await expect(checkVolume(root)).rejects.toThrow(unusable(/damaged/));
  });

  it('a full disk is a state of a usable volume; a read-only one is not usable', async () => {
    const root = await aTemporaryDirectory();
    await prepareVolume(root);
    const full = new FaultPlan({ at: 1, fault: 'ENOSPC' });
    expect(await checkVolume(root, { files: full })).toMatchObject({ full: true });
    expect(await readdir(root)).not.toContainEqual(expect.stringMatching(/partial/));
    const readOnly: FileOperations = {
      ...nodeFileOperations,
      create: () => Promise.reject(Object.assign(new Error('read-only'), { code: 'EROFS' })),
    };
    await expect(checkVolume(root, { files: readOnly })).rejects.toThrow(unusable(/read-only/));
  });
});

describe('admission', () => {
  it('lets work begin that leaves the reserve, and says how much is missing otherwise', async () => {
    const volume = new Volume(await aTemporaryDirectory());
    const { freeBytes, totalBytes } = await freeSpace(volume.root);
    expect(freeBytes).toBeGreaterThan(0);
    expect(totalBytes).toBeGreaterThanOrEqual(freeBytes);
    await admit(volume, 0, 0);
    await expect(admit(volume, 1024, totalBytes + 1)).rejects.toThrow(
      expect.objectContaining({
        code: 'storage-full',
        message: expect.stringMatching(/^The disk is too full: this needs 1 KiB and .* must stay free/),
      }),
    );
  });

  it('asks the file system that a directory would be made on', async () => {
    const root = await aTemporaryDirectory();
    expect((await freeSpace(join(root, 'not', 'yet'))).totalBytes).toBe((await freeSpace(root)).totalBytes);
  });

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [20 * 1024 ** 3, '20 GiB'],
    [5 * 1024 ** 5, '5120 TiB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('the layout', () => {
  const id = '0b9e5f0c-3c55-4b62-9f3b-6d2f3f1d2a10';
  it('puts manifests of work into work and those of results beside the results', () => {
    expect(layout.stepManifest(id, 'convert')).toBe(`jobs/${id}/work/convert.manifest.json`);
    expect(layout.stepManifest(id, 'transcribe', 3)).toBe(`jobs/${id}/work/transcribe-3.manifest.json`);
    expect(layout.stepManifest(id, 'finalize')).toBe(`outputs/${id}/finalize.manifest.json`);
    expect(layout.stepManifest(id, 'render')).toBe(`outputs/${id}/render.manifest.json`);
    expect(layout.part(id, 12)).toBe(`jobs/${id}/work/parts/000012.json`);
  });

  it.each(['..', '.', '', 'a/b', 'a\\b', 'a\0'])('takes no id that is more than a name: %j', (bad) => {
    expect(() => layout.job(bad)).toThrow(expect.objectContaining({ code: 'unsafe-path' }));
    expect(() => layout.output(id, bad)).toThrow(expect.objectContaining({ code: 'unsafe-path' }));
    expect(() => layout.logs('main', bad)).toThrow(expect.objectContaining({ code: 'unsafe-path' }));
  });
});
