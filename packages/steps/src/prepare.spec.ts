import { execFileSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StepOutcome } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../../storage/test/fixtures/temporary-directory.js';
import { jobId } from '../test/fixtures/a-job.js';
import type { EntryDependencies } from './entry.js';
import { prepare } from './prepare.js';

const SOURCE = 'uploads/01JDMEDIAJ0B00000000000001/source';
const other = '11111111-1111-4111-8111-111111111111';

/** A volume with one upload, a neighbour's work, and a directory beside it that nothing may touch. */
async function aVolume() {
  const directory = await aTemporaryDirectory();
  const root = join(directory, 'volume');
  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  await put(SOURCE, 'sound');
  await put(`jobs/${other}/work/audio.wav`, 'another job');
  await mkdir(join(directory, 'outside'));
  await writeFile(join(directory, 'outside', 'secret'), 'secret');
  const terminationLog = join(directory, 'termination-log');
  const run = async (argv: string[], deps: EntryDependencies = {}) => {
    const out: string[] = [];
    const code = await prepare(
      argv,
      { MEDIAJOB_DATA_DIR: root, MEDIAJOB_TERMINATION_LOG: terminationLog },
      { stdout: (text) => void out.push(text), stderr: () => undefined, ...deps },
    );
    const message = await readFile(terminationLog, 'utf8').catch(() => undefined);
    expect(out.join('').trimEnd()).toBe(message ?? '');
    const failure = message === undefined ? undefined : StepOutcome.parse(JSON.parse(message));
    return { code, failure: failure !== undefined && 'failure' in failure ? failure.failure : undefined };
  };
  const untouched = async () => ({
    outside: await readdir(join(directory, 'outside')),
    neighbour: await readdir(join(root, 'jobs', other)),
  });
  return { directory, root, put, run, untouched };
}

const NOTHING_ELSE = { outside: ['secret'], neighbour: ['work'] };
const argv = ['--job', jobId, '--source', SOURCE];

