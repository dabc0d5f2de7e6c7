import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ServerEvent, SystemStatus } from '@mediajob/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aJob } from './given-jobs.js';
import { type RunningMain, startMain } from './running-main.js';

let main: RunningMain;
beforeEach(async () => {
  main = await startMain();
});
afterEach(() => main[Symbol.asyncDispose]());

interface Received {
  id: string;
  event: ServerEvent;
}

/** Reads Server-Sent Events until `count` have come, or the stream ends. */
class Reader {
  readonly #abort = new AbortController();
  readonly events: Received[] = [];
  ended = false;
  retry: string | undefined;

  static async open(url: string, lastEventId?: string): Promise<Reader> {
    const reader = new Reader();
    const answer = await fetch(`${url}/api/v1/events`, {
      signal: reader.#abort.signal,
      headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
    });
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    void reader.#read(answer.body as ReadableStream<Uint8Array>).catch(() => {});
    return reader;
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
        this.retry ??= field('retry');
        const data = field('data');
        if (data !== undefined) this.events.push({ id: field('id') ?? '', event: ServerEvent.parse(JSON.parse(data)) });
      }
    }
    this.ended = true;
  }

  async count(count: number): Promise<Received[]> {
    await expect.poll(() => this.events.length).toBe(count);
    return this.events;
  }
  close(): void {
    this.#abort.abort();
  }
}

describe('live events', () => {
  it('reach every reader, in order, with ids', async () => {
    const readers = await Promise.all([Reader.open(main.url), Reader.open(main.url)]);
    for (const reader of readers) await reader.count(1);
    const job = aJob('inbox/a.mp3');
    main.events.publish({ type: 'job', job });
    main.events.publish({ type: 'job-deleted', id: job.metadata.uid });
    for (const reader of readers) {
      const events = await reader.count(3);
      expect(events.map(({ event }) => event.type)).toEqual(['reset', 'job', 'job-deleted']);
      expect(new Set(events.map(({ id }) => id)).size).toBe(3);
      expect(reader.retry).toBe('2000');
      reader.close();
    }
  });

  it('that were missed follow after a cut, each once', async () => {
    const first = await Reader.open(main.url);
    await first.count(1);
    main.events.publish({ type: 'system' });
    const [, last] = await first.count(2);
    first.close();
    main.events.publish({ type: 'job-deleted', id: crypto.randomUUID() });
    main.events.publish({ type: 'system' });
    const second = await Reader.open(main.url, last?.id);
    await second.count(2);
    main.events.publish({ type: 'upload-deleted', id: '01ARZ3NDEKTSV4RRFFQ69G5FAV' });
    const events = await second.count(3);
    expect(events.map(({ event }) => event.type)).toEqual(['job-deleted', 'system', 'upload-deleted']);
    second.close();
  });

  it('that a cut reader missed before it got its first are not lost either', async () => {
    const first = await Reader.open(main.url);
    const [hello] = await first.count(1);
    first.close();
    main.events.publish({ type: 'system' });
    const second = await Reader.open(main.url, hello?.id);
    expect((await second.count(1)).map(({ event }) => event.type)).toEqual(['system']);
    second.close();
  });

  it.each(['another-epoch-5', 'nonsense', '', '../../etc', '9'.repeat(300)])(
    'begin with reset after an id that is not ours: %s',
    async (id) => {
      main.events.publish({ type: 'system' });
      const reader = await Reader.open(main.url, id);
      expect((await reader.count(1)).map(({ event }) => event.type)).toEqual(['reset']);
      reader.close();
    },
  );

  it('end when main is stopped, so that nobody waits for it', async () => {
    const reader = await Reader.open(main.url);
    await reader.count(1);
    await main.service.stop('test');
    await expect.poll(() => reader.ended).toBe(true);
  });

  it('do not stay behind when their reader goes away', async () => {
    const reader = await Reader.open(main.url);
    await reader.count(1);
    reader.close();
    await expect.poll(() => main.metric('http_requests_in_flight')).toBe(0);
  });
});

