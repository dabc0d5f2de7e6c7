import { randomUUID } from 'node:crypto';
import { CreateJob, type CreateJobInput, ListJobsQuery, type ModelList } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import { describe, expect, it } from 'vitest';
import { aWorld } from '../../test/runtime/local-world.js';
import { LocalJobs } from '../runtime/local-jobs.js';
import { JobIntake, type JobModels, type JobSources } from './job-intake.js';
import { JobsService } from './jobs.service.js';

const UPLOAD = 'uploads/01JD0000000000000000000ABC/source';
const MODELS: ModelList = {
  models: [
    ['base', 99, true, true],
    ['base.en', 1, false, true],
    ['large-v3', 100, true, false],
  ].map(([name, languages, translates, installed]) => ({
    name: String(name),
    description: '',
    languages: Number(languages),
    translates: Boolean(translates),
    installed: Boolean(installed),
    bytes: 1,
    downloadable: true,
    default: name === 'base',
  })),
};

async function aService(over: { sources?: Partial<JobSources>; models?: JobModels } = {}) {
  const world = await aWorld();
  const probed: string[] = [];
  const sources: JobSources = {
    claimSource: async () => ({ fileName: 'Talk.mp3' }),
    probe: async (path) => {
      probed.push(path);
      return undefined;
    },
    ...over.sources,
  };
  const models = over.models ?? { models: async () => MODELS };
  const jobs = new LocalJobs(world.main.store, world.main.runtime, () => new Date(world.clock.now()));
  const service = new JobsService(jobs, new JobIntake(sources, models));
  return { ...world, service, probed };
}

const request = (input: Partial<CreateJobInput['spec']> = {}, metadata: CreateJobInput['metadata'] = {}) =>
  CreateJob.parse({ metadata, spec: { source: { path: UPLOAD }, transcribe: {}, ...input } });
const codeOf = (error: unknown) => (error instanceof ProblemError ? error.code : error);
const refused = (work: Promise<unknown>) => work.then(() => 'nothing', codeOf);

describe('making a job', () => {
  it('keeps what the person calls it and its file', async () => {
    const { service } = await aService();
    const { job, created } = await service.create(request({}, { title: 'Доклад' }));
    expect(created).toBe(true);
    expect(job.metadata).toMatchObject({
      name: 'job-01jd0000000000000000000abc',
      annotations: { 'mediajob.io/title': 'Доклад', 'mediajob.io/file-name': 'Talk.mp3' },
    });
  });

  it('sent again answers the same job, without another look at the file', async () => {
    const { service, probed } = await aService();
    const { job } = await service.create(request());
    const again = await service.create(request());
    expect(again).toMatchObject({ created: false, job: { metadata: { uid: job.metadata.uid } } });
    expect(probed).toHaveLength(1);
  });

  it('two at the same moment make one', async () => {
    const { service } = await aService();
    const [one, other] = await Promise.all([service.create(request()), service.create(request())]);
    expect(one?.job.metadata.uid).toBe(other?.job.metadata.uid);
  });

  it('of the same file with another wish makes another job', async () => {
    const { service } = await aService();
    await service.create(request());
    const { job } = await service.create(request({ transcribe: { language: 'ru' } }));
    expect(job.metadata.name).toBe('job-01jd0000000000000000000abc-2');
    expect((await service.create(request({ transcribe: { language: 'ru' } }))).created).toBe(false);
  });

  it('of a given name that is taken with another content is refused', async () => {
    const { service } = await aService();
    await service.create(request({}, { name: 'talk' }));
    expect(await refused(service.create(request({ transcribe: { language: 'ru' } }, { name: 'talk' })))).toBe(
      'job-exists',
    );
    expect((await service.create(request({ retries: 1 }, { name: 'talk' }))).created).toBe(false);
  });

  it('of an upload that is not complete is refused, and nothing is left of it', async () => {
    const claimSource = () => Promise.reject(new ProblemError('upload-incomplete', 'Go on with it.'));
    const { service } = await aService({ sources: { claimSource } });
    expect(await refused(service.create(request()))).toBe('upload-incomplete');
    expect(service.list(ListJobsQuery.parse({})).total).toBe(0);
  });

  it('of what is no media is refused', async () => {
    const probe = () => Promise.reject(new ProblemError('unsupported-media', 'It is a picture.'));
    const { service } = await aService({ sources: { probe } });
    expect(await refused(service.create(request()))).toBe('unsupported-media');
  });

  it.each([
    ['a model that nobody knows', { model: 'huge' }, /there is no model huge; there are base, base\.en, large-v3/],
    [
      'another language of an English model',
      { model: 'base.en', language: 'ru' as const },
      /knows English only.*base, large-v3/,
    ],
    ['a translation by a model that cannot', { model: 'base.en', task: 'translate' as const }, /cannot translate/],
  ])('with %s is refused, with what would do', async (_, transcribe, message) => {
    const { service } = await aService();
    const error = await service.create(request({ transcribe })).catch((it: unknown) => it);
    expect(codeOf(error)).toBe('validation-failed');
    expect((error as Error).message).toMatch(message);
  });

  it('with a model of the catalog that is not installed yet is fine: the job waits for it', async () => {
    const { service } = await aService();
    expect((await service.create(request({ transcribe: { model: 'large-v3' } }))).created).toBe(true);
  });

  it('is fine while no transcriber can be asked', async () => {
    const models = { models: () => Promise.reject(new ProblemError('worker-unavailable', 'away')) };
    const { service } = await aService({ models });
    expect((await service.create(request({ transcribe: { model: 'huge' } }))).created).toBe(true);
  });

  it('of a web address says at once that such sources are not allowed', async () => {
    const { service } = await aService();
    const { job } = await service.create(request({ source: { url: 'https://example.org/a.mp3' } }));
    expect(job.status).toMatchObject({ phase: 'Failed', message: expect.stringMatching(/not allowed here/) });
  });
});

