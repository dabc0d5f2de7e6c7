import { Annotation, type MediaJob } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import { StorageFullError } from '@mediajob/storage';
import { describe, expect, it } from 'vitest';
import { lostAfter, refused, unanswered } from '../../../../packages/kube/test/memory-api/index.js';
import {
  type ClusterMain,
  ClusterWorld,
  NAME,
  NAMESPACE,
  request,
  UPLOAD,
} from '../../test/kubernetes/cluster-world.js';
import { Label, MediaJobs } from './media-job-kind.js';

/** A main whose cluster has gone away after it was seen once. */
async function anAbsence() {
  const world = new ClusterWorld();
  const main = world.start();
  await world.until(() => main.cluster.view.synced);
  world.goAway();
  return { world, main };
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing',
    (error: unknown) => (error instanceof ProblemError ? error.code : error),
  );
const waiting = (job: MediaJob) => job.status.conditions.find((it) => it.type === 'Queued')?.reason;
const delivered = (world: ClusterWorld, main: ClusterMain) => world.until(() => main.cluster.outbox.size === 0);
const kubectlDelete = (world: ClusterWorld, name: string) =>
  world.world.server.delete(MediaJobs, { namespace: NAMESPACE, name }, { propagationPolicy: 'Background' });

describe('while the cluster does not answer', () => {
  it('a job is kept, durably, and says that it waits', async () => {
    const { world, main } = await anAbsence();
    const { job, created, queued } = await main.create({}, { title: 'Talk' });
    expect([created, queued]).toEqual([true, true]);
    expect(job).toMatchObject({
      metadata: { name: NAME, annotations: { [Annotation.title]: 'Talk', [Annotation.fileName]: 'Talk.mp3' } },
      status: { phase: 'Pending', message: expect.stringMatching(/does not answer.*made by itself/) },
    });
    expect(waiting(job)).toBe('WaitingForCluster');
    expect([...world.disk.entries.keys()]).toEqual([NAME]);
    expect(main.listed()).toEqual([job]);
    expect(main.service.get(job.metadata.uid)).toEqual(job);
    expect(main.cluster.directory.naming(UPLOAD)).toEqual([job.metadata.uid]);
    expect(main.told('job')).toEqual([{ type: 'job', job }]);
  });

  it('the jobs of the cluster are shown as they were last', async () => {
    const { world, main } = await anAbsence();
    world.comeBack();
    world.apply('talk', request().spec);
    await world.until(() => main.told('job').length === 1);
    world.goAway();
    await world.until(() => main.cluster.link.isKnownToBeDown);
    expect(main.listed().map(({ metadata }) => metadata.name)).toEqual(['talk']);
    expect(main.told('system').length).toBeGreaterThan(0);
  });

  it('sent again answers the kept job, and another wish for the same file is another job', async () => {
    const { main } = await anAbsence();
    const first = await main.create();
    const again = await main.create();
    expect(again).toMatchObject({ created: false, job: { metadata: { uid: first.job.metadata.uid } } });
    expect((await main.create({ transcribe: { language: 'ru' } })).job.metadata.name).toBe(`${NAME}-2`);
    expect(await codeOf(main.create({ retries: 1 }, { name: NAME }))).toBe('nothing');
    expect(await codeOf(main.create({ transcribe: { language: 'de' } }, { name: NAME }))).toBe('job-exists');
  });

  it('a kept job is cancelled, retried, suspended, renamed and deleted without the cluster', async () => {
    const { world, main } = await anAbsence();
    const { uid } = (await main.create()).job.metadata;
    expect((await main.do((service) => service.suspend(uid))).status.phase).toBe('Suspended');
    const cancelled = await main.do((service) => service.cancel(uid));
    expect(cancelled).toMatchObject({ status: { phase: 'Cancelled' }, metadata: { generation: 3 } });
    expect(await codeOf(main.do((service) => service.suspend(uid)))).toBe('conflict');
    const retried = await main.do((service) => service.retry(uid));
    expect(retried).toMatchObject({ status: { phase: 'Pending' }, spec: { cancel: false, suspend: false } });
    // There was no attempt, so the operator must not see one to repeat.
    expect(retried.metadata.annotations).not.toHaveProperty(Annotation.retry);
    const titled = await main.do((service) => service.patch(uid, { metadata: { title: 'New' } }));
    expect(titled.metadata.annotations?.[Annotation.title]).toBe('New');
    expect((await main.do((service) => service.delete(uid))).metadata.deletionTimestamp).toBeDefined();
    expect(main.listed()).toEqual([]);
    expect(main.told('job-deleted')).toEqual([{ type: 'job-deleted', id: uid }]);
    expect(await codeOf(main.do((service) => service.delete(uid)))).toBe('job-not-found');
    world.comeBack();
    await world.pass(120_000);
    expect(world.jobs()).toEqual([]);
    expect(world.disk.discarded.size).toBe(0);
  });

  it('a full disk refuses the job, and nothing is left of it', async () => {
    const { main } = await anAbsence();
    main.files.failing = new StorageFullError('The disk is full.');
    expect(await codeOf(main.create())).toBeInstanceOf(StorageFullError);
    expect(main.listed()).toEqual([]);
    main.files.failing = undefined;
    expect((await main.create()).created).toBe(true);
  });

  it('what is kept is still there after a restart, and refused until the volume is read', async () => {
    const { world, main } = await anAbsence();
    const { uid } = (await main.create()).job.metadata;
    main.kill();
    const next = world.start();
    expect(() => next.cluster.outbox.mustBeLoaded()).toThrow(ProblemError);
    await world.until(() => next.cluster.outbox.loaded);
    expect(next.service.get(uid).metadata.name).toBe(NAME);
  });
});

