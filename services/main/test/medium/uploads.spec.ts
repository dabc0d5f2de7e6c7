import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UploadInfo, UploadStatus } from '@mediajob/contract';
import { ulid } from 'ulid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UploadsService } from '../../src/uploads/uploads.service.js';
import { aJob } from './given-jobs.js';
import { type RunningMain, startMain } from './running-main.js';
import { begin, idOf, offsetOf, send, upload, wav } from './tus-client.js';

let main: RunningMain;
beforeAll(async () => {
  main = await startMain({ MEDIAJOB_MAX_UPLOAD_BYTES: '8MiB' });
});
afterAll(() => main[Symbol.asyncDispose]());

const infoOf = async (id: string, of = main) => {
  const path = join(of.dataDir, 'uploads', id, 'upload.json');
  return UploadInfo.parse(JSON.parse(await readFile(path, 'utf8')));
};
const problem = async (answer: Response) => ({ ...(await answer.json()), type: answer.headers.get('content-type') });

describe('an upload', () => {
  it('is complete, on disk, with checksum, type and name, when the last bytes are acknowledged', async () => {
    const bytes = wav(300_000);
    const location = await upload(main.url, bytes, { filename: 'Интервью №1.wav' });
    const id = idOf(location);
    const info = await infoOf(id);
    expect(info).toMatchObject({
      id,
      fileName: 'Интервью №1.wav',
      bytes: bytes.length,
      mediaType: 'audio/wav',
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    expect(info.completedAt).toBeDefined();
    expect(await readFile(join(main.dataDir, 'uploads', id, 'source'))).toEqual(bytes);
    expect(await readdir(join(main.dataDir, 'uploads', id))).toEqual(['source', 'upload.json']);
    const status = UploadStatus.parse(await (await fetch(`${main.url}/api/v1/uploads/${id}/info`)).json());
    expect(status).toMatchObject({ complete: true, receivedBytes: bytes.length, jobs: [] });
  });

  it('comes in pieces and is hashed as one', async () => {
    const bytes = wav(1_000_000);
    const location = await begin(main.url, bytes.length);
    for (let at = 0; at < bytes.length; at += 150_001) {
      const answer = await send(main.url, location, at, bytes.subarray(at, at + 150_001));
      expect(answer.status).toBe(204);
      expect(answer.headers.get('upload-offset')).toBe(String(Math.min(bytes.length, at + 150_001)));
    }
    expect((await infoOf(idOf(location))).sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('may bring its bytes with its creation', async () => {
    const bytes = wav(5000);
    const answer = await fetch(`${main.url}/api/v1/uploads`, {
      method: 'POST',
      headers: {
        'tus-resumable': '1.0.0',
        'upload-length': String(bytes.length),
        'content-type': 'application/offset+octet-stream',
      },
      body: bytes,
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('upload-offset')).toBe('5000');
    const location = answer.headers.get('location') ?? '';
    expect(location).toMatch(/^\/api\/v1\/uploads\/[0-9A-HJKMNP-TV-Z]{26}$/);
    expect((await infoOf(idOf(location))).completedAt).toBeDefined();
  });

  it('may tell its length later', async () => {
    const bytes = wav(20_000);
    const location = await begin(main.url, undefined);
    expect((await send(main.url, location, 0, bytes.subarray(0, 10_000))).status).toBe(204);
    expect((await infoOf(idOf(location))).completedAt).toBeUndefined();
    const answer = await send(main.url, location, 10_000, bytes.subarray(10_000), { 'upload-length': '20000' });
    expect(answer.status).toBe(204);
    expect(await infoOf(idOf(location))).toMatchObject({ bytes: 20_000, completedAt: expect.any(String) });
  });

  it('goes on where it was after main was started again, and is hashed in the background', async () => {
    const bytes = wav(500_000);
    const first = await startMain();
    const location = await begin(first.url, bytes.length);
    await send(first.url, location, 0, bytes.subarray(0, 200_000));
    await first.service.stop('test');
    const second = await startMain({}, { dataDir: first.dataDir });
    expect(await offsetOf(second.url, location)).toBe(200_000);
    expect((await send(second.url, location, 200_000, bytes.subarray(200_000))).status).toBe(204);
    await second.service.app.get(UploadsService).hashed();
    expect(await infoOf(idOf(location), second)).toMatchObject({
      completedAt: expect.any(String),
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    await second[Symbol.asyncDispose]();
  });

  it('is ended at the next start when main died between its last byte and its end', async () => {
    const first = await startMain();
    const bytes = wav(50_000);
    const id = idOf(await begin(first.url, bytes.length));
    await first.service.stop('test');
    await writeFile(join(first.dataDir, 'uploads', id, 'source'), bytes);
    const second = await startMain({}, { dataDir: first.dataDir });
    // A client asks for the offset; told that all bytes are there, it takes the upload for complete. Then it must be.
    expect(await offsetOf(second.url, `/api/v1/uploads/${id}`)).toBe(bytes.length);
    expect((await infoOf(id, second)).completedAt).toBeDefined();
    await second[Symbol.asyncDispose]();
  });

  it('is not disturbed by another one at the same time', async () => {
    const files = [wav(700_000), wav(700_000)];
    const locations = await Promise.all(files.map((bytes) => begin(main.url, bytes.length)));
    for (let at = 0; at < 700_000; at += 100_000) {
      await Promise.all(
        files.map((bytes, i) => send(main.url, locations[i] ?? '', at, bytes.subarray(at, at + 100_000))),
      );
    }
    for (const [i, bytes] of files.entries()) {
      expect((await infoOf(idOf(locations[i] ?? ''))).sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    }
  });

  it('tells what it can', async () => {
    const answer = await fetch(`${main.url}/api/v1/uploads`, { method: 'OPTIONS' });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('tus-max-size')).toBe(String(8 * 1024 * 1024));
    expect(answer.headers.get('tus-extension')).toBe('creation,creation-with-upload,creation-defer-length,termination');
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('an upload is refused', () => {
  it.each([
    ['without Tus-Resumable', { 'tus-resumable': undefined, 'upload-length': '5' }, 412, 'precondition-failed'],
    ['without a length', {}, 400, 'invalid-request'],
    ['with a length that is no number', { 'upload-length': 'many' }, 400, 'invalid-request'],
    ['with a negative length', { 'upload-length': '-5' }, 400, 'invalid-request'],
    ['when it is empty', { 'upload-length': '0' }, 415, 'unsupported-media'],
    ['when it is larger than allowed', { 'upload-length': '8388609' }, 413, 'upload-too-large'],
    ['with a length beyond all numbers', { 'upload-length': '9'.repeat(40) }, 400, 'invalid-request'],
    [
      'with metadata that is not base64',
      { 'upload-length': '5', 'upload-metadata': 'filename ???' },
      400,
      'invalid-request',
    ],
  ])('%s', async (_, headers, status, code) => {
    const sent = Object.entries({ 'tus-resumable': '1.0.0', ...headers }).filter(([, value]) => value !== undefined);
    const answer = await fetch(`${main.url}/api/v1/uploads`, { method: 'POST', headers: sent as [string, string][] });
    expect(answer.status).toBe(status);
    expect(await problem(answer)).toMatchObject({
      code,
      status,
      type: expect.stringContaining('application/problem+json'),
    });
    expect(answer.headers.get('tus-resumable')).toBe('1.0.0');
  });

  it('when a length told later is larger than allowed, or the bytes are', async () => {
    const location = await begin(main.url, undefined);
    const told = await send(main.url, location, 0, wav(10), { 'upload-length': '8388609' });
    expect([told.status, (await problem(told)).code]).toEqual([413, 'upload-too-large']);
    const sent = await send(main.url, location, 0, wav(8_388_610));
    expect([sent.status, (await problem(sent)).code]).toEqual([413, 'upload-too-large']);
  });

  it('when more bytes come than it said, with the first ones kept in place', async () => {
    const bytes = wav(10_000);
    const location = await begin(main.url, 6000);
    const answer = await send(main.url, location, 0, bytes);
    expect([answer.status, (await problem(answer)).code]).toEqual([413, 'upload-too-large']);
    expect(await offsetOf(main.url, location)).toBe(0);
    expect((await send(main.url, location, 0, bytes.subarray(0, 6000))).status).toBe(204);
  });

  it('at another offset than where it is', async () => {
    const location = await begin(main.url, 6000);
    await send(main.url, location, 0, wav(3000));
    for (const offset of [0, 2999, 3001, 6000]) {
      const answer = await send(main.url, location, offset, wav(10));
      expect([answer.status, (await problem(answer)).code]).toEqual([409, 'conflict']);
    }
    expect(await offsetOf(main.url, location)).toBe(3000);
  });

  it.each([
    ['a web page', Buffer.from(`<!doctype html>${' '.repeat(10_000)}`)],
    ['a zip', Buffer.concat([Buffer.from('PK\x03\x04\x14\0\0\0\x08\0', 'latin1'), randomBytes(9000)])],
    ['a playlist', Buffer.from("ffconcat version 1.0\nfile '../victim/source'\n")],
  ])('as soon as its first bytes show that it is %s, and nothing of it is left', async (_, bytes) => {
    const refusedBefore = await main.metric('suspicious_events_total', { kind: 'refused-media' });
    // Told to be large: what is certain is refused long before the end.
    const declared = bytes.length < 4100 ? bytes.length : 5_000_000;
    const location = await begin(main.url, declared, { filename: 'talk.mp3' });
    const answer = await send(main.url, location, 0, bytes);
    expect(answer.status).toBe(415);
    expect(await problem(answer)).toMatchObject({
      code: 'unsupported-media',
      detail: expect.stringContaining('not audio or video'),
    });
    await expect(stat(join(main.dataDir, 'uploads', idOf(location)))).rejects.toThrow('ENOENT');
    expect(
      (await fetch(`${main.url}${location}`, { method: 'HEAD', headers: { 'tus-resumable': '1.0.0' } })).status,
    ).toBe(404);
    expect(await main.metric('suspicious_events_total', { kind: 'refused-media' })).toBe(refusedBefore + 1);
  });

  it('when too many come at once, with the time to come again; one that takes over from its own dead request is not', async () => {
    await using small = await startMain({ MEDIAJOB_MAX_UPLOADS: '1' });
    const [one, two] = [await begin(small.url, 100_000), await begin(small.url, 100_000)];
    const stuck = new ReadableStream({ start: (controller) => controller.enqueue(wav(1000)) });
    const held = send(small.url, one, 0, stuck).catch(() => undefined);
    await expect.poll(() => small.metric('media_upload_active')).toBe(1);
    const answer = await send(small.url, two, 0, wav(10));
    expect([answer.status, (await problem(answer)).code, answer.headers.get('retry-after')]).toEqual([
      503,
      'busy',
      '5',
    ]);
    await expect.poll(() => offsetOf(small.url, one)).toBe(1000);
    expect((await send(small.url, one, 1000, wav(99_000))).status).toBe(204);
    await held;
  });

  it.each(['GET', 'PUT', 'TRACE2'].slice(0, 2))('by %s, which is not for uploads', async (method) => {
    const location = await upload(main.url, wav(5000));
    const answer = await fetch(`${main.url}${location}`, { method });
    expect([answer.status, (await problem(answer)).code]).toEqual([405, 'method-not-allowed']);
    expect(answer.headers.get('allow')).toContain('PATCH');
  });
});

describe('an id that is no id', () => {
  it.each([
    '..%2f..%2fetc%2fpasswd',
    '%2e%2e',
    '..%5c..%5cetc',
    'uploads',
    `${ulid()}%00`,
    `${ulid()}%2fsource`,
    ulid().toLowerCase(),
    'I'.repeat(26),
    'a'.repeat(200),
    '%ff',
    '%E2%80%AE',
  ])('%s reaches nothing', async (id) => {
    for (const [method, path, headers] of [
      ['HEAD', id, { 'tus-resumable': '1.0.0' }],
      [
        'PATCH',
        id,
        { 'tus-resumable': '1.0.0', 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
      ],
      ['DELETE', id, { 'tus-resumable': '1.0.0' }],
      ['GET', `${id}/info`, {}],
      ['POST', `${id}/probe`, {}],
    ] as const) {
      const answer = await fetch(`${main.url}/api/v1/uploads/${path}`, { method, headers: { ...headers } });
      expect([400, 404, 405, 422], `${method} ${path}`).toContain(answer.status);
      if (method !== 'HEAD') expect(answer.headers.get('content-type')).toContain('application/problem+json');
    }
  });

  it('and a link in place of an upload’s file is not written through', async () => {
    const location = await begin(main.url, 6000);
    const victim = join(main.dataDir, 'victim');
    await writeFile(victim, '');
    const source = join(main.dataDir, 'uploads', idOf(location), 'source');
    await (await import('node:fs/promises')).rm(source);
    await symlink(victim, source);
    expect((await send(main.url, location, 0, wav(6000))).status).toBeGreaterThanOrEqual(400);
    expect((await stat(victim)).size).toBe(0);
  });
});

describe('removing an upload', () => {
  const remove = (location: string) =>
    fetch(`${main.url}${location}`, { method: 'DELETE', headers: { 'tus-resumable': '1.0.0' } });

  it('removes its files and tells the page', async () => {
    const location = await upload(main.url, wav(5000));
    const told: unknown[] = [];
    const stop = main.events.subscribe(({ event }) => told.push(event));
    expect((await remove(location)).status).toBe(204);
    stop();
    expect(told).toEqual([{ type: 'upload-deleted', id: idOf(location) }]);
    expect((await remove(location)).status).toBe(404);
  });

  it('is refused while a job is made of it', async () => {
    const location = await upload(main.url, wav(5000));
    const job = main.jobs.put(aJob(`uploads/${idOf(location)}/source`));
    const answer = await remove(location);
    expect([answer.status, (await problem(answer)).code]).toEqual([409, 'conflict']);
    expect((await (await fetch(`${main.url}${location}/info`)).json()).jobs).toEqual([job.metadata.uid]);
    main.jobs.remove(job.metadata.uid);
    expect((await remove(location)).status).toBe(204);
  });
});

describe('the sweep', () => {
  it('removes uploads that nobody named or touched for the TTL, and no other', async () => {
    await using one = await startMain({ MEDIAJOB_UPLOAD_TTL: '1h' });
    const uploads = one.service.app.get(UploadsService);
    const make = async (ageHours: number, complete: boolean) => {
      const location = complete ? await upload(one.url, wav(5000)) : await begin(one.url, 5000);
      const id = idOf(location);
      const at = new Date(Date.now() - ageHours * 3_600_000);
      const path = join(one.dataDir, 'uploads', id);
      const info = await infoOf(id, one);
      await writeFile(join(path, 'upload.json'), JSON.stringify({ ...info, createdAt: at.toISOString() }));
      for (const file of ['source', 'upload.json']) await utimes(join(path, file), at, at);
      return id;
    };
    const [oldDone, oldUnfinished, named, claimed, young, begunLongAgo] = [
      await make(2, true),
      await make(2, false),
      await make(2, true),
      await make(2, true),
      await make(0.5, true),
      await make(48, false),
    ];
    one.jobs.put(aJob(`uploads/${named}/source`));
    await uploads.claimSource(`uploads/${claimed}/source`);
    // Begun long ago but still arriving: a slow line may take longer than the TTL.
    await utimes(join(one.dataDir, 'uploads', begunLongAgo, 'source'), new Date(), new Date());
    expect((await uploads.sweep()).sort()).toEqual([oldDone, oldUnfinished].sort());
    expect((await readdir(join(one.dataDir, 'uploads'))).sort()).toEqual([named, claimed, young, begunLongAgo].sort());
  });

  it('keeps an upload that another main over the same volume is just making a job of', async () => {
    await using one = await startMain({ MEDIAJOB_UPLOAD_TTL: '1h' });
    await using other = await startMain({ MEDIAJOB_UPLOAD_TTL: '1h' }, { dataDir: one.dataDir });
    const id = idOf(await upload(one.url, wav(5000)));
    const path = join(one.dataDir, 'uploads', id);
    const at = new Date(Date.now() - 2 * 3_600_000);
    const info = await infoOf(id, one);
    await writeFile(join(path, 'upload.json'), JSON.stringify({ ...info, createdAt: at.toISOString() }));
    for (const file of ['source', 'upload.json']) await utimes(join(path, file), at, at);
    await one.service.app.get(UploadsService).claimSource(`uploads/${id}/source`);
    expect(await other.service.app.get(UploadsService).sweep()).toEqual([]);
  });
});

describe('a job’s source', () => {
  const claim = (path: string) => main.service.app.get(UploadsService).claimSource(path);

  it('is a complete upload, or a file of the inbox', async () => {
    const location = await upload(main.url, wav(5000), { filename: 'a.wav' });
    expect(await claim(`uploads/${idOf(location)}/source`)).toEqual({
      bytes: 5000,
      fileName: 'a.wav',
      mediaType: 'audio/wav',
    });
    await writeFile(join(main.dataDir, 'inbox', 'talk.mp3'), 'abc');
    expect(await claim('inbox/talk.mp3')).toEqual({ bytes: 3 });
  });

  it('is nothing else', async () => {
    const unfinished = await begin(main.url, 5000);
    await expect(claim(`uploads/${idOf(unfinished)}/source`)).rejects.toMatchObject({ code: 'upload-incomplete' });
    await expect(claim(`uploads/${ulid()}/source`)).rejects.toMatchObject({ code: 'upload-not-found' });
    await expect(claim(`uploads/${idOf(unfinished)}/upload.json`)).rejects.toMatchObject({ code: 'upload-not-found' });
    await expect(claim('inbox/none.mp3')).rejects.toMatchObject({ code: 'not-found' });
    await symlink('/etc/passwd', join(main.dataDir, 'inbox', 'link.mp3')).catch(() => {});
    await expect(claim('inbox/link.mp3')).rejects.toMatchObject({ code: 'not-found' });
  });

  it('is probed only where a converter is; else the person is told that it is safe', async () => {
    const location = await upload(main.url, wav(5000));
    const answer = await fetch(`${main.url}${location}/probe`, { method: 'POST' });
    expect(answer.status).toBe(503);
    expect(await problem(answer)).toMatchObject({
      code: 'worker-unavailable',
      detail: expect.stringContaining('It is safe'),
    });
  });
});
