import { EventEmitter } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StepOutcome, type StepRequest } from '@mediajob/contract';
import { nodeFileOperations, Volume } from '@mediajob/storage';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../../storage/test/fixtures/temporary-directory.js';
import { aContext, aPlan, aTranscribeRequest, convertedJob, jobId } from '../test/fixtures/a-job.js';
import { FakeEngine } from '../test/fixtures/fake-engine.js';
import { type JobDependencies, type JobMeter, runJob } from './run-job.js';

const cleanup: StepRequest = { stage: 'cleanup', jobId, runId: 'run-1' };

/** Runs a Job in this process and catches what it says. */
async function aRun(argv: string[], env: NodeJS.ProcessEnv = {}, deps: JobDependencies = {}) {
  const directory = await aTemporaryDirectory();
  const terminationLog = join(directory, 'termination-log');
  let out = '';
  let err = '';
  const code = await runJob(
    argv,
    { MEDIAJOB_DATA_DIR: directory, MEDIAJOB_TERMINATION_LOG: terminationLog, ...env },
    {
      stdout: (text) => {
        out += text;
      },
      stderr: (text) => {
        err += text;
      },
      ...deps,
    },
  );
  const outcome = StepOutcome.parse(JSON.parse(out.trimEnd().split('\n').at(-1) ?? ''));
  const termination = await readFile(terminationLog, 'utf8').catch(() => undefined);
  return { code, out, err, outcome, termination };
}