describe('when the cluster answers again', () => {
  it('kept jobs are made in their order, once, with all that was said about them', async () => {
    const { world, main } = await anAbsence();
    for (const name of ['c', 'a', 'b']) {
      await main.create({}, { name, title: name });
      await world.pass(10);
    }
    world.comeBack();
    await delivered(world, main);
    const made = main.process.api.calls.filter((call) => call.verb === 'create' && call.appliedAt !== undefined);
    expect(made.map((call) => call.key)).toEqual(['media/c', 'media/a', 'media/b']);
    expect(world.jobs()[0]?.metadata).toMatchObject({
      annotations: { [Annotation.title]: 'a', [Annotation.fileName]: 'Talk.mp3' },
      labels: { [Label.managedBy]: 'mediajob-main' },
    });
    expect(world.disk.entries.size).toBe(0);
  });

  it('the kept job gives way to the real one without a reload, and its id leads there from then on', async () => {
    const { world, main } = await anAbsence();
    const { uid: kept } = (await main.create()).job.metadata;
    main.events.splice(0);
    world.comeBack();
    await delivered(world, main);
    const [made] = world.jobs();
    const changes = main.events.filter(({ type }) => type === 'job' || type === 'job-deleted');
    expect(changes).toMatchObject([
      { type: 'job-deleted', id: kept },
      { type: 'job', job: { metadata: { uid: made?.metadata.uid } } },
    ]);
    expect(main.service.get(kept).metadata.uid).toBe(made?.metadata.uid);
    expect(main.listed()).toHaveLength(1);
    expect((await main.do((service) => service.cancel(kept))).metadata.uid).toBe(made?.metadata.uid);
    expect(world.jobs()[0]?.spec).toMatchObject({ cancel: true });
    main.kill();
    const next = world.start();
    await world.until(() => next.cluster.view.synced);
    expect(next.service.get(kept).metadata.uid).toBe(made?.metadata.uid);
  });

  it('what was changed meanwhile is made as it is now', async () => {
    const { world, main } = await anAbsence();
    const { uid } = (await main.create()).job.metadata;
    await main.do((service) => service.cancel(uid));
    world.comeBack();
    await delivered(world, main);
    expect(world.jobs()).toMatchObject([{ spec: { cancel: true } }]);
  });

  it('a change that comes while the job is being made is not lost', async () => {
    const { world, main } = await anAbsence();
    const { uid } = (await main.create()).job.metadata;
    world.comeBack();
    await world.until(() =>
      main.process.api.calls.some((call) => call.verb === 'create' && call.appliedAt !== undefined),
    );
    expect(main.cluster.outbox.size).toBe(1);
    await main.do((service) => service.cancel(uid));
    await delivered(world, main);
    expect(world.jobs()).toMatchObject([{ spec: { cancel: true } }]);
  });

  it('a job that is deleted while it is being made does not stay', async () => {
    const { world, main } = await anAbsence();
    const { uid } = (await main.create()).job.metadata;
    world.comeBack();
    await world.until(() =>
      main.process.api.calls.some((call) => call.verb === 'create' && call.appliedAt !== undefined),
    );
    await main.do((service) => service.delete(uid));
    await world.pass(120_000);
    expect(world.jobs()).toEqual([]);
    expect([world.disk.entries.size, world.disk.discarded.size]).toEqual([0, 0]);
  });

  it('a job that was made without our hearing of it, and was deleted meanwhile, is withdrawn', async () => {
    const { world, main } = await anAbsence();
    world.faults = () => lostAfter;
    const { uid } = (await main.create()).job.metadata;
    expect(world.jobs()).toHaveLength(1);
    await main.do((service) => service.delete(uid));
    main.kill();
    world.comeBack();
    const next = world.start();
    await world.until(() => world.jobs().length === 0);
    await world.pass(120_000);
    expect(next.listed()).toEqual([]);
    expect(world.disk.discarded.size).toBe(0);
  });

  it('a name that was taken meanwhile is followed by the next number, or told when a person chose it', async () => {
    const { world, main } = await anAbsence();
    await main.create();
    const { uid } = (await main.create({}, { name: 'talk' })).job.metadata;
    for (const name of [NAME, 'talk']) world.apply(name, request({ transcribe: { language: 'ru' } }).spec);
    world.comeBack();
    await world.until(() => main.cluster.outbox.find(uid)?.status.phase === 'Failed');
    expect(world.jobs().map(({ metadata }) => metadata.name)).toEqual([NAME, `${NAME}-2`, 'talk']);
    expect(main.service.get(uid).status.message).toMatch(/There is a job talk with another content/);
    await main.do((service) => service.delete(uid));
    expect(main.listed()).toHaveLength(3);
  });

  it('a name whose job is just being deleted is waited for', async () => {
    const { world, main } = await anAbsence();
    const { uid } = (await main.create({}, { name: 'talk' })).job.metadata;
    world.apply('talk', request({ transcribe: { language: 'ru' } }).spec, { finalizers: ['mediajob.io/files'] });
    kubectlDelete(world, 'talk');
    world.comeBack();
    await world.until(() => /just being deleted/.test(main.cluster.outbox.find(uid)?.status.message ?? ''));
    const body = { metadata: { finalizers: null } };
    world.world.server.patch(MediaJobs, { namespace: NAMESPACE, name: 'talk' }, { type: 'merge', body });
    await delivered(world, main);
    expect(world.jobs()).toMatchObject([{ metadata: { name: 'talk', labels: { [Label.request]: uid } } }]);
  });

  it('the same work that kubectl has made meanwhile becomes the kept job', async () => {
    const { world, main } = await anAbsence();
    const { uid } = (await main.create()).job.metadata;
    const made = world.apply(NAME, request().spec);
    world.comeBack();
    await delivered(world, main);
    expect(world.jobs()).toHaveLength(1);
    expect(main.service.get(uid).metadata.uid).toBe(made.metadata.uid);
  });

  it('what the cluster refuses for good is told, and can be retried when that is mended', async () => {
    const { world, main } = await anAbsence();
    const { uid } = (await main.create()).job.metadata;
    world.comeBack();
    world.world.server.admit = ({ operation }) =>
      operation === 'create' ? refused(422, 'Invalid', 'spec.profile: is not known') : undefined;
    await world.until(() => main.cluster.outbox.find(uid)?.status.phase === 'Failed');
    const tried = main.process.api.calls.length;
    await world.pass(60_000);
    expect(main.process.api.calls.slice(tried).filter((call) => call.verb === 'create')).toEqual([]);
    world.world.server.admit = () => undefined;
    await main.do((service) => service.retry(uid));
    await delivered(world, main);
    expect(world.jobs()).toHaveLength(1);
  });

  it('what it does not take yet is tried again, says why, and hinders no other', async () => {
    const { world, main } = await anAbsence();
    const { uid } = (await main.create({}, { name: 'large' })).job.metadata;
    await main.create({}, { name: 'small' });
    world.comeBack();
    world.world.server.admit = ({ operation, object }) =>
      operation === 'create' && object.metadata.name === 'large'
        ? refused(403, 'Forbidden', 'mediajobs "large" is forbidden: exceeded quota: jobs, limited: count=1')
        : undefined;
    await world.until(() => world.jobs().length === 1);
    expect(main.service.get(uid).status).toMatchObject({
      phase: 'Pending',
      message: expect.stringMatching(/does not take the job: exceeded quota: jobs, limited: count=1/),
    });
    world.world.server.admit = () => undefined;
    await delivered(world, main);
  });
});

