import { execFileSync } from 'node:child_process';
import { chown, lstat, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runName, type StepRequest, type StepResult, shardChunks } from '@mediajob/contract';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { aMediaVolume, aModelsVolume, aSource, runContainer, whyNoPods } from './a-pod.js';

const jobId = '0b9e5f0c-3c55-4b62-9f3b-6d2f3f1d2a10';
const SOURCE = 'uploads/01JDMEDIAJ0B00000000000001/source';
const speech = { model: 'base', language: 'en', task: 'transcribe', quality: 'fast' } as const;
const OWN = [{ path: `jobs/${jobId}` }, { path: `outputs/${jobId}` }];
const repository = fileURLToPath(new URL('../..', import.meta.url));
const sample = join(repository, 'samples/jfk.mp3');
const noPods = whyNoPods();

const named = (stage: StepRequest['stage'], shard = 0) => runName(jobId, { stage, shard, attempt: 1, try: 1 });

const convertRequest: StepRequest = {
  stage: 'convert',
  jobId,
  runId: named('convert'),
  source: SOURCE,
  audioTrack: 0,
  transcript: true,
  plan: { targetMs: 30_000, windowMs: 30_000 },
  maxDurationMs: 3_600_000,
};

/** 44 s of speech. */
async function aTalk(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mediajob-talk-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const talk = join(directory, 'talk.mp3');
  execFileSync('ffmpeg', ['-v', 'error', '-stream_loop', '3', '-i', sample, '-c', 'copy', talk]);
  return talk;
}

async function everythingIn(root: string): Promise<string[]> {
  return (await readdir(root, { recursive: true })).sort();
}

beforeAll(() => {
  if (noPods !== undefined) {
    console.warn(`skipped: ${noPods}`);
    return;
  }
  // What runs in a pod is compiled.
  const tsc = join(repository, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-b', 'services/converter', 'services/transcriber'], {
    cwd: repository,
    stdio: 'inherit',
  });
});

