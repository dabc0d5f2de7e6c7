import type { StepRequest, StepResult } from '@mediajob/contract';
import { Counter, Gauge, type Registry } from '@mediajob/service';

/** The one number that people ask for, and the audio behind it. */
export function realtimeFactorMetric(registry: Registry): (request: StepRequest, result: StepResult) => void {
  const registers = [registry];
  const factor = new Gauge({
    name: 'media_realtime_factor',
    help: 'Seconds of audio transcribed per second by the last run.',
    labelNames: ['model'],
    registers,
  });
  const audio = new Counter({
    name: 'media_audio_seconds_total',
    help: 'Seconds of audio transcribed.',
    labelNames: ['model'],
    registers,
  });
  return (request, result) => {
    if (request.stage !== 'transcribe' || result.stage !== 'transcribe') return;
    // The catalog bounds the names of models.
    const { model } = request;
    audio.inc({ model }, result.audioMs / 1000);
    if (result.realtimeFactor !== undefined) factor.set({ model }, result.realtimeFactor);
  };
}