describe('prepare', () => {
  it('makes the directories of its job, says nothing, and ends with 0; again is fine', async () => {
    const { root, run, untouched } = await aVolume();
    expect(await run(argv)).toEqual({ code: 0, failure: undefined });
    expect(await run(argv)).toEqual({ code: 0, failure: undefined });
    expect((await stat(join(root, 'jobs', jobId, 'work'))).isDirectory()).toBe(true);
    expect((await stat(join(root, 'outputs', jobId))).isDirectory()).toBe(true);
    expect(await untouched()).toEqual(NOTHING_ELSE);
  });

  it('without a source only makes them: later stages read what an earlier one made', async () => {
    const { root, run } = await aVolume();
    await rm(join(root, SOURCE));
    expect(await run(['--job', jobId])).toEqual({ code: 0, failure: undefined });
    expect(await readdir(join(root, 'outputs'))).toEqual([jobId]);
  });

  it('never looks into the source', async () => {
    const { root, put, run } = await aVolume();
    await put('inbox/song; rm -rf.mp3', '#EXTM3U\nfile:///etc/passwd\n');
    await writeFile(join(root, SOURCE), '');
    expect((await run(argv)).code).toBe(0);
    expect((await run(['--job', jobId, '--source', 'inbox/song; rm -rf.mp3'])).code).toBe(0);
  });

  it.each([
    [SOURCE, /Upload the file again and make a new job\.$/],
    ['inbox/talks/gone.mp3', /^There is no "inbox\/talks\/gone\.mp3" on the media volume\. Put it there/],
  ])('a missing %s ends with 66, and nothing is made', async (source, message) => {
    const { root, run } = await aVolume();
    await rm(join(root, SOURCE));
    const { code, failure } = await run(['--job', jobId, '--source', source]);
    expect(code).toBe(66);
    expect(failure).toMatchObject({ exitCode: 66, reason: 'InputNotFound', message: expect.stringMatching(message) });
    expect(await readdir(root)).not.toContain('outputs');
  });

  describe('of a source that is gone', () => {
    const stage = [...argv, '--stage', 'convert'];
    const manifest = {
      schemaVersion: 1,
      jobId,
      stage: 'convert',
      shard: 0,
      runId: `${jobId}-convert-0-1-1`,
      inputSha256: 'a'.repeat(64),
      parametersSha256: 'b'.repeat(64),
      tools: {},
      files: [],
      result: {},
      finishedAt: '2026-01-01T00:00:00.000Z',
    };
    const path = `jobs/${jobId}/work/convert.manifest.json`;

    it('lets a stage that is finished give its result again, also with the kubelet’s directory in its place', async () => {
      const { root, put, run } = await aVolume();
      await put(path, JSON.stringify(manifest));
      await rm(join(root, SOURCE));
      expect(await run(stage)).toEqual({ code: 0, failure: undefined });
      await mkdir(join(root, SOURCE));
      expect(await run(stage)).toEqual({ code: 0, failure: undefined });
      // For what has still to be done there is nothing to read.
      expect((await run([...argv, '--stage', 'render'])).code).toBe(66);
      expect((await run(argv)).code).toBe(66);
    });

    it.each([
      ['is not finished', undefined],
      ['has a damaged manifest', '{"schemaVersion": 1'],
    ])('ends a stage that %s', async (_, text) => {
      const { root, put, run } = await aVolume();
      if (text !== undefined) await put(path, text);
      await rm(join(root, SOURCE));
      expect(await run(stage)).toMatchObject({ code: 66, failure: { reason: 'InputNotFound' } });
    });

    it('takes no directory with something in it for one of the kubelet', async () => {
      const { root, put, run } = await aVolume();
      await put(path, JSON.stringify(manifest));
      await rm(join(root, SOURCE));
      await put(`${SOURCE}/file`, 'x');
      expect(await run(stage)).toMatchObject({
        code: 64,
        failure: { message: expect.stringMatching(/is not a file/) },
      });
    });
  });

  const links: [what: string, target: (directory: string) => string, link: string, source: string][] = [
    ['a link that leaves the volume', (d) => join(d, 'outside/secret'), 'inbox/link', 'inbox/link'],
    ['a link to another job', () => `../jobs/${other}/work/audio.wav`, 'inbox/link', 'inbox/link'],
    ['a link to another upload', () => `../${SOURCE}`, 'inbox/link', 'inbox/link'],
    ['a directory that is a link out', (d) => join(d, 'outside'), 'inbox/album', 'inbox/album/secret'],
    ['a directory that is a link to the root', (d) => join(d, 'volume'), 'inbox/album', `inbox/album/${SOURCE}`],
    ['a link to nothing', () => 'gone', 'inbox/link', 'inbox/link'],
    ['a link to itself', () => 'link', 'inbox/link', 'inbox/link'],
  ];
  it.each(links)('%s is no source', async (_what, target, link, source) => {
    const { directory, root, run, untouched } = await aVolume();
    await mkdir(dirname(join(root, link)), { recursive: true });
    await symlink(target(directory), join(root, link));
    const { code, failure } = await run(['--job', jobId, '--source', source]);
    expect(code).toBe(64);
    expect(failure).toMatchObject({ reason: 'InvalidArguments', message: expect.stringMatching(/symbolic link/) });
    expect(await untouched()).toEqual(NOTHING_ELSE);
    expect(await readdir(root)).not.toContain('outputs');
  });

  it.each([
    ['jobs', (d: string) => join(d, 'outside')],
    ['outputs', (d: string) => join(d, 'outside')],
    [`jobs/${jobId}`, () => other],
    [`jobs/${jobId}/work`, () => `../${other}/work`],
    [`outputs/${jobId}`, () => `../jobs/${other}`],
    [`outputs/${jobId}`, () => 'gone'],
  ])('a link in place of %s makes it refuse, and nothing behind it is changed', async (link, target) => {
    const { directory, root, run, untouched } = await aVolume();
    if (link === 'jobs') await rm(join(root, 'jobs'), { recursive: true });
    await mkdir(dirname(join(root, link)), { recursive: true });
    await symlink(target(directory), join(root, link));
    expect((await run(argv)).code).toBe(64);
    if (link !== 'jobs') expect(await untouched()).toEqual(NOTHING_ELSE);
    expect(await readdir(join(directory, 'outside'))).toEqual(['secret']);
  });

  it('a pipe and a directory are no source, and a pipe does not make it wait', async () => {
    const { root, run } = await aVolume();
    await mkdir(join(root, 'inbox'));
    execFileSync('mkfifo', [join(root, 'inbox', 'pipe')]);
    for (const source of ['inbox/pipe', 'uploads/01JDMEDIAJ0B00000000000001']) {
      expect(await run(['--job', jobId, '--source', source])).toMatchObject({
        code: 64,
        failure: { message: expect.stringMatching(/is not a file/) },
      });
    }
  });

  const wrong: [what: string, argv: string[], message: RegExp][] = [
    ['no job', ['--source', SOURCE], /--job must be the UID/],
    ['a job that is a path', ['--job', '../../etc'], /--job must be the UID/],
    ['a source outside', ['--job', jobId, '--source', '/etc/passwd'], /--source must be a relative path/],
    ['a way up', ['--job', jobId, '--source', 'inbox/../jobs/x'], /--source must be a relative path/],
    ['another job’s work', ['--job', jobId, '--source', `jobs/${other}/work/audio.wav`], /must begin with uploads/],
    ['a stage that is none', [...argv, '--stage', 'cook'], /--stage is none of ours/],
    ['an unknown option', ['--force', 'x'], /--force is not known\. Usage/],
    ['an option without its value', ['--job'], /--job needs a value/],
    ['an option twice', ['--job', jobId, '--job', other], /--job is given twice/],
  ];
  it.each(wrong)('with %s says what is wrong and ends with 64', async (_what, given, message) => {
    const { run, untouched } = await aVolume();
    expect(await run(given)).toMatchObject({
      code: 64,
      failure: { exitCode: 64, reason: 'InvalidArguments', message: expect.stringMatching(message) },
    });
    expect(await untouched()).toEqual(NOTHING_ELSE);
  });

  it('asked by SIGTERM to stop ends with 143', async () => {
    const { run } = await aVolume();
    const signals = new EventEmitter();
    const running = run(argv, { signals });
    signals.emit('SIGTERM', 'SIGTERM');
    expect(await running).toMatchObject({ code: 143, failure: { reason: 'Interrupted' } });
  });
});