describe.skipIf(noPods !== undefined)('pods that see nothing but their own directories', () => {
  it('make a transcript and a rendition together, shards at once, and a last one removes it all', async () => {
    const volume = await aMediaVolume();
    await aSource(volume, SOURCE, await aTalk());
    const models = await aModelsVolume();
    const pod = async (image: 'converter' | 'transcriber', request: StepRequest, env: Record<string, string> = {}) => {
      const needsSource = request.stage === 'convert' || request.stage === 'render';
      const init = await runContainer({
        image,
        entry: 'prepare',
        args: ['--job', jobId, ...(needsSource ? ['--source', SOURCE, '--stage', request.stage] : [])],
        volume,
        subPaths: [{ path: '' }],
      });
      expect(init.code, init.log).toBe(0);
      const { code, outcome, log } = await runContainer({
        image,
        entry: 'job',
        env: { MEDIAJOB_REQUEST: JSON.stringify(request), ...env },
        volume,
        models,
        subPaths: [...OWN, ...(needsSource ? [{ path: SOURCE, readOnly: true }] : [])],
      });
      expect(code, log).toBe(0);
      expect(outcome?.usage?.cpuSeconds).toBeGreaterThan(0);
      expect(outcome?.usage?.maxRssBytes).toBeGreaterThan(10 << 20);
      return (outcome as { result: StepResult }).result;
    };

    const converted = await pod('converter', convertRequest);
    expect(converted).toMatchObject({ stage: 'convert', media: { audioCodec: 'mp3' } });
    const chunks = converted.stage === 'convert' ? converted.chunks : 0;
    expect(chunks).toBeGreaterThan(1);

    // An Indexed Job: the same environment for all, but for the index.
    const template: StepRequest = {
      stage: 'transcribe',
      jobId,
      runId: named('transcribe'),
      shard: 0,
      chunks: shardChunks(0, 2, chunks),
      ...speech,
    };
    const indexed = { MEDIAJOB_SHARDS: '2', MEDIAJOB_CHUNKS: String(chunks) };
    const shards = [];
    for (const index of [1, 0]) {
      shards.push(await pod('transcriber', template, { ...indexed, JOB_COMPLETION_INDEX: String(index) }));
    }
    expect(shards).toMatchObject([
      { shard: 1, reused: 0, manifest: { path: `jobs/${jobId}/work/transcribe-1.manifest.json` } },
      { shard: 0, reused: 0 },
    ]);

    const finalize: StepRequest = {
      stage: 'finalize',
      jobId,
      runId: named('finalize'),
      ...speech,
      options: { formats: ['txt'], subtitles: { maxCharsPerLine: 42, maxLines: 2 } },
    };
    expect(await pod('transcriber', finalize)).toMatchObject({ stage: 'finalize', language: 'en' });
    const text = await readFile(join(volume, 'outputs', jobId, 'transcript.txt'), 'utf8');
    expect(text.match(/country/g)?.length).toBeGreaterThanOrEqual(6);

    const { audioTrack, maxDurationMs } = convertRequest;
    await pod('converter', {
      stage: 'render',
      jobId,
      runId: named('render'),
      source: SOURCE,
      audioTrack,
      renditions: [{ format: 'mp3' }],
      maxDurationMs,
    });

    // All of it belongs to everybody's group, and no half file is left.
    const made = await everythingIn(volume);
    expect(made.filter((it) => it.endsWith('.partial'))).toEqual([]);
    for (const path of made.filter((it) => it.startsWith(`jobs/${jobId}/`) || it.startsWith(`outputs/${jobId}/`))) {
      const stats = await lstat(join(volume, path));
      expect([path, stats.uid, stats.gid, (stats.mode & 0o7777).toString(8)]).toEqual([
        path,
        10001,
        10001,
        stats.isDirectory() ? '770' : '660',
      ]);
    }

    const { code, outcome, log } = await runContainer({
      image: 'converter',
      entry: 'job',
      env: { MEDIAJOB_REQUEST: JSON.stringify({ stage: 'cleanup', jobId, runId: named('cleanup') }) },
      volume,
      subPaths: [{ path: '' }],
    });
    expect(code, log).toBe(0);
    expect(outcome).toMatchObject({ result: { stage: 'cleanup', removed: 3 } });
    expect(await everythingIn(volume)).toEqual(
      ['jobs', 'outputs', 'uploads', 'uploads/01JDMEDIAJ0B00000000000001', SOURCE].sort(),
    );
  });

  it('give the result of a finished conversion again although its source is gone', async () => {
    const volume = await aMediaVolume();
    await aSource(volume, SOURCE, sample);
    const convert = async () => {
      const prepared = await runContainer({
        image: 'converter',
        entry: 'prepare',
        args: ['--job', jobId, '--source', SOURCE, '--stage', 'convert'],
        volume,
        subPaths: [{ path: '' }],
      });
      expect(prepared.code, prepared.log).toBe(0);
      const { code, outcome, log } = await runContainer({
        image: 'converter',
        entry: 'job',
        env: { MEDIAJOB_REQUEST: JSON.stringify(convertRequest) },
        volume,
        subPaths: [...OWN, { path: SOURCE, readOnly: true }],
      });
      expect(code, log).toBe(0);
      return (outcome as { result: StepResult }).result;
    };
    const first = await convert();
    // For a path that is gone the kubelet makes a directory, and mounts that.
    await rm(join(volume, SOURCE));
    await mkdir(join(volume, SOURCE));
    expect(await convert()).toEqual(first);
  });

  it('begin only when the volume has room, whatever the container’s own file systems have', async () => {
    const volume = await aMediaVolume({ size: '4m' });
    await aSource(volume, SOURCE, sample);
    const run = async (reserve: string) => {
      await runContainer({
        image: 'converter',
        entry: 'prepare',
        args: ['--job', jobId, '--source', SOURCE],
        volume,
        subPaths: [{ path: '' }],
      });
      return runContainer({
        image: 'converter',
        entry: 'job',
        env: { MEDIAJOB_REQUEST: JSON.stringify(convertRequest), MEDIAJOB_RESERVE_BYTES: reserve },
        volume,
        subPaths: [...OWN, { path: SOURCE, readOnly: true }],
      });
    };
    const refused = await run('2MiB');
    expect(refused.code, refused.log).toBe(73);
    expect(refused.outcome).toMatchObject({
      failure: {
        reason: 'StorageFull',
        message: expect.stringMatching(/and 2 MiB must stay free, but only 3\.\d MiB/),
      },
    });
    expect(await readdir(join(volume, 'jobs', jobId, 'work'))).toEqual([]);
  });

  it('whose source was removed behind their back say so with 66', async () => {
    const volume = await aMediaVolume();
    const { code, outcome } = await runContainer({
      image: 'converter',
      entry: 'prepare',
      args: ['--job', jobId, '--source', 'inbox/talk.mp3'],
      volume,
      subPaths: [{ path: '' }],
    });
    expect(code).toBe(66);
    expect(outcome).toMatchObject({ failure: { message: expect.stringMatching(/^There is no "inbox\/talk\.mp3"/) } });
  });
});

