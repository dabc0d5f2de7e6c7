import { mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../test/fixtures/temporary-directory.js';
import { partialName } from './atomic-write.js';
import { removeTree } from './remove-tree.js';
import { sweep } from './sweep.js';
import { Volume } from './volume.js';

const known = '11111111-1111-4111-8111-111111111111';
const gone = '22222222-2222-4222-8222-222222222222';
const now = new Date('2026-11-23T12:00:00Z');
const longAgo = new Date('2026-11-20T12:00:00Z');
const justNow = new Date('2026-11-23T11:59:00Z');

async function aVolume() {
  const volume = new Volume(await aTemporaryDirectory());
  const put = async (path: string, content: string, modified: Date) => {
    const absolute = join(volume.root, path);
    await mkdir(dirname(absolute), { recursive: true });
    await writeFile(absolute, content);
    await utimes(absolute, modified, modified);
    for (let above = dirname(absolute); above !== volume.root; above = dirname(above)) {
      await utimes(above, modified, modified);
    }
    return path;
  };
  return { volume, put };
}

describe('the sweep', () => {
  it('removes directories of jobs that no longer exist, and says how much room that made', async () => {
    const { volume, put } = await aVolume();
    await put(`jobs/${gone}/work/audio.wav`, '12345', longAgo);
    await put(`outputs/${gone}/transcript.srt`, '123', longAgo);
    await put(`jobs/${known}/work/audio.wav`, '12345', longAgo);
    const report = await sweep(volume, { dryRun: false, now, knownJobs: new Set([known]) });
    expect(report).toEqual({
      dryRun: false,
      bytes: 8,
      failed: [],
      removed: [
        { path: `jobs/${gone}`, why: 'orphan', bytes: 5 },
        { path: `outputs/${gone}`, why: 'orphan', bytes: 3 },
      ],
    });
    expect(await readdir(join(volume.root, 'jobs'))).toEqual([known]);
    expect(await readdir(join(volume.root, 'outputs'))).toEqual([]);
  });

  it('in a dry run only says so', async () => {
    const { volume, put } = await aVolume();
    await put(`jobs/${gone}/work/audio.wav`, '12345', longAgo);
    const report = await sweep(volume, { dryRun: true, now, knownJobs: new Set() });
    expect(report.removed).toEqual([{ path: `jobs/${gone}`, why: 'orphan', bytes: 5 }]);
    expect(await readdir(join(volume.root, 'jobs'))).toEqual([gone]);
  });

  it('without a list of jobs takes no directory for an orphan', async () => {
    const { volume, put } = await aVolume();
    await put(`jobs/${gone}/work/audio.wav`, '12345', longAgo);
    expect((await sweep(volume, { dryRun: false, now })).removed).toEqual([]);
  });

  it('leaves a young directory alone: its job may be about to appear', async () => {
    const { volume, put } = await aVolume();
    await put(`jobs/${gone}/old.txt`, 'old', longAgo);
    await put(`jobs/${gone}/work/deep/new.txt`, 'new', justNow);
    expect((await sweep(volume, { dryRun: false, now, knownJobs: new Set() })).removed).toEqual([]);
  });

  it('leaves names alone that are not ours, and uploads, which have a life of their own', async () => {
    const { volume, put } = await aVolume();
    await put('jobs/my-notes/x', 'x', longAgo);
    await put('jobs/loose-file', 'x', longAgo);
    await put('uploads/01JD0000000000000000000000/source', 'x', longAgo);
    await put('inbox/.talk.wav.run-1.0123456789ab.partial', 'x', longAgo);
    expect((await sweep(volume, { dryRun: false, now, knownJobs: new Set() })).removed).toEqual([]);
  });

  it('removes old temporary files everywhere, and no young ones', async () => {
    const { volume, put } = await aVolume();
    const old = await put(`jobs/${known}/work/parts/${partialName('000001.json', 'run-1')}`, '1234', longAgo);
    const upload = await put(`uploads/01JD0000000000000000000000/${partialName('upload.json', 'main')}`, '12', longAgo);
    await put(`jobs/${known}/work/${partialName('audio.wav', 'run-2')}`, 'being written', justNow);
    const report = await sweep(volume, { dryRun: false, now, knownJobs: new Set([known]) });
    expect(report.removed).toEqual([
      { path: upload, why: 'partial', bytes: 2 },
      { path: old, why: 'partial', bytes: 4 },
    ]);
    expect(await readdir(join(volume.root, `jobs/${known}/work`))).toHaveLength(2);
  });

  it('never follows a link: what it points to stays', async () => {
    const { volume, put } = await aVolume();
    const outside = await aTemporaryDirectory();
    await writeFile(join(outside, 'precious'), 'precious');
    await put(`jobs/${gone}/x`, 'x', longAgo);
    await symlink(outside, join(volume.root, `jobs/${gone}/link`));
    await utimes(join(volume.root, `jobs/${gone}`), longAgo, longAgo);
    await symlink(outside, join(volume.root, 'outputs'));
    await mkdir(join(outside, gone));
    await utimes(join(outside, gone), longAgo, longAgo);
    const report = await sweep(volume, { dryRun: false, now, knownJobs: new Set() });
    expect(report.removed.map((it) => it.path)).toEqual([`jobs/${gone}`]);
    expect((await readdir(outside)).sort()).toEqual([gone, 'precious']);
    expect(await readFile(join(outside, 'precious'), 'utf8')).toBe('precious');
  });
});

describe('removing a tree', () => {
  it('says whether there was one, and a second time is fine', async () => {
    const { volume, put } = await aVolume();
    await put(`jobs/${gone}/work/x`, 'x', longAgo);
    expect(await removeTree(volume, `jobs/${gone}`)).toBe(true);
    expect(await removeTree(volume, `jobs/${gone}`)).toBe(false);
    expect(await removeTree(volume, `nowhere/${gone}`)).toBe(false);
  });

  it('refuses whole directories of the volume and everything outside', async () => {
    const { volume, put } = await aVolume();
    await put('jobs/a/x', 'x', longAgo);
    for (const path of ['jobs', '.', '..', 'jobs/..', 'jobs/../outputs', '/tmp', '']) {
      await expect(removeTree(volume, path), path).rejects.toThrow(expect.objectContaining({ code: 'unsafe-path' }));
    }
    expect(await readdir(join(volume.root, 'jobs'))).toEqual(['a']);
  });

  it('removes a link in its place, not what it points to, and refuses to work behind one', async () => {
    const { volume, put } = await aVolume();
    const outside = await aTemporaryDirectory();
    await mkdir(join(outside, 'work'));
    await put('jobs/a/x', 'x', longAgo);
    await symlink(outside, join(volume.root, 'jobs', 'link'));
    await expect(removeTree(volume, 'jobs/link/work')).rejects.toThrow(
      expect.objectContaining({ code: 'unsafe-path' }),
    );
    expect(await removeTree(volume, 'jobs/link')).toBe(true);
    expect(await readdir(outside)).toEqual(['work']);
    expect(await readdir(join(volume.root, 'jobs'))).toEqual(['a']);
  });
});