describe('a Job', () => {
  it('prints its outcome as the last line, writes it as termination message, and exits 0', async () => {
    const { code, out, outcome, termination } = await aRun(['--request', JSON.stringify(cleanup)]);
    expect(code).toBe(0);
    expect(outcome).toEqual({ result: { stage: 'cleanup', removed: 0 } });
    expect(out.trimEnd()).toBe(termination);
  });

  it('takes its request from a file or the environment, too', async () => {
    const file = join(await aTemporaryDirectory(), 'request.json');
    await writeFile(file, JSON.stringify(cleanup));
    expect((await aRun(['--request-file', file])).code).toBe(0);
    expect((await aRun([], { MEDIAJOB_REQUEST: JSON.stringify(cleanup) })).code).toBe(0);
  });

  const wrong: [what: string, argv: string[], message: RegExp][] = [
    ['no request', [], /^No request was given\. Usage: job --request JSON/],
    ['an unknown option', ['--help'], /^--help is not known\. Usage/],
    ['an option without its value', ['--request'], /needs a value/],
    ['too many arguments', ['--request', '{}', 'x'], /Too many arguments/],
    ['no JSON', ['--request', '{'], /is not JSON/],
    ['a wrong field', ['--request', JSON.stringify({ ...cleanup, jobId: 'x' })], /jobId: must be a UUID/],
    ['a field that nobody knows', ['--request', JSON.stringify({ ...cleanup, force: true })], /force/],
    ['another stage', ['--request', JSON.stringify({ ...cleanup, stage: 'dance' })], /stage/],
  ];
  it.each(wrong)('with %s says what is wrong and exits 64', async (_what, argv, message) => {
    const { code, outcome, termination } = await aRun(argv);
    expect(code).toBe(64);
    expect(outcome).toMatchObject({ failure: { exitCode: 64, message: expect.stringMatching(message) } });
    expect(JSON.parse(termination ?? '')).toEqual(outcome);
  });

  it('with a wrong setting names it and exits 64', async () => {
    const { code, outcome } = await aRun(['--request', JSON.stringify(cleanup)], { MEDIAJOB_RESERVE_BYTES: 'much' });
    expect(code).toBe(64);
    expect(outcome).toMatchObject({
      failure: { message: expect.stringMatching(/MEDIAJOB_RESERVE_BYTES must be a size such as 500MB/) },
    });
  });

  it('whose request file is missing exits 66', async () => {
    expect((await aRun(['--request-file', '/nowhere/request.json'])).code).toBe(66);
  });

  it('takes an empty variable for one that is not set', async () => {
    const env = { MEDIAJOB_MODELS_DIR: '', MEDIAJOB_CONCURRENCY: '', MEDIAJOB_LOG_LEVEL: 'info' };
    expect((await aRun(['--request', JSON.stringify(cleanup)], env)).code).toBe(0);
  });

  it('without a model exits 78 and names the command that fetches it', async () => {
    const directory = await aTemporaryDirectory();
    await convertedJob(new Volume(directory), aPlan([1]));
    const request = JSON.stringify(aTranscribeRequest({ language: 'en' }));
    const { code, outcome } = await aRun(['--request', request], { MEDIAJOB_DATA_DIR: directory });
    expect(code).toBe(78);
    expect(outcome).toMatchObject({
      failure: { reason: 'ModelNotFound', message: expect.stringMatching(/mediajob-models pull base/) },
    });
  });

  it('asked by SIGTERM to stop keeps its parts, closes its engine and exits 143', async () => {
    const volume = new Volume(await aTemporaryDirectory());
    await convertedJob(volume, aPlan([1, 1, 1]));
    const signals = new EventEmitter();
    const engine = new FakeEngine({
      states: 1,
      before: ({ startMs }) => void (startMs > 100_000 && signals.emit('SIGTERM', 'SIGTERM')),
    });
    const context = aContext(volume, { engine });
    const request = JSON.stringify(aTranscribeRequest({ chunks: { from: 0, to: 3 } }));
    const { code, outcome, err } = await aRun(
      ['--request', request],
      {},
      {
        signals,
        tools: () => context,
      },
    );
    expect(code).toBe(143);
    expect(outcome).toMatchObject({ failure: { reason: 'Interrupted' } });
    expect(engine.closed).toBe(true);
    await expect(volume.resolveExisting(volume.layout.part(jobId, 0))).resolves.toBeDefined();
    expect(signals.listenerCount('SIGTERM')).toBe(0);
    expect(err).toContain('"msg":"step stopped"');
  });

  it('asked to stop in the moment in which it finishes still exits 143, and the next one finds it finished', async () => {
    const signals = new EventEmitter();
    const volume = new Volume(await aTemporaryDirectory(), {
      files: {
        ...nodeFileOperations,
        async rename(from, to) {
          await nodeFileOperations.rename(from, to);
          if (to.endsWith('transcribe-0.manifest.json')) signals.emit('SIGTERM', 'SIGTERM');
        },
      },
    });
    await convertedJob(volume, aPlan([1]));
    const argv = ['--request', JSON.stringify(aTranscribeRequest())];
    const runWith = (engine: FakeEngine) => aRun(argv, {}, { signals, tools: () => aContext(volume, { engine }) });
    const first = new FakeEngine();
    expect({ code: (await runWith(first)).code, decoded: first.decoded.length }).toEqual({ code: 143, decoded: 1 });
    const second = new FakeEngine();
    expect({ code: (await runWith(second)).code, decoded: second.decoded.length }).toEqual({ code: 0, decoded: 0 });
  });

  it('says its progress and failures as JSON lines on stderr', async () => {
    const volume = new Volume(await aTemporaryDirectory());
    await convertedJob(volume, aPlan([1, 1]));
    const context = aContext(volume, { engine: new FakeEngine() });
    const request = JSON.stringify(aTranscribeRequest({ chunks: { from: 0, to: 2 } }));
    const { err } = await aRun(['--request', request], {}, { tools: () => context });
    const lines = err
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: string; progress?: { fraction: number } });
    expect(lines.every((line) => ['debug', 'info', 'warn', 'error'].includes(line.level))).toBe(true);
    expect(lines.flatMap((line) => line.progress?.fraction ?? []).at(-1)).toBe(1);
  });

  it('tells what it used, whether it succeeded or failed, with all that ended while it was measured', async () => {
    const used = { cpuSeconds: 12.5, maxRssBytes: 1 << 30 };
    let ended = false;
    const meter: JobMeter = {
      async measure(work) {
        const value = await work(() => (ended ? used : undefined));
        ended = true;
        return value;
      },
    };
    const done = await aRun(['--request', JSON.stringify(cleanup)], {}, { meter });
    expect(done.outcome).toEqual({ result: { stage: 'cleanup', removed: 0 }, usage: used });
    expect(JSON.parse(done.termination ?? '')).toEqual(done.outcome);
    const failed = await aRun(['--request', '{'], {}, { meter });
    expect(failed).toMatchObject({ code: 64, outcome: { failure: { reason: 'InvalidArguments' }, usage: used } });
  });

  it('whose termination message cannot be written says so and keeps its exit code', async () => {
    const { code, err } = await aRun(['--request', JSON.stringify(cleanup)], {
      MEDIAJOB_TERMINATION_LOG: '/nowhere/termination-log',
    });
    expect(code).toBe(0);
    expect(err).toContain('the termination message could not be written');
  });
});
