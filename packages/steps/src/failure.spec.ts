import { StepFailure } from '@mediajob/contract';
import { MEDIA_ERROR_CODES, MediaError } from '@mediajob/media';
import { EngineError, ModelError } from '@mediajob/speech';
import {
  AlreadyExistsError,
  DocumentError,
  InputNotFoundError,
  StorageError,
  StorageFullError,
  UnsafePathError,
  VolumeError,
} from '@mediajob/storage';
import { describe, expect, it } from 'vitest';
import { failureOf, StepError, stepError } from './failure.js';

describe('every error becomes an exit code, a reason and its own sentence', () => {
  const table: [error: unknown, exitCode: number, reason: string][] = [
    [new StorageFullError('full'), 73, 'StorageFull'],
    [new UnsafePathError('link'), 64, 'InvalidArguments'],
    [new InputNotFoundError('gone'), 66, 'InputNotFound'],
    [new DocumentError('damaged'), 74, 'StorageError'],
    [new AlreadyExistsError('there'), 74, 'StorageError'],
    [new VolumeError('not mounted'), 74, 'StorageError'],
    [new StorageError('EIO'), 74, 'StorageError'],
    [Object.assign(new Error('write'), { code: 'ENOSPC' }), 73, 'StorageFull'],
    [Object.assign(new Error('write'), { code: 'EDQUOT' }), 73, 'StorageFull'],
    [Object.assign(new Error('read'), { code: 'EIO' }), 74, 'StorageError'],
    [new MediaError('unsupported-media', 'text'), 65, 'UnsupportedMedia'],
    [new MediaError('invalid-arguments', 'track 7'), 64, 'InvalidArguments'],
    [new MediaError('input-not-found', 'gone'), 66, 'InputNotFound'],
    [new MediaError('interrupted', 'stopped'), 143, 'Interrupted'],
    [new MediaError('stalled', 'stalled'), 75, 'Temporary'],
    [new MediaError('oom', 'killed'), 137, 'OutOfMemory'],
    [new MediaError('storage-full', 'full'), 73, 'StorageFull'],
    [new MediaError('ffmpeg-missing', 'no ffmpeg'), 70, 'Internal'],
    [new ModelError('unknown-model', 'no such'), 64, 'InvalidArguments'],
    [new ModelError('model-missing', 'pull it'), 78, 'ModelNotFound'],
    [new ModelError('bad-checksum', 'damaged'), 78, 'BadChecksum'],
    [new EngineError('model-not-found', 'pull it'), 78, 'ModelNotFound'],
    [new EngineError('bad-model', 'damaged'), 78, 'BadChecksum'],
    [new EngineError('crashed', 'crashed'), 75, 'Temporary'],
    [new EngineError('stalled', 'stalled'), 75, 'Temporary'],
    [new EngineError('out-of-memory', 'killed'), 137, 'OutOfMemory'],
    [new EngineError('interrupted', 'stopped'), 143, 'Interrupted'],
    [new EngineError('input-not-found', 'gone'), 66, 'InputNotFound'],
    [new DOMException('stopped', 'AbortError'), 143, 'Interrupted'],
    [stepError('Temporary', 'again'), 75, 'Temporary'],
  ];
  it.each(table.map(([error, exitCode, reason]) => ({ error, exitCode, reason, name: String(error) })))(
    '$name is $exitCode, $reason',
    ({ error, exitCode, reason }) => {
      const failure = failureOf(error);
      expect(failure).toMatchObject({ exitCode, reason });
      expect(StepFailure.parse(failure)).toEqual(failure);
      if (
        error instanceof Error &&
        !('code' in error && /^E[A-Z]/.test(String(error.code))) &&
        error.name !== 'AbortError'
      ) {
        expect(failure.message).toBe(error.message);
      }
    },
  );

  it('no code of the media package is forgotten', () => {
    for (const code of MEDIA_ERROR_CODES)
      expect(failureOf(new MediaError(code, 'x')).exitCode, code).toBeGreaterThan(63);
  });

  it.each([new TypeError('x is not a function'), 'a string', undefined, null, { message: 'odd' }])(
    'what nobody expected (%s) is Internal, 70',
    (error) => {
      expect(failureOf(error)).toMatchObject({ exitCode: 70, reason: 'Internal' });
    },
  );

  it('a very long message is cut, not refused', () => {
    const { failure } = new StepError({ exitCode: 70, reason: 'Internal', message: 'x'.repeat(5000) });
    expect(StepFailure.parse(failure).message).toHaveLength(1024);
    expect(failureOf(new Error('y'.repeat(5000))).message).toHaveLength(1024);
  });
});
