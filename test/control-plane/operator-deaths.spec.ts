import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ControlPlane } from '../cluster/control-plane.ts';
import type { Match } from '../cluster/fault-proxy.ts';
import { until } from '../cluster/until.ts';
import { aGate, QUICK_LEASE, Stage, startAuditedCluster, UNDISTURBED } from './operator-life.ts';

let controlPlane: ControlPlane;

beforeAll(async () => {
  controlPlane = await startAuditedCluster();
});
afterAll(() => controlPlane?.stop());

it('without a fault, each stage of a MediaJob runs once', async (context) => {
  const stage = await Stage.open(controlPlane, context);
  await stage.replica('only');
  expect(await stage.life()).toEqual(UNDISTURBED);
});

const job: Match = { verb: 'create', resource: 'jobs' };
const status: Match = { verb: 'patch', resource: 'mediajobs/status' };
const record: Match = { verb: 'patch', resource: 'jobs' };
const mediaJob: Match = { verb: 'patch', resource: 'mediajobs' };

describe.concurrent.each([
  ['before', 'is sent'],
  ['after', 'is done'],
] as const)('the operator dies %s', (moment, what) => {
  it.for([
    ['the taking up', mediaJob, 0],
    ['the conversion’s Job', job, 0],
    ['the first status', status, 0],
    ['the second status', status, 1],
    ['the third status', status, 2],
    ['the fourth status', status, 3],
    ['the letting go of the conversion’s Job', record, 0],
    ['the transcription’s Job', job, 1],
    ['the letting go of the transcription’s Job', record, 1],
    ['finalize’s Job', job, 2],
    ['the letting go of finalize’s Job', record, 2],
    ['the cleanup’s Job', job, 3],
    ['the letting go of the MediaJob', mediaJob, 1],
  ] as const)(`%s ${what}, and another one goes on`, async ([, match, skip], context) => {
    const stage = await Stage.open(controlPlane, context);
    const first = await stage.replica('first');
    const dying = first.dieAt(match, skip, moment).then(() => stage.replica('second'));
    const [life] = await Promise.all([stage.life(), dying]);
    expect(life).toEqual(UNDISTURBED);
  });
});

describe.concurrent('an operator that starts', () => {
  it('finds Jobs by their names whose making was never answered, and of which no watch tells', async (context) => {
    const stage = await Stage.open(controlPlane, context);
    const { proxy } = await stage.replica('only', {
      faults: (it) => {
        it.on({ verb: 'watch', resource: 'jobs' }, { kind: 'hold' }, { times: Number.POSITIVE_INFINITY });
        it.on({ verb: 'create', resource: 'jobs' }, { kind: 'drop-answer' });
      },
    });
    const living = stage.life();
    await until('it has asked for the Job', () => proxy.countByVerb('jobs').get !== undefined);
    proxy.clear();
    expect(await living).toEqual(UNDISTURBED);
  });

  it('does nothing on half of the truth, however long a list takes', async (context) => {
    const gate = aGate();
    const stage = await Stage.open(controlPlane, context, gate.fates);
    const first = await stage.replica('first');
    await stage.world.apply();
    await stage.world.reachPhase('Converting');
    first.die();
    const second = await stage.replica('second', {
      faults: (it) => it.on({ verb: 'list', resource: 'jobs' }, { kind: 'hold' }),
    });
    await until('it knows all but the Jobs', () => {
      const { mediaJobs, pods } = second.operator.view;
      return mediaJobs.hasSynced && pods.hasSynced;
    });
    gate.open();
    await until('the conversion has ended', async () => {
      return (await stage.world.reachJob('talk-convert-1')).status?.succeeded === 1;
    });
    expect(second.operator.manager.ready).toBe(false);
    expect(second.writes).toBe(0);
    second.proxy.clear();
    expect(await stage.rest()).toEqual(UNDISTURBED);
  });
});

describe('the API server', () => {
  it('is killed, and comes back without a memory of old versions', async (context) => {
    const gate = aGate();
    const stage = await Stage.open(controlPlane, context, gate.fates);
    await stage.replica('only');
    await stage.world.apply();
    await stage.world.reachPhase('Converting');
    await controlPlane.crash('kube-apiserver');
    await controlPlane.compact();
    await controlPlane.startApiServer();
    gate.open();
    expect(await stage.rest()).toEqual(UNDISTURBED);
  });

  it('hangs for so long that leadership is lost, and another operator goes on', async (context) => {
    const gate = aGate();
    const stage = await Stage.open(controlPlane, context, gate.fates);
    const { operator } = await stage.replica('only', { lease: QUICK_LEASE });
    await stage.world.apply();
    await stage.world.reachPhase('Converting');
    controlPlane.freeze('kube-apiserver');
    const end = await operator.ended;
    controlPlane.thaw('kube-apiserver');
    expect(end).toBe('lost');
    await stage.replica('next', { lease: QUICK_LEASE });
    gate.open();
    expect(await stage.rest()).toEqual(UNDISTURBED);
  });
});
