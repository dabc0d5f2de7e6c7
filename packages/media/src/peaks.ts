import type { Peaks } from '@mediajob/contract';
import type { AudioMap } from './analyze.js';

/** The waveform of a recording as work/peaks.json holds it. */
export function peaksOf(map: AudioMap): Peaks {
  return {
    schemaVersion: 1,
    durationMs: map.durationMs,
    perSecond: map.peaksPerSecond,
    values: Array.from(map.peaks),
  };
}
