import { EngineError, ModelError } from '@mediajob/speech';
import { Volume } from '@mediajob/storage';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../../storage/test/fixtures/temporary-directory.js';
import { aContext, aTranscribeRequest } from '../test/fixtures/a-job.js';
import { FakeEngine } from '../test/fixtures/fake-engine.js';
import { EnginePool } from './engine-pool.js';
import { FallbackModel } from './fallback-model.js';

async function aWorld(change: { missing?: boolean; broken?: Error } = {}) {
  const context = aContext(new Volume(await aTemporaryDirectory()), { engine: new FakeEngine() });
  const opened: string[] = [];
  const engines = new EnginePool({
    ttlMs: 60_000,
    async identify(name) {
      if (change.missing === true) throw new ModelError('model-missing', `The model ${name} is not installed.`);
      return { modelPath: `/models/${name}.bin`, modelBytes: 1, modelSha256: 'b'.repeat(64) };
    },
    async open({ name }) {
      if (change.broken !== undefined) throw change.broken;
      opened.push(name);
      return new FakeEngine();
    },
  });
  return { context: { ...context, engines }, opened, warnings: () => context.said.filter((it) => it.level === 'warn') };
}
const request = aTranscribeRequest({ fallbackModel: 'small' });

describe('the fallback model', () => {
  it('is loaded when the first doubtful window asks for it, and once', async () => {
    const { context, opened } = await aWorld();
    const larger = new FallbackModel(request, context);
    expect(opened).toEqual([]);
    const [first, second] = await Promise.all([larger.acquire(), larger.acquire()]);
    expect(first).toBe(second);
    expect(first?.model).toBe('small');
    expect(opened).toEqual(['small']);
    larger.release();
  });

  it('is none when the job names none', async () => {
    const { context, opened } = await aWorld();
    expect(await new FallbackModel(aTranscribeRequest(), context).acquire()).toBeUndefined();
    expect(opened).toEqual([]);
  });

  it.each([
    ['is not installed', { missing: true }],
    ['does not fit into memory', { broken: new EngineError('out-of-memory', 'The model does not fit.') }],
  ])('that %s is gone without, and the log says so once', async (_, change) => {
    const { context, warnings } = await aWorld(change);
    const larger = new FallbackModel(request, context);
    expect(await larger.acquire()).toBeUndefined();
    expect(await larger.acquire()).toBeUndefined();
    expect(warnings()).toEqual([expect.objectContaining({ fields: expect.objectContaining({ model: 'small' }) })]);
  });

  it('that dies at work is not asked again', async () => {
    const { context, warnings } = await aWorld();
    const larger = new FallbackModel(request, context);
    (await larger.acquire())?.failed(new EngineError('crashed', 'The engine died.'));
    expect(await larger.acquire()).toBeUndefined();
    expect(warnings()).toHaveLength(1);
  });

  it('that broke for a reason of ours is no extra: the run fails', async () => {
    const { context } = await aWorld({ broken: new TypeError('a defect') });
    await expect(new FallbackModel(request, context).acquire()).rejects.toThrow('a defect');
  });

  it.each([
    [{ fallbackModel: 'base' }, 'fallbackModel is base, too'],
    [{ fallbackModel: 'large-v3-turbo', task: 'translate' as const }, 'cannot translate'],
    [{ fallbackModel: 'base.en', language: 'ru' }, 'knows only English'],
  ])('%j is refused before anything is done', async (change, message) => {
    const { context } = await aWorld();
    const wrong = aTranscribeRequest(change);
    expect(() => new FallbackModel(wrong, context)).toThrow(message);
  });
});
