import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type FileOperations, nodeFileOperations, Volume } from '@mediajob/storage';
import { Upload } from '@tus/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UploadFiles } from '../../src/uploads/upload-files.js';
import { UploadStore } from '../../src/uploads/upload-store.js';
import { wav } from './tus-client.js';

const ID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const bytes = wav(200_000);
const whole = createHash('sha256').update(bytes).digest('hex');

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mediajob-faults-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A disk whose n-th change fails; n counts from 1, and 0 never fails. */
function failingAt(n: number, errno: string): { files: FileOperations; count: () => number } {
  let count = 0;
  const entries = Object.entries(nodeFileOperations).map(([name, operation]) => [
    name,
    (...args: unknown[]) => {
      count++;
      if (count === n) return Promise.reject(Object.assign(new Error(`${errno}: ${name}`), { code: errno }));
      return (operation as (...args: unknown[]) => Promise<unknown>)(...args);
    },
  ]);
  return { files: Object.fromEntries(entries), count: () => count };
}

const nothing = () => {};
function storeOn(files?: FileOperations): UploadStore {
  return new UploadStore(new UploadFiles(new Volume(root, files ? { files } : {})), {
    maxBytes: 1_000_000,
    reserveBytes: 0,
    idleMs: 60_000,
    now: () => new Date(),
    beforeRemove: async () => {},
    on: {
      created: nothing,
      received: nothing,
      resumed: nothing,
      completed: nothing,
      refused: nothing,
      removed: nothing,
    },
  });
}

/** What a patient client does: makes the upload, and sends from where it is until it is complete. */
async function uploadTo(store: UploadStore): Promise<void> {
  if ((await store.files.read(ID)) === undefined) {
    await store.create(new Upload({ id: ID, size: bytes.length, offset: 0, metadata: { filename: 'a.wav' } }));
  }
  const { offset } = await store.getUpload(ID);
  // In two requests, so that there is a middle.
  const middle = Math.max(offset, 120_000);
  if (offset < middle) await store.write(Readable.from([bytes.subarray(offset, middle)]), ID, offset);
  await store.write(Readable.from([bytes.subarray(middle)]), ID, middle);
}

describe.each(['EIO', 'ENOSPC'])('whichever change of the disk fails with %s', (errno) => {
  it('the upload is never complete unless it is whole, and can always be finished', async () => {
    const { files, count } = failingAt(0, errno);
    await uploadTo(storeOn(files));
    const changes = count();
    expect(changes).toBeGreaterThan(10);

    for (let n = 1; n <= changes; n++) {
      await rm(join(root, 'uploads'), { recursive: true, force: true });
      const failed = await uploadTo(storeOn(failingAt(n, errno).files)).then(
        () => undefined,
        (error: unknown) => error,
      );
      const between = await storeOn().files.read(ID);
      if (between?.info.completedAt === undefined) expect(failed, `change ${n}`).toBeInstanceOf(Error);
      else expect(between.receivedBytes).toBe(bytes.length);
      // A store that knows nothing of the first takes it up: main was started again.
      await uploadTo(storeOn());
      const directory = join(root, 'uploads', ID);
      expect(
        createHash('sha256')
          .update(await readFile(join(directory, 'source')))
          .digest('hex'),
      ).toBe(whole);
      const info = JSON.parse(await readFile(join(directory, 'upload.json'), 'utf8'));
      expect(info.completedAt).toBeDefined();
      if (info.sha256 !== undefined) expect(info.sha256).toBe(whole);
      expect((await readdir(directory)).filter((name) => name.endsWith('.partial'))).toEqual([]);
    }
  });
});

it('bytes of a failed sync are asked for again: the kernel may have dropped them', async () => {
  const store = storeOn();
  await store.create(new Upload({ id: ID, size: bytes.length, offset: 0 }));
  await store.write(Readable.from([bytes.subarray(0, 50_000)]), ID, 0);
  const broken = storeOn({
    ...nodeFileOperations,
    syncData: () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' })),
  });
  await expect(broken.write(Readable.from([bytes.subarray(50_000, 90_000)]), ID, 50_000)).rejects.toThrow();
  expect((await store.getUpload(ID)).offset).toBe(50_000);
});
