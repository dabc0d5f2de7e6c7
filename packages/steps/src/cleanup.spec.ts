import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Volume } from '@mediajob/storage';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../../storage/test/fixtures/temporary-directory.js';
import { aContext, jobId } from '../test/fixtures/a-job.js';
import { runStep } from './run-step.js';

const other = '11111111-1111-4111-8111-111111111111';
const request = { stage: 'cleanup', jobId, runId: 'run-1' } as const;

async function aVolume() {
  const volume = new Volume(await aTemporaryDirectory());
  for (const id of [jobId, other]) {
    await mkdir(join(volume.root, 'jobs', id, 'work', 'parts'), { recursive: true });
    await mkdir(join(volume.root, 'outputs', id), { recursive: true });
    await writeFile(join(volume.root, 'jobs', id, 'work', 'parts', '000000.json'), 'part');
    await writeFile(join(volume.root, 'outputs', id, 'transcript.srt'), 'text');
  }
  await mkdir(join(volume.root, 'uploads', 'u'), { recursive: true });
  return volume;
}

describe('cleanup', () => {
  it('removes the files of its job, and only its', async () => {
    const volume = await aVolume();
    expect(await runStep(request, aContext(volume))).toEqual({ stage: 'cleanup', removed: 3 });
    expect(await readdir(join(volume.root, 'jobs'))).toEqual([other]);
    expect(await readdir(join(volume.root, 'outputs'))).toEqual([other]);
    expect(await readdir(join(volume.root, 'uploads'))).toEqual(['u']);
  });

  it('again, or with nothing there, is fine', async () => {
    const volume = await aVolume();
    await runStep(request, aContext(volume));
    expect(await runStep(request, aContext(volume))).toEqual({ stage: 'cleanup', removed: 0 });
    expect(await runStep(request, aContext(new Volume(await aTemporaryDirectory())))).toMatchObject({ removed: 0 });
  });

  it('leaves the MediaJob itself to its owner', async () => {
    const volume = await aVolume();
    await writeFile(join(volume.root, 'jobs', jobId, 'job.json'), '{}');
    expect(await runStep(request, aContext(volume))).toMatchObject({ removed: 2 });
    expect(await readdir(join(volume.root, 'jobs', jobId))).toEqual(['job.json']);
  });
});
