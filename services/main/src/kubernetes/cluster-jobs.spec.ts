import { Annotation, ListJobsQuery, type MediaJob } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import { describe, expect, it } from 'vitest';
import { lostAfter, refused, unanswered } from '../../../../packages/kube/test/memory-api/index.js';
import { ClusterWorld, NAME, NAMESPACE, request, UPLOAD } from '../../test/kubernetes/cluster-world.js';
import { MediaJobs } from './media-job-kind.js';

async function aWorld() {
  const world = new ClusterWorld();
  const main = world.start();
  await world.until(() => main.cluster.view.synced);
  return { world, main };
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing',
    (error: unknown) => (error instanceof ProblemError ? `${error.code}: ${error.message}` : String(error)),
  );
const condition = (job: MediaJob, type: string) => job.status.conditions.find((it) => it.type === type);

describe('making a job in the cluster', () => {
  it('makes a MediaJob with what its person calls it, and answers it with the uid that the cluster gave', async () => {
    const { world, main } = await aWorld();
    const { job, created, queued } = await main.create({}, { title: 'Доклад' });
    expect([created, queued]).toEqual([true, undefined]);
    const [made] = world.jobs();
    expect(made?.metadata).toMatchObject({
      name: NAME,
      uid: job.metadata.uid,
      labels: { 'app.kubernetes.io/managed-by': 'mediajob-main', 'mediajob.io/request': expect.any(String) },
      annotations: { [Annotation.title]: 'Доклад', [Annotation.fileName]: 'Talk.mp3' },
    });
    expect(made?.spec).toMatchObject({ source: { path: UPLOAD }, transcribe: { model: 'base' } });
    expect(job.status).toMatchObject({ phase: 'Pending', conditions: [] });
    expect(main.service.get(job.metadata.uid)).toEqual(job);
  });

  it('sent again answers the same job; with another wish it makes another', async () => {
    const { world, main } = await aWorld();
    const first = await main.create();
    expect((await main.create()).job.metadata.uid).toBe(first.job.metadata.uid);
    expect((await main.create({ transcribe: { language: 'ru' } })).job.metadata.name).toBe(`${NAME}-2`);
    expect(world.jobs()).toHaveLength(2);
  });

  it('two mains that are asked at the same moment make one', async () => {
    const { world, main } = await aWorld();
    const other = world.start();
    await world.until(() => other.cluster.view.synced);
    const [one, two] = await Promise.all([main.create(), other.create()]);
    expect(one.job.metadata.uid).toBe(two.job.metadata.uid);
    expect([one.created, two.created].filter(Boolean)).toHaveLength(1);
  });

  it('of a name that a job of kubectl has is refused, unless it is the same work', async () => {
    const { world, main } = await aWorld();
    world.apply('talk', request().spec);
    expect((await main.create({}, { name: 'talk' })).created).toBe(false);
    const another = main.create({ transcribe: { language: 'ru' } }, { name: 'talk' });
    expect(await codeOf(another)).toMatch(/^job-exists: /);
  });

  it('recognizes its own job when the answer was lost', async () => {
    const { world, main } = await aWorld();
    world.faults = () => lostAfter;
    const { job, queued } = await main.create();
    expect(queued).toBe(true);
    world.comeBack();
    await world.until(() => main.cluster.outbox.size === 0);
    expect(world.jobs()).toHaveLength(1);
    expect(main.service.get(job.metadata.uid).metadata.uid).toBe(world.jobs()[0]?.metadata.uid);
  });

  it('does not take a job for made that is gone from the cluster, though nobody has told us yet', async () => {
    const { world, main } = await aWorld();
    const { uid } = (await main.create()).job.metadata;
    main.process.api.holdWatches();
    world.world.server.delete(MediaJobs, { namespace: NAMESPACE, name: NAME }, { propagationPolicy: 'Background' });
    const again = await main.create();
    expect(again.created).toBe(true);
    expect(again.job.metadata.uid).not.toBe(uid);
  });

  it('says which field the cluster refuses', async () => {
    const { world, main } = await aWorld();
    world.world.server.admit = ({ operation }) =>
      operation === 'create'
        ? refused(422, 'Invalid', 'MediaJob is invalid', {
            causes: [{ reason: 'FieldValueInvalid', field: 'spec.profile', message: 'must be lower case' }],
          })
        : undefined;
    const error = await main.create().catch((it: unknown) => it as ProblemError);
    expect(error).toMatchObject({
      code: 'validation-failed',
      message: expect.stringContaining('spec.profile: must be lower case'),
      errors: [{ path: 'spec.profile', message: 'must be lower case' }],
    });
    expect(world.jobs()).toHaveLength(0);
  });

  it.each([
    [403, 'Forbidden', 'exceeded quota: jobs, limited: count=5', /^forbidden: .*exceeded quota: jobs/],
    [403, 'Forbidden', 'User "system:serviceaccount:media:main" cannot create', /^forbidden: (?!.*serviceaccount)/],
    [404, 'NotFound', 'the server could not find the requested resource', /^cluster-unavailable: .*knows no MediaJobs/],
    [400, 'BadRequest', 'strict decoding error', /^validation-failed: /],
  ])('answers %i %s (%s) with what is to be done', async (status, reason, message, want) => {
    const { world, main } = await aWorld();
    world.faults = () => ({ applied: false, answer: refused(status, reason, message) });
    expect(await codeOf(main.create())).toMatch(want);
    expect(main.cluster.outbox.size).toBe(0);
  });
});

