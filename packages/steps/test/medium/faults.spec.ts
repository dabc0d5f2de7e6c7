import { readdir, readFile } from 'node:fs/promises';
import { Volume } from '@mediajob/storage';
import { describe, expect, it } from 'vitest';
import { type Fault, FaultPlan } from '../../../storage/test/fixtures/fault-plan.js';
import { aTemporaryDirectory } from '../../../storage/test/fixtures/temporary-directory.js';
import { runStep } from '../../src/run-step.js';
import { aContext, aPlan, aTranscribeRequest, convertedJob, jobId } from '../fixtures/a-job.js';
import { FakeEngine } from '../fixtures/fake-engine.js';

const windows = [2, 1];
const request = aTranscribeRequest({
  chunks: { from: 0, to: 2 },
  finalize: { formats: ['srt'], subtitles: { maxCharsPerLine: 42, maxLines: 2 } },
});

async function outputsOf(volume: Volume): Promise<Record<string, string>> {
  const directory = volume.resolve(volume.layout.outputs(jobId));
  const names = (await readdir(directory)).filter((name) => name.startsWith('transcript.'));
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(`${directory}/${name}`, 'utf8')])),
  );
}

describe('a disk that fails at any one operation of a run', () => {
  it.each<[Fault, number, string]>([
    ['ENOSPC', 73, 'StorageFull'],
    ['EIO', 74, 'StorageError'],
  ])(
    '%s: the run says so (%i, %s), nothing half is visible, and the next run ends the same',
    async (fault, exitCode, reason) => {
      const calm = new Volume(await aTemporaryDirectory());
      await convertedJob(calm, aPlan(windows));
      await runStep(request, aContext(calm, { engine: new FakeEngine() }));
      const want = await outputsOf(calm);
      expect(Object.keys(want)).toEqual(['transcript.json', 'transcript.srt']);

      let faults = 0;
      for (let at = 0; ; at++) {
        const root = await aTemporaryDirectory();
        await convertedJob(new Volume(root), aPlan(windows));
        const files = new FaultPlan({ at, fault });
        const failing = aContext(new Volume(root, { files }), { engine: new FakeEngine() });
        const failure = await runStep(request, failing).then(
          () => undefined,
          (error: { failure: unknown }) => error.failure,
        );
        if (files.asked.length <= at) {
          expect(failure).toBeUndefined();
          break;
        }
        // Removing a leftover is the one thing whose failure does no harm.
        if (files.asked[at] !== 'unlink')
          expect(failure, `operation ${at}, ${files.asked[at]}`).toMatchObject({ exitCode, reason });
        faults += 1;
        const volume = new Volume(root);
        await runStep({ ...request, runId: 'run-2' }, aContext(volume, { engine: new FakeEngine() }));
        expect(await outputsOf(volume), `after a failure at operation ${at}`).toEqual(want);
        const left = (await readdir(root, { recursive: true })).filter((name) => name.endsWith('.partial'));
        expect(left).toEqual([]);
      }
      // language, two parts, two outputs, two manifests: five operations or more each.
      expect(faults).toBeGreaterThan(35);
    },
  );
});