describe('the system', () => {
  const system = async (of = main) => SystemStatus.parse(await (await fetch(`${of.url}/api/v1/system`)).json());

  it('answers with all workers away, and says what is', async () => {
    const status = await system();
    expect(status).toMatchObject({ health: 'degraded', runtime: 'local', models: [], version: '0.1.0' });
    expect(status.services.map(({ name, state }) => [name, state])).toEqual([
      ['main', 'up'],
      ['converter', 'down'],
      ['transcriber', 'down'],
    ]);
    expect(status.storage.freeBytes).toBeGreaterThan(0);
    expect(status.limits.defaultModel).toBe('base');
  });

  it('is degraded but ready with all workers away', async () => {
    const health = await fetch(`${main.url}/health`);
    expect([health.status, (await health.json()).status]).toEqual([200, 'degraded']);
    expect((await fetch(`${main.url}/health/ready`)).status).toBe(200);
  });

  it('knows every language without a transcriber, and says that models are not known', async () => {
    const { languages } = await (await fetch(`${main.url}/api/v1/languages`)).json();
    expect(languages).toContainEqual({ code: 'ru', name: 'Russian' });
    expect(languages.length).toBeGreaterThanOrEqual(99);
    const models = await fetch(`${main.url}/api/v1/models`);
    expect([models.status, (await models.json()).code]).toEqual([503, 'worker-unavailable']);
  });

  describe('with workers', () => {
    const model = {
      name: 'base',
      description: 'Base',
      languages: 99,
      translates: true,
      installed: true,
      bytes: 1,
      downloadable: true,
      default: true,
    };
    let answers: Record<string, [number, unknown]>;
    let worker: Server;
    let address: string;
    beforeEach(async () => {
      answers = {
        '/health': [200, { status: 'ok', version: '0.1.0', instance: 'w1' }],
        '/v1/tasks': [200, { instance: 'w1', capacity: 2, running: 1, queued: 3, draining: false, tasks: [] }],
        '/v1/models': [200, { models: [model] }],
        '/v1/probe': [
          415,
          { type: 'x', title: 'x', status: 415, code: 'unsupported-media', detail: 'There is no sound in it.' },
        ],
      };
      worker = createServer((request, response) => {
        const [status, body] = answers[request.url ?? ''] ?? [404, {}];
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
      await new Promise<void>((resolve) => worker.listen(0, '127.0.0.1', resolve));
      address = `http://127.0.0.1:${(worker.address() as AddressInfo).port}`;
    });
    afterEach(() => worker.close());
    const withWorker = () => startMain({ MEDIAJOB_CONVERTER_URLS: address, MEDIAJOB_TRANSCRIBER_URLS: address });

    it('shows what each is doing', async () => {
      await using one = await withWorker();
      const status = await system(one);
      expect(status.health).toBe('up');
      expect(status.services[1]).toEqual({
        name: 'converter',
        address,
        state: 'up',
        instance: 'w1',
        version: '0.1.0',
        running: 1,
        queued: 3,
        capacity: 2,
      });
      expect(status.models).toEqual([model]);
    });

    it('shows what troubles one', async () => {
      answers['/health'] = [
        503,
        { status: 'error', details: { ffmpeg: { status: 'down', message: 'ffmpeg does not run.' } } },
      ];
      await using one = await withWorker();
      expect((await system(one)).services[1]).toMatchObject({ state: 'down', detail: 'ffmpeg: ffmpeg does not run.' });
    });

    describe('that work on another volume', () => {
      const on = (volumeId: string, status = 'up') => [
        200,
        { status: 'ok', instance: 'w1', details: { volume: { status, volumeId } } },
      ];

      it('are told of as such, in one sentence that says what to do', async () => {
        answers['/health'] = on('11111111-2222-4333-8444-555555555555') as [number, unknown];
        await using one = await withWorker();
        const status = await system(one);
        expect(status.health).toBe('degraded');
        expect(status.services[1]).toMatchObject({
          state: 'degraded',
          detail: expect.stringMatching(/another media volume than main.*Mount it/),
        });
        const health = await (await fetch(`${one.url}/health`)).json();
        expect(health.status).toBe('degraded');
        expect(health.details.converter).toMatchObject({
          status: 'degraded',
          up: 0,
          message: expect.stringMatching(/^The converter at http:.*: It works on another media volume/),
        });
        expect((await fetch(`${one.url}/health/ready`)).status).toBe(200);
      });

      it('are not asked about files: an upload is taken as if they were away', async () => {
        answers['/health'] = on('11111111-2222-4333-8444-555555555555') as [number, unknown];
        await using one = await withWorker();
        const { upload, wav } = await import('./tus-client.js');
        const location = await upload(one.url, wav(5000));
        const answer = await fetch(`${one.url}${location}/probe`, { method: 'POST' });
        expect((await answer.json()).code).not.toBe('unsupported-media');
      });

      it('are no longer, once they are on ours', async () => {
        await using one = await withWorker();
        const { id } = JSON.parse(await readFile(join(one.dataDir, '.mediajob-volume.json'), 'utf8'));
        answers['/health'] = on(id) as [number, unknown];
        expect((await system(one)).services[1]).toMatchObject({ state: 'up' });
      });
    });

    it('still knows the models after the transcriber has gone', async () => {
      await using one = await withWorker();
      expect(await (await fetch(`${one.url}/api/v1/models`)).json()).toEqual({ models: [model] });
      await new Promise<void>((resolve) => {
        worker.close(() => resolve());
        worker.closeAllConnections();
      });
      expect(await (await fetch(`${one.url}/api/v1/models`)).json()).toEqual({ models: [model] });
    });

    it('asks the next instance when one does not answer', async () => {
      await using one = await startMain({ MEDIAJOB_TRANSCRIBER_URLS: `http://127.0.0.1:9,${address}` });
      for (let i = 0; i < 4; i++) {
        expect((await fetch(`${one.url}/api/v1/models`)).status).toBe(200);
      }
    });

    it('tells a person what the converter finds wrong with a file', async () => {
      await using one = await withWorker();
      const { upload, wav } = await import('./tus-client.js');
      const location = await upload(one.url, wav(5000));
      const answer = await fetch(`${one.url}${location}/probe`, { method: 'POST' });
      expect(await answer.json()).toMatchObject({
        status: 415,
        code: 'unsupported-media',
        detail: 'There is no sound in it.',
      });
    });
  });
});