describe('jobs of the cluster', () => {
  it('that kubectl made are there at once, and pages are told', async () => {
    const { world, main } = await aWorld();
    const { uid } = world.apply('talk', { source: { path: 'inbox/a.mp3' }, transcribe: {} }).metadata;
    await world.until(() => main.told('job').length === 1);
    expect(main.listed()).toMatchObject([{ metadata: { name: 'talk', uid }, spec: { retries: 3 } }]);
    expect(main.cluster.directory.naming('inbox/a.mp3')).toEqual([uid]);
    world.patchStatus('talk', { phase: 'Transcribing', progress: { percent: 40, text: '40%' } });
    await world.until(() => main.service.get(uid).status.phase === 'Transcribing');
    world.world.server.delete(MediaJobs, { namespace: NAMESPACE, name: 'talk' }, { propagationPolicy: 'Background' });
    await world.until(() => main.told('job-deleted').length === 1);
    expect(main.told('job-deleted')).toEqual([{ type: 'job-deleted', id: uid }]);
    expect(await codeOf(main.do(async (service) => service.get(uid)))).toMatch(/^job-not-found/);
  });

  it('of another namespace are not', async () => {
    const { world, main } = await aWorld();
    world.apply('talk', request().spec, { namespace: 'other' });
    world.apply('ours', request().spec);
    await world.until(() => main.told('job').length === 1);
    expect(main.listed().map(({ metadata }) => metadata.name)).toEqual(['ours']);
  });

  it('whose spec is not understood are shown as failed, hinder no other, and keep their upload', async () => {
    const { world, main } = await aWorld();
    const { uid } = world.apply('odd', { source: { path: UPLOAD }, transcribe: {}, speed: 2 }).metadata;
    world.apply('talk', request().spec);
    await world.until(() => main.told('job').length === 2);
    expect(main.service.list(ListJobsQuery.parse({})).total).toBe(2);
    const job = main.service.get(uid);
    expect(job.status.phase).toBe('Failed');
    expect(condition(job, 'Failed')).toMatchObject({ status: 'True', reason: 'InvalidSpec' });
    expect(job.status.message).toMatch(/speed.*Make a new job without it\.$/);
    expect(main.cluster.directory.naming(UPLOAD)).toContain(uid);
    // A newer operator understands it: then its word counts.
    const lastTransitionTime = '2026-01-01T00:00:00Z';
    const accepted = { type: 'Accepted', status: 'True', reason: 'Accepted', message: '', lastTransitionTime };
    world.patchStatus('odd', { phase: 'Converting', conditions: [accepted] });
    await world.until(() => main.service.get(uid).status.phase === 'Converting');
  });

  it('page by page come each once, also while kubectl makes more', async () => {
    const { world, main } = await aWorld();
    for (let i = 0; i < 5; i++) world.apply(`talk-${i}`, request().spec);
    await world.until(() => main.told('job').length === 5);
    const first = main.service.list(ListJobsQuery.parse({ limit: 3 }));
    world.apply('new', request().spec);
    await world.until(() => main.told('job').length === 6);
    const second = main.service.list(ListJobsQuery.parse({ limit: 3, cursor: first.next }));
    const names = [...first.items, ...second.items].map(({ metadata }) => metadata.name).filter((it) => it !== 'new');
    expect(new Set(names).size).toBe(names.length);
  });

  it('are counted by phase', async () => {
    const { world, main } = await aWorld();
    for (const name of ['a', 'b']) world.apply(name, request().spec);
    world.patchStatus('b', { phase: 'Succeeded' });
    await world.until(() => main.cluster.directory.phases().Succeeded === 1);
    expect(main.cluster.directory.phases()).toEqual({ Pending: 1, Succeeded: 1 });
  });
});

