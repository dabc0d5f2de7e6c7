import { resolve } from 'node:path';
import { checkVolume, formatBytes, prepareVolume, Volume } from '@mediajob/storage';
import { Gauge, type Registry } from 'prom-client';
import type { ServiceEnv } from './config.js';
import type { HealthCheck } from './health.js';

/** The media volume that the settings name. */
export function volumeOf(env: Pick<ServiceEnv, 'MEDIAJOB_DATA_DIR'>): Volume {
  return new Volume(resolve(env.MEDIAJOB_DATA_DIR));
}

/**
 * Whether the media volume is there, is still the same one, and has room. It is prepared at the first check that
 * finds it usable, so a service that starts before its volume becomes ready as soon as that is mounted.
 * Full, or below the reserve: degraded, because reading and finishing still work.
 */
export function volumeCheck(volume: Volume, options: { reserveBytes: number; registry?: Registry }): HealthCheck {
  let expectedId: string | undefined;
  const gauges = options.registry === undefined ? undefined : volumeGauges(options.registry, options.reserveBytes);
  return {
    name: 'volume',
    kind: 'own',
    async check() {
      try {
        const state =
          expectedId === undefined ? await prepareVolume(volume.root) : await checkVolume(volume.root, { expectedId });
        expectedId = state.id;
        const { freeBytes, totalBytes, full } = state;
        gauges?.free.set(freeBytes);
        gauges?.ok.set(1);
        // The id tells main whether a worker sees the same volume as itself.
        const data = { volumeId: state.id, freeBytes, totalBytes, reserveBytes: options.reserveBytes };
        if (full) return { status: 'degraded', message: 'The media volume is full. Free some space.', data };
        if (freeBytes < options.reserveBytes) {
          const message = `Only ${formatBytes(freeBytes)} are free on the media volume, less than the reserve of ${formatBytes(options.reserveBytes)}: new work waits. Free some space.`;
          return { status: 'degraded', message, data };
        }
        return { status: 'up', data };
      } catch (error) {
        gauges?.ok.set(0);
        throw error;
      }
    },
  };
}

function volumeGauges(registry: Registry, reserveBytes: number) {
  const registers = [registry];
  new Gauge({
    name: 'media_storage_reserved_bytes',
    help: 'Free space that new work must leave untouched.',
    registers,
  }).set(reserveBytes);
  return {
    free: new Gauge({ name: 'media_storage_free_bytes', help: 'Free space on the media volume.', registers }),
    ok: new Gauge({ name: 'media_mount_ok', help: '1 when the media volume can be used, else 0.', registers }),
  };
}
