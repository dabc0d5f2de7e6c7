import { mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../test/fixtures/temporary-directory.js';
import { sha256Of } from './checksum.js';
import { readManifest, verifyManifest, writeManifest } from './manifest.js';
import { Volume } from './volume.js';

const jobId = '0b9e5f0c-3c55-4b62-9f3b-6d2f3f1d2a10';
const path = `jobs/${jobId}/work/convert.manifest.json`;

async function aManifest(content = 'audio'): Promise<{ volume: Volume; manifest: Manifest; file: string }> {
  const volume = new Volume(await aTemporaryDirectory());
  const file = join(await volume.ensureDirectory(volume.layout.work(jobId)), 'audio.wav');
  await writeFile(file, content);
  const manifest: Manifest = {
    schemaVersion: 1,
    jobId,
    stage: 'convert',
    shard: 0,
    runId: 'run-1',
    inputSha256: sha256Of('in'),
    parametersSha256: sha256Of('parameters'),
    tools: { ffmpeg: '7.1' },
    files: [{ path: volume.layout.audio(jobId), bytes: content.length, sha256: sha256Of(content) }],
    result: { stage: 'convert' },
    finishedAt: '2026-11-23T00:00:00.000Z',
  };
  return { volume, manifest, file };
}

describe('a manifest', () => {
  it('is read back as it was written, under the checksum of its bytes', async () => {
    const { volume, manifest } = await aManifest();
    const ref = await writeManifest(volume, path, manifest);
    expect(await readManifest(volume, path)).toEqual({ manifest, ref });
    expect(ref).toEqual({ path, sha256: sha256Of(await readFile(volume.resolve(path))) });
  });

  it('that does not exist is undefined; one cut short is damaged, never half believed', async () => {
    const { volume, manifest } = await aManifest();
    expect(await readManifest(volume, path)).toBeUndefined();
    await writeManifest(volume, path, manifest);
    await truncate(volume.resolve(path), 50);
    await expect(readManifest(volume, path)).rejects.toThrow(expect.objectContaining({ code: 'damaged-document' }));
  });

  it('of a version we do not know is refused, naming the field', async () => {
    const { volume, manifest } = await aManifest();
    await writeFile(volume.resolve(path), JSON.stringify({ ...manifest, schemaVersion: 2 }));
    await expect(readManifest(volume, path)).rejects.toThrow(/schemaVersion/);
  });
});

describe('verifying the files of a manifest', () => {
  it('finds nothing when they are as it says', async () => {
    const { volume, manifest } = await aManifest();
    expect(await verifyManifest(volume, manifest, { deep: true })).toEqual({ ok: true });
  });

  it('finds a file that is gone, shorter, or replaced by a link', async () => {
    const { volume, manifest, file } = await aManifest();
    await truncate(file, 3);
    expect(await verifyManifest(volume, manifest)).toMatchObject({ ok: false, why: 'it has 3 bytes instead of 5' });
    const gone = { ...manifest, files: manifest.files.map((it) => ({ ...it, path: `jobs/${jobId}/work/gone` })) };
    expect(await verifyManifest(volume, gone)).toMatchObject({ ok: false, why: 'it is gone' });
    await mkdir(join(volume.root, 'outside'));
    await symlink(file, join(volume.root, 'outside', 'link'));
    const linked = { ...manifest, files: manifest.files.map((it) => ({ ...it, path: 'outside/link' })) };
    expect(await verifyManifest(volume, linked)).toMatchObject({ ok: false });
  });

  it('finds other bytes of the same length only when it looks deep', async () => {
    const { volume, manifest, file } = await aManifest();
    await writeFile(file, 'AUDIO');
    expect(await verifyManifest(volume, manifest)).toEqual({ ok: true });
    expect(await verifyManifest(volume, manifest, { deep: true })).toMatchObject({
      ok: false,
      why: 'its checksum is another',
    });
  });
});
