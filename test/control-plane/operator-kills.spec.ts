import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { until } from '../cluster/until.ts';
import { Stage, startAuditedCluster, UNDISTURBED } from './operator-life.ts';
import { OperatorProcess } from './operator-process.ts';
import type { Fates } from './operator-rig.ts';

const ROOT = join(import.meta.dirname, '../..');
let controlPlane: ControlPlane;

beforeAll(async () => {
  // What runs in the image is compiled.
  execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b', 'operator'], { cwd: ROOT });
  controlPlane = await startAuditedCluster();
});
afterAll(() => controlPlane?.stop());

async function open(context: TestContext, fates: Fates = {}) {
  const stage = await Stage.open(controlPlane, context, fates);
  const operator = new OperatorProcess(stage.world);
  context.onTestFinished(() => operator.close());
  return { stage, operator };
}

// Each of these has a namespace and a process of its own.
describe.concurrent('kill -9 of the operator’s process', () => {
  it('while each of its pods runs: what ends meanwhile is found when it starts again', async (context) => {
    const late: { operator?: OperatorProcess } = {};
    const kill: Fates['convert'] = async (player) => {
      await player.running();
      await late.operator?.kill();
    };
    const fates = { convert: kill, transcribe: kill, finalize: kill, cleanup: kill };
    const { stage, operator } = await open(context, fates);
    late.operator = operator;
    expect(await stage.life()).toEqual(UNDISTURBED);
    // Both shards run at once: one of the two kills may find nobody.
    expect(operator.kills).toBeGreaterThanOrEqual(4);
  });

  it('as soon as each of its Jobs is there', async (context) => {
    const { stage, operator } = await open(context);
    const killing = async () => {
      for (const name of ['talk-convert-1', 'talk-transcribe-1', 'talk-finalize-1', 'talk-cleanup-']) {
        const made = async () => (await stage.world.jobNames()).some((it) => it.startsWith(name));
        await until(`${name} is there`, made, { everyMs: 5 });
        await operator.kill();
      }
    };
    const [life] = await Promise.all([stage.life(), killing()]);
    expect(life).toEqual(UNDISTURBED);
    expect(operator.kills).toBe(4);
  });

  it('again and again, at moments that nobody chose', async (context) => {
    const { stage, operator } = await open(context);
    await stage.world.apply();
    for (let round = 0; round < 6; round++) {
      await operator.leads();
      await new Promise((resolve) => setTimeout(resolve, 40 * 2 ** (round / 2)));
      await operator.kill();
    }
    expect(await stage.rest()).toEqual(UNDISTURBED);
    expect(operator.kills).toBe(6);
  });
});