describe('changing a job of the cluster', () => {
  it('cancel, retry, suspend and resume patch what they say, each in one write', async () => {
    const { world, main } = await aWorld();
    const { uid } = (await main.create()).job.metadata;
    const spec = () => world.jobs()[0]?.spec as Record<string, unknown>;
    const writes = () => main.process.api.calls.filter((call) => call.isWrite).length;
    const before = writes();
    expect((await main.do((service) => service.suspend(uid))).spec.suspend).toBe(true);
    expect((await main.do((service) => service.resume(uid))).spec.suspend).toBe(false);
    await main.do((service) => service.suspend(uid));
    expect((await main.do((service) => service.cancel(uid))).spec.cancel).toBe(true);
    const retried = await main.do((service) => service.retry(uid));
    expect(writes() - before).toBe(5);
    expect(spec()).toMatchObject({ cancel: false, suspend: false });
    expect(retried.metadata.annotations?.[Annotation.retry]).toMatch(/^[0-9a-f-]{36}$/);
    expect(retried.metadata.annotations?.[Annotation.fileName]).toBe('Talk.mp3');
  });

  it('patches what may change, and takes values back by null', async () => {
    const { world, main } = await aWorld();
    const { uid } = (await main.create({ ttlSecondsAfterFinished: 60 }, { title: 'Old' })).job.metadata;
    const patch = { metadata: { title: null }, spec: { ttlSecondsAfterFinished: null, retries: 1 } };
    const changed = await main.do((service) => service.patch(uid, patch));
    expect(changed.spec).not.toHaveProperty('ttlSecondsAfterFinished');
    expect(changed.spec.retries).toBe(1);
    expect(world.jobs()[0]?.metadata.annotations).not.toHaveProperty(Annotation.title);
  });

  it('of one that has ended, or is being deleted, is refused without asking the cluster', async () => {
    const { world, main } = await aWorld();
    const { uid } = world.apply('talk', request().spec, { finalizers: ['mediajob.io/files'] }).metadata;
    world.patchStatus('talk', { phase: 'Succeeded' });
    await world.until(() => main.cluster.directory.phases().Succeeded === 1);
    expect(await codeOf(main.do((service) => service.suspend(uid)))).toMatch(/^conflict: The job has ended/);
    expect((await main.do((service) => service.cancel(uid))).status.phase).toBe('Succeeded');
    const deleted = await main.do((service) => service.delete(uid));
    expect(deleted.metadata.deletionTimestamp).toBeDefined();
    await world.until(() => main.service.get(uid).metadata.deletionTimestamp !== undefined);
    expect(await codeOf(main.do((service) => service.retry(uid)))).toMatch(/^conflict: The job is being deleted/);
  });

  it('never hits a new job that has got the name meanwhile', async () => {
    const { world, main } = await aWorld();
    const { uid } = (await main.create({}, { name: 'talk' })).job.metadata;
    main.process.api.holdWatches();
    const ref = { namespace: NAMESPACE, name: 'talk' };
    world.world.server.delete(MediaJobs, ref, { propagationPolicy: 'Background' });
    world.apply('talk', request().spec);
    expect(await codeOf(main.do((service) => service.cancel(uid)))).toMatch(/^job-not-found/);
    expect(await codeOf(main.do((service) => service.delete(uid)))).toMatch(/^job-not-found/);
    expect(world.jobs()).toMatchObject([{ spec: { cancel: false } }]);
    expect(world.jobs()[0]?.metadata.deletionTimestamp).toBeUndefined();
  });

  it('is answered with a problem that says so while the cluster does not answer', async () => {
    const { world, main } = await aWorld();
    const { uid } = (await main.create()).job.metadata;
    world.goAway();
    expect(await codeOf(main.do((service) => service.cancel(uid)))).toMatch(
      /^cluster-unavailable: .*did not answer when it was asked to change the job\. .*try again\.$/,
    );
    world.faults = () => unanswered;
    expect(await codeOf(main.do((service) => service.delete(uid)))).toMatch(/^cluster-unavailable: .*delete the job/);
  });

  it('in bulk does many, and one that fails hinders none', async () => {
    const { main } = await aWorld();
    const { uid } = (await main.create()).job.metadata;
    const gone = crypto.randomUUID();
    const { results } = await main.do((service) => service.bulk({ action: 'delete', ids: [gone, uid] }));
    expect(results).toMatchObject([
      { id: gone, ok: false, code: 'job-not-found' },
      { id: uid, ok: true },
    ]);
  });
});

describe('a cluster that has not answered since the start', () => {
  it('leaves jobs unknown: nobody is told that there are none', async () => {
    const world = new ClusterWorld();
    world.apply('talk', request().spec);
    world.goAway();
    const main = world.start();
    await world.until(() => main.cluster.link.isKnownToBeDown);
    const { directory } = main.cluster;
    for (const look of [() => main.listed(), () => directory.naming(UPLOAD), () => directory.phases()]) {
      expect(look).toThrow(/has not answered since this service started/);
    }
    expect(await codeOf(main.do(async (service) => service.get(crypto.randomUUID())))).toMatch(/^cluster-unavailable/);
    world.comeBack();
    await world.until(() => main.cluster.view.synced);
    expect(main.listed()).toHaveLength(1);
  });
});
