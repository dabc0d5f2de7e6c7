import { describe, expect, it } from 'vitest';
import { MediaError } from './errors.js';
import { judgeVersion } from './version.js';

const line = (version: string) => `ffmpeg version ${version} Copyright (c) 2000-2026 the FFmpeg developers\n`;

describe('the version of ffmpeg', () => {
  it.each(['5.1.10', '6.1.6-1ubuntu1', '7.1.5', 'n8.0.3', '8.1.2', '8.2', '9.0.1'])('%s has the fix', (version) => {
    expect(judgeVersion(line(version))).toEqual({ version, patched: true });
  });

  it.each(['4.4.2', '5.1.9-0+deb12u1', '6.0.1', '7.1.4', '8.0.2', '8.1', 'N-12345-gabcdef'])(
    '%s may lack the fix, and the answer says what to do',
    (version) => {
      expect(judgeVersion(line(version))).toMatchObject({
        version,
        patched: false,
        advice: expect.stringMatching(/Update/),
      });
    },
  );

  it('of another program is an error', () => {
    expect(() => judgeVersion('hello')).toThrow(MediaError);
  });
});
