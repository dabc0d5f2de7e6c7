import type { Quality } from '@mediajob/contract';
import type { DecodeOptions } from './engine.js';

const THRESHOLDS = { logprobThreshold: -1, entropyThreshold: 2.4, noSpeechThreshold: 0.6, wordTimes: true } as const;

/**
 * How to decode for a wanted quality. The thresholds are openai/whisper's (transcribe.py: log probability −1, no speech 0.6;
 * entropy 2.4 is whisper.cpp's measure of what openai/whisper sees as a compression ratio above 2.4).
 * - `fast`: one greedy pass, whatever comes out.
 * - `balanced`: greedy; a window that looks doubtful is decoded again with rising temperature.
 * - `best`: five beams, with the same second chances.
 */
export function decodingOptions(quality: Quality): DecodeOptions {
  switch (quality) {
    case 'fast':
      return { ...THRESHOLDS, beamSize: 1, bestOf: 1, temperature: 0, temperatureStep: 0 };
    case 'balanced':
      return { ...THRESHOLDS, beamSize: 1, bestOf: 2, temperature: 0, temperatureStep: 0.2 };
    case 'best':
      return { ...THRESHOLDS, beamSize: 5, bestOf: 5, temperature: 0, temperatureStep: 0.2 };
  }
}
