import { describe, expect, it } from 'vitest';
import { FfmpegLog } from './progress.js';

const report = (us: number | string, state = 'continue') =>
  `frame=0\nfps=0.00\nbitrate=256.0kbits/s\ntotal_size=${us === 'N/A' ? 'N/A' : 4096}\nout_time_us=${us}\nout_time=00:00:01.0\nspeed= 400x\nprogress=${state}\n`;

describe('what ffmpeg says on its error stream', () => {
  it('is progress and messages, told apart however the stream is cut', () => {
    const text = `${report(1_000_000)}[aac @ 0x55] Reserved bit set.\n${report(2_500_000, 'end')}`;
    for (let size = 1; size < 40; size++) {
      const log = new FfmpegLog();
      for (let at = 0; at < text.length; at += size) log.push(text.slice(at, at + size));
      expect(log.progress).toEqual({ outTimeMs: 2500, totalBytes: 4096, ended: true });
      expect(log.lines()).toEqual(['[aac @ 0x55] Reserved bit set.']);
    }
  });

  it('counts as a heartbeat only what got further', () => {
    const log = new FfmpegLog();
    log.push(report('N/A'));
    const none = log.heartbeat;
    log.push(report('N/A'));
    expect(log.heartbeat).toBe(none);
    log.push(report(1_000_000));
    const once = log.heartbeat;
    expect(once).toBeGreaterThan(none);
    log.push(report(1_000_000));
    log.push(report(900_000));
    expect(log.heartbeat).toBe(once);
    expect(log.progress.outTimeMs).toBe(1000);
  });

  it('takes encoded pictures for a heartbeat while no time is reported yet', () => {
    const log = new FfmpegLog();
    log.push('frame=1\nprogress=continue\n');
    const first = log.heartbeat;
    log.push('frame=2\nprogress=continue\n');
    expect(log.heartbeat).toBe(first + 1);
  });

  it('is kept in little memory: the first and the last messages', () => {
    const log = new FfmpegLog(2);
    for (let i = 0; i < 1000; i++) log.push(`message ${i} ${'x'.repeat(5000)}\n`);
    expect(log.lines().map((line) => line.slice(0, 11).trim())).toEqual([
      'message 0 x',
      'message 1 x',
      'message 998',
      'message 999',
    ]);
    expect(Math.max(...log.lines().map((line) => line.length))).toBe(500);
  });

  it('leaves out that video decoders are locked away', () => {
    const log = new FfmpegLog();
    log.push(
      "[h264 @ 0x5] Codec (h264) not on whitelist 'aac'\n[mov @ 0x5] Failed to open codec in avformat_find_stream_info\n",
    );
    expect(log.lines()).toEqual([]);
  });
});
