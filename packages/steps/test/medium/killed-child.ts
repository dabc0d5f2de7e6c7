// One Job whose own `at`-th change of the volume ends it by SIGKILL. argv: root, at, request JSON, log of decoded windows
import { appendFileSync } from 'node:fs';
import { nodeFileOperations, Volume } from '@mediajob/storage';
import { FaultPlan } from '../../../storage/test/fixtures/fault-plan.js';
import { EnginePool, runJob } from '../../src/index.js';
import { FakeEngine } from '../fixtures/fake-engine.js';

const [root = '', at = '', request = '', decoded = ''] = process.argv.slice(2);
const number = Number(at);
const files = number < 0 ? nodeFileOperations : new FaultPlan({ at: number, fault: 'kill-halfway' });

process.exitCode = await runJob(['--request', request], process.env, {
  tools: () => ({
    volume: new Volume(root, { files }),
    reserveBytes: 0,
    ffmpeg: { path: 'ffmpeg', stallMs: 30_000 },
    engines: new EnginePool({
      ttlMs: 1_000,
      identify: async () => ({ modelPath: '/models/base.bin', modelBytes: 1, modelSha256: 'a'.repeat(64) }),
      open: async () =>
        new FakeEngine({
          states: 2,
          before: ({ startMs }) => appendFileSync(decoded, `${startMs}\n`),
        }),
    }),
  }),
});
