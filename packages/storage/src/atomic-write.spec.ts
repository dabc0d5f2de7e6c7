import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FaultPlan } from '../test/fixtures/fault-plan.js';
import { aTemporaryDirectory } from '../test/fixtures/temporary-directory.js';
import { isPartialName, partialName, withAtomicFile, writeFileAtomic, writeStreamAtomic } from './atomic-write.js';
import { type FileOperations, nodeFileOperations } from './file-operations.js';

const NEVER = 1_000_000;
const runId = 'run-1';

describe('a whole file or none', () => {
  it('is written, readable, and leaves nothing else', async () => {
    const directory = await aTemporaryDirectory();
    await writeFileAtomic(join(directory, 'new', 'deep', 'x.json'), 'content', { runId });
    expect(await readdir(join(directory, 'new', 'deep'))).toEqual(['x.json']);
    expect(await readFile(join(directory, 'new/deep/x.json'), 'utf8')).toBe('content');
  });

  it('others than user and group see nothing of it', async () => {
    const directory = await aTemporaryDirectory();
    await writeFileAtomic(join(directory, 'new', 'x.json'), 'content', { runId });
    expect((await stat(join(directory, 'new', 'x.json'))).mode & 0o007).toBe(0);
    expect((await stat(join(directory, 'new'))).mode & 0o007).toBe(0);
  });

  it('goes onto stable storage before it gets its name, and the name after', async () => {
    const directory = await aTemporaryDirectory();
    const files = new FaultPlan({ at: NEVER, fault: 'EIO' });
    await writeFileAtomic(join(directory, 'x'), 'content', { runId, files });
    expect(files.asked).toEqual(['makeDirectory', 'create', 'write', 'syncData', 'rename', 'syncDirectory']);
  });

  it('what another program wrote goes onto stable storage, too', async () => {
    const directory = await aTemporaryDirectory();
    const files = new FaultPlan({ at: NEVER, fault: 'EIO' });
    const got = await withAtomicFile(join(directory, 'x'), { runId, files }, async (temporary) => {
      await writeFile(temporary, 'by ffmpeg');
      return 7;
    });
    expect(got).toBe(7);
    expect(files.asked).toEqual(['makeDirectory', 'syncData', 'rename', 'syncDirectory']);
    expect(await readFile(join(directory, 'x'), 'utf8')).toBe('by ffmpeg');
  });

  it('a program that fails leaves neither file nor temporary file, and its own error', async () => {
    const directory = await aTemporaryDirectory();
    const failed = withAtomicFile(join(directory, 'x'), { runId }, async (temporary) => {
      await writeFile(temporary, 'half');
      throw new Error('ffmpeg ended with 1');
    });
    await expect(failed).rejects.toThrow('ffmpeg ended with 1');
    expect(await readdir(directory)).toEqual([]);
  });

  it('a program that wrote nothing at all is an error, not an empty file', async () => {
    const directory = await aTemporaryDirectory();
    await expect(withAtomicFile(join(directory, 'x'), { runId }, async () => undefined)).rejects.toThrow(
      expect.objectContaining({ code: 'input-not-found' }),
    );
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('a failure at any operation', () => {
  for (const fault of ['ENOSPC', 'EDQUOT', 'EIO'] as const) {
    for (let at = 0; at < 6; at++) {
      it(`${fault} at operation ${at}: the old content or the new one, no leftover, and a typed error`, async () => {
        const directory = await aTemporaryDirectory();
        await writeFile(join(directory, 'x'), 'the old content');
        const files = new FaultPlan({ at, fault });
        await expect(writeFileAtomic(join(directory, 'x'), 'the new content', { runId, files })).rejects.toThrow(
          expect.objectContaining({
            code: fault === 'EIO' ? 'storage-error' : 'storage-full',
            cause: expect.objectContaining({ code: fault }),
          }),
        );
        expect(await readdir(directory)).toEqual(['x']);
        const renamed = files.asked.includes('syncDirectory');
        expect(await readFile(join(directory, 'x'), 'utf8')).toBe(renamed ? 'the new content' : 'the old content');
      });
    }
  }

  it('a stream that breaks off leaves nothing', async () => {
    const directory = await aTemporaryDirectory();
    async function* broken() {
      yield Buffer.alloc(100_000);
      throw new Error('the connection was cut');
    }
    await expect(writeStreamAtomic(join(directory, 'x'), broken(), { runId })).rejects.toThrow(
      'the connection was cut',
    );
    expect(await readdir(directory)).toEqual([]);
  });

  it('a stream that ends is counted in bytes', async () => {
    const directory = await aTemporaryDirectory();
    async function* pieces() {
      yield Buffer.from('one ');
      yield Buffer.from('two');
    }
    expect(await writeStreamAtomic(join(directory, 'x'), pieces(), { runId })).toBe(7);
    expect(await readFile(join(directory, 'x'), 'utf8')).toBe('one two');
  });
});

describe('ifAbsent', () => {
  it('never replaces', async () => {
    const directory = await aTemporaryDirectory();
    const path = join(directory, 'x');
    await writeFileAtomic(path, 'first', { runId, ifAbsent: true });
    await expect(writeFileAtomic(path, 'second', { runId, ifAbsent: true })).rejects.toThrow(
      expect.objectContaining({ code: 'already-exists' }),
    );
    expect(await readFile(path, 'utf8')).toBe('first');
    expect(await readdir(directory)).toEqual(['x']);
  });

  it('of many at once exactly one is first, and the file is its own', async () => {
    const path = join(await aTemporaryDirectory(), 'x');
    const tries = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => writeFileAtomic(path, `writer ${n}`, { runId, ifAbsent: true })),
    );
    const winners = tries.flatMap((it, n) => (it.status === 'fulfilled' ? [n] : []));
    expect(winners).toHaveLength(1);
    expect(await readFile(path, 'utf8')).toBe(`writer ${winners[0]}`);
  });

  it('a link whose answer was lost on the network counts as done', async () => {
    const directory = await aTemporaryDirectory();
    const files: FileOperations = {
      ...nodeFileOperations,
      async link(from, to) {
        await nodeFileOperations.link(from, to);
        await nodeFileOperations.link(from, to);
      },
    };
    await writeFileAtomic(join(directory, 'x'), 'mine', { runId, ifAbsent: true, files });
    expect(await readdir(directory)).toEqual(['x']);
  });

  it('works where the file system knows no links', async () => {
    const directory = await aTemporaryDirectory();
    const files: FileOperations = {
      ...nodeFileOperations,
      link: () => Promise.reject(Object.assign(new Error('no links here'), { code: 'ENOTSUP' })),
    };
    const path = join(directory, 'x');
    await writeFileAtomic(path, 'first', { runId, ifAbsent: true, files });
    await expect(writeFileAtomic(path, 'second', { runId, ifAbsent: true, files })).rejects.toThrow(
      expect.objectContaining({ code: 'already-exists' }),
    );
    expect(await readFile(path, 'utf8')).toBe('first');
  });
});

describe('temporary names', () => {
  it('are told from every name of ours', () => {
    expect(isPartialName(partialName('audio.wav', runId))).toBe(true);
    for (const name of ['audio.wav', '.partial', 'x.partial', '.x.partial', '.mediajob-volume.json']) {
      expect(isPartialName(name), name).toBe(false);
    }
  });

  it('fit into a file name however long the name and the run id are', async () => {
    for (const name of ['ж'.repeat(127), 'x'.repeat(255)]) {
      expect(Buffer.byteLength(partialName(name, 'r'.repeat(120)))).toBeLessThanOrEqual(255);
    }
  });

  it('a directory in the way is a clear error', async () => {
    const directory = await aTemporaryDirectory();
    await mkdir(join(directory, 'x'));
    await expect(writeFileAtomic(join(directory, 'x'), 'y', { runId })).rejects.toThrow(/EISDIR/);
    expect(await readdir(directory)).toEqual(['x']);
  });
});
