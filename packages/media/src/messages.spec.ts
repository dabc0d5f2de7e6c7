import { describe, expect, it } from 'vitest';
import type { MediaErrorCode, MediaProblem } from './errors.js';
import { describeFailure, lastMessage } from './messages.js';

const ended = { outTimeMs: 1, totalBytes: 1, ended: true };
const cut = { ...ended, ended: false };

describe('the end of ffmpeg', () => {
  it('is good only with exit code 0 and the word that it ended', () => {
    expect(describeFailure(0, ended, ['[mp3 @ 0x1] Header missing'])).toBeUndefined();
    expect(describeFailure(0, cut, [])?.code).toBe('failed');
  });

  it.each<[string, number, string, MediaErrorCode, MediaProblem | undefined]>([
    ['a full disk', 1, 'Error closing file file:/x: No space left on device', 'storage-full', undefined],
    ['a used-up quota', 1, 'av_interleaved_write_frame(): Disk quota exceeded', 'storage-full', undefined],
    ['a read error behind exit code 0', 0, 'file:/x: Input/output error', 'storage-error', undefined],
    ['a network disk that went away', 1, 'file:/x: Stale file handle', 'storage-error', undefined],
    ['no permission', 1, 'file:/x: Permission denied', 'storage-error', undefined],
    ['no file', 1, 'file:/x: No such file or directory', 'input-not-found', undefined],
    ['mostly undecodable packets', 69, 'Error while decoding stream #0:0', 'unsupported-media', 'nothing-decodes'],
    ['a playlist', 1, "[concat @ 0x5] Format not on whitelist 'wav'", 'unsupported-media', 'unknown-format'],
    ['a missing index', 1, '[mov @ 0x5] moov atom not found', 'unsupported-media', 'truncated'],
    ['noise', 1, 'file:/x: Invalid data found when processing input', 'unsupported-media', 'unknown-format'],
    ['anything else', 1, 'Conversion failed!', 'failed', undefined],
  ])('by %s has its own error', (_name, code, message, wantCode, wantProblem) => {
    const error = describeFailure(code, ended, [message]);
    expect(error?.code).toBe(wantCode);
    expect(error?.problem).toBe(wantProblem);
    expect(error?.log).toEqual([message]);
    expect(error?.message).toMatch(/\w\.?$/);
  });

  it('is told without paths and addresses', () => {
    expect(
      lastMessage(['[aac @ 0x55d54abd3fc0] broken in file:/data/uploads/1/source now', '    Last message repeated']),
    ).toBe('[aac] broken in the file now');
  });
});