describe.skipIf(noPods !== undefined)('a volume that belongs to somebody else', () => {
  const init = (volume: string, readOnly = false) =>
    runContainer({
      image: 'transcriber',
      entry: 'prepare',
      args: ['--job', jobId, '--source', SOURCE],
      volume,
      subPaths: [{ path: '', readOnly }],
    });

  it.each<[what: string, spoil: (volume: string) => Promise<void>, message: RegExp]>([
    [
      'a volume of root',
      async (volume) => {
        await aSource(volume, SOURCE, sample);
        await chown(volume, 0, 0);
      },
      /^The media volume belongs to uid 0, gid 0 \(mode 755\), and this process is uid 10001, gid 10001, which may not write it\. Run once, as root: chown -R 10001:10001 \S+\/data \(on Kubernetes fsGroup/,
    ],
    [
      'a file that only root may read',
      async (volume) => {
        await aSource(volume, SOURCE, sample, 0o600);
        await chown(join(volume, SOURCE), 0, 0);
      },
      /^"uploads\/01JDMEDIAJ0B00000000000001\/source" on the media volume belongs to uid 0, gid 0 \(mode 600\).*may not read it/,
    ],
    [
      'a job’s directory left by root',
      async (volume) => {
        await aSource(volume, SOURCE, sample);
        execFileSync('mkdir', ['-p', '-m', '755', join(volume, 'jobs', jobId, 'work'), join(volume, 'outputs', jobId)]);
        await chown(join(volume, 'outputs', jobId), 10001, 10001);
      },
      /^"jobs\/0b9e5f0c-3c55-4b62-9f3b-6d2f3f1d2a10\/work" on the media volume belongs to uid 0.*may not write it/,
    ],
  ])('%s is told with its owner and what to do', async (_what, spoil, message) => {
    const volume = await aMediaVolume();
    await spoil(volume);
    const { code, outcome, log } = await init(volume);
    expect(code, log).toBe(74);
    expect(outcome).toMatchObject({
      failure: { exitCode: 74, reason: 'StorageError', message: expect.stringMatching(message) },
    });
  });

  it('a volume mounted read-only is told as that', async () => {
    const volume = await aMediaVolume();
    await aSource(volume, SOURCE, sample);
    const { code, outcome, log } = await init(volume, true);
    expect(code, JSON.stringify(outcome) + log).toBe(74);
    expect(outcome).toMatchObject({
      failure: { message: expect.stringMatching(/mounted read-only\. Mount it writable/) },
    });
  });
});