it('the end of main does not wait for a cluster that does not answer', async () => {
  const { world, main } = await anAbsence();
  await main.create();
  world.faults = (call) => (call.verb === 'create' ? unanswered : undefined);
  await world.until(() => world.jobs().length === 1);
  const before = world.world.simulation.now;
  await world.settle(main.stop());
  expect(world.world.simulation.now).toBe(before);
  expect(world.disk.entries.size).toBe(1);
});

describe('two mains over one volume', () => {
  it('make what either keeps once, also when both begin at the same moment', async () => {
    const { world, main } = await anAbsence();
    const { uid } = (await main.create()).job.metadata;
    const other = world.start();
    await world.until(() => other.cluster.outbox.size === 1);
    world.comeBack();
    await Promise.all([delivered(world, main), delivered(world, other)]);
    expect(world.jobs()).toHaveLength(1);
    for (const one of [main, other]) {
      await world.until(() => one.cluster.view.synced && one.listed().length === 1);
      expect(one.service.get(uid).metadata.uid).toBe(world.jobs()[0]?.metadata.uid);
    }
  });

  it('that are sent the same job keep it once', async () => {
    const { world, main } = await anAbsence();
    const other = world.start();
    await world.until(() => other.cluster.outbox.loaded);
    const [one, two] = await Promise.all([main.create(), other.create()]);
    expect(one.job.metadata.uid).toBe(two.job.metadata.uid);
    expect(world.disk.entries.size).toBe(1);
  });

  it('a job that one of them discards is not made by the other', async () => {
    const { world, main } = await anAbsence();
    const { uid } = (await main.create()).job.metadata;
    const other = world.start();
    await world.until(() => other.cluster.outbox.size === 1);
    await other.do((service) => service.delete(uid));
    world.comeBack();
    await world.pass(180_000);
    expect(world.jobs()).toEqual([]);
    expect([main.cluster.outbox.size, world.disk.discarded.size]).toEqual([0, 0]);
  });
});