describe('the list', () => {
  async function aList() {
    const it = await aService();
    for (let i = 0; i < 7; i++) {
      await it.service.create(request({}, { name: `talk-${i}`, title: `Title ${i}` }));
      await it.clock.advance(i % 2 === 0 ? 0 : 1);
    }
    return it;
  }

  it('comes in pages, newest first, with each job once, also while new ones arrive', async () => {
    const { service } = await aList();
    const names: string[] = [];
    let cursor: string | undefined;
    do {
      const page = service.list(ListJobsQuery.parse({ limit: 3, cursor }));
      names.push(...page.items.map((job) => job.metadata.name));
      cursor = page.next;
      await service.create(request({}, { name: `new-${names.length}` }));
    } while (cursor !== undefined);
    expect([...names].sort()).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => `talk-${i}`));
    expect(names[0]?.startsWith('talk-')).toBe(true);
  });

  it('finds by title, file name and name', async () => {
    const { service } = await aList();
    expect(service.list(ListJobsQuery.parse({ search: 'TITLE 3' })).items.map((job) => job.metadata.name)).toEqual([
      'talk-3',
    ]);
    expect(service.list(ListJobsQuery.parse({ search: 'talk.mp3' })).total).toBe(7);
    expect(service.list(ListJobsQuery.parse({ search: 'nothing' })).total).toBe(0);
  });

  it('filters by phase and by whether a job has ended', async () => {
    const { service } = await aList();
    const [first] = service.list(ListJobsQuery.parse({})).items;
    await service.cancel(first?.metadata.uid ?? '');
    expect(service.list(ListJobsQuery.parse({ phase: 'Cancelled' })).total).toBe(1);
    expect(service.list(ListJobsQuery.parse({ active: 'true' })).total).toBe(6);
    expect(service.list(ListJobsQuery.parse({ active: 'false' })).total).toBe(1);
  });

  it.each(['', 'x', Buffer.from('no date').toString('base64url')])('refuses %j as a cursor', async (cursor) => {
    const { service } = await aList();
    expect(() => service.list(ListJobsQuery.parse({ cursor }))).toThrow(/no cursor of ours/);
  });
});

describe('changing a job', () => {
  it('cancel, retry, suspend, resume and delete do what they say', async () => {
    const { service, clock, main } = await aService();
    const { uid } = (await service.create(request())).job.metadata;
    expect((await service.suspend(uid)).status.phase).toBe('Suspended');
    expect((await service.resume(uid)).status.phase).toBe('Queued');
    const cancelled = await service.cancel(uid);
    expect(cancelled).toMatchObject({ status: { phase: 'Cancelled' }, metadata: { generation: 4 } });
    expect(await refused(service.suspend(uid))).toBe('conflict');
    const retried = await service.retry(uid);
    expect(retried).toMatchObject({ spec: { cancel: false }, status: { attempt: 2, phase: 'Queued' } });
    await clock.until(() => main.phase(uid) === 'Succeeded');
    expect((await service.cancel(uid)).status.phase).toBe('Succeeded');
    await service.delete(uid);
    await clock.until(() => main.store.get(uid) === undefined);
    expect(await refused(service.delete(uid))).toBe('job-not-found');
  });

  it('patches what may change, and takes values back by null', async () => {
    const { service } = await aService();
    const { uid } = (await service.create(request({ ttlSecondsAfterFinished: 60 }, { title: 'Old' }))).job.metadata;
    const changed = await service.patch(uid, {
      metadata: { title: 'New' },
      spec: { ttlSecondsAfterFinished: null, activeDeadlineSeconds: 90, retries: 1 },
    });
    expect(changed.spec).toMatchObject({ activeDeadlineSeconds: 90, retries: 1 });
    expect(changed.spec).not.toHaveProperty('ttlSecondsAfterFinished');
    expect(changed.metadata.annotations).toMatchObject({
      'mediajob.io/title': 'New',
      'mediajob.io/file-name': 'Talk.mp3',
    });
    expect(changed.metadata.generation).toBe(2);
    const untitled = await service.patch(uid, { metadata: { title: null } });
    expect(untitled.metadata.annotations).not.toHaveProperty('mediajob.io/title');
    expect(untitled.metadata.generation).toBe(2);
  });

  it('does many at once, and one that fails hinders none', async () => {
    const { service } = await aService();
    const { uid } = (await service.create(request())).job.metadata;
    const gone = randomUUID();
    const { results } = await service.bulk({ action: 'cancel', ids: [gone, uid] });
    expect(results).toMatchObject([
      { id: gone, ok: false, code: 'job-not-found' },
      { id: uid, ok: true },
    ]);
    expect(service.get(uid).status.phase).toBe('Cancelled');
  });

  it('a job that is being deleted changes no more, and its name is not free yet', async () => {
    const { service, workers, main, clock, addresses } = await aService();
    const { uid } = (await service.create(request({}, { name: 'talk' }))).job.metadata;
    await clock.until(() => main.phase(uid) === 'Converting');
    workers.away.set(addresses.converter, 'silent');
    await service.delete(uid);
    expect(await refused(service.retry(uid))).toBe('conflict');
    expect(await refused(service.create(request({}, { name: 'talk' })))).toBe('job-exists');
    await service.delete(uid);
  });
});
