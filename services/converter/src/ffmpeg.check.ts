import { type FfmpegOptions, ffmpegVersion } from '@mediajob/media';
import { Gauge, type HealthCheck, type Registry } from '@mediajob/service';

/**
 * Whether ffmpeg runs: without it there is no work to do here. One without the fix of a known hole only degrades:
 * the whitelists keep the faulty decoder out of reach, and a distribution may have mended it under an older number.
 */
export function ffmpegCheck(ffmpeg: FfmpegOptions, registry: Registry): HealthCheck {
  const patchedGauge = new Gauge({
    name: 'media_ffmpeg_patched',
    help: '1 when the version of ffmpeg has the fixes of known holes, else 0.',
    registers: [registry],
  });
  return {
    name: 'ffmpeg',
    kind: 'own',
    timeoutMs: 5000,
    // It changes with an upgrade of the machine only; 1 minute is soon enough to notice, and cheap.
    ttlMs: 60_000,
    async check() {
      const { version, patched, advice } = await ffmpegVersion(ffmpeg);
      patchedGauge.set(patched ? 1 : 0);
      const data = { version, patched };
      return patched || advice === undefined ? { status: 'up', data } : { status: 'degraded', message: advice, data };
    },
  };
}
