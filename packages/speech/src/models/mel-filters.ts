/** Whisper's sampling rate (Hz), FFT length (samples) and the number of frequencies that such an FFT has. */
const SAMPLE_RATE = 16_000;
const FFT_LENGTH = 400;
export const FFT_BINS: number = FFT_LENGTH / 2 + 1;

// Slaney's mel scale: linear below 1 kHz, logarithmic above.
const HZ_PER_MEL = 200 / 3;
const LOG_FROM_HZ = 1000;
const LOG_FROM_MEL = LOG_FROM_HZ / HZ_PER_MEL;
const LOG_STEP = Math.log(6.4) / 27;

function melOfHz(hz: number): number {
  return hz < LOG_FROM_HZ ? hz / HZ_PER_MEL : LOG_FROM_MEL + Math.log(hz / LOG_FROM_HZ) / LOG_STEP;
}

function hzOfMel(mel: number): number {
  return mel < LOG_FROM_MEL ? mel * HZ_PER_MEL : LOG_FROM_HZ * Math.exp(LOG_STEP * (mel - LOG_FROM_MEL));
}

/**
 * The mel filter bank that Whisper was trained with (librosa's `filters.mel` with its defaults: Slaney scale and norm),
 * `bands` rows of {@link FFT_BINS} values. ggml files carry it in their header.
 */
export function melFilters(bands: number): Float32Array {
  const top = melOfHz(SAMPLE_RATE / 2);
  const edges = Array.from({ length: bands + 2 }, (_, i) => hzOfMel((top * i) / (bands + 1)));
  const filters = new Float32Array(bands * FFT_BINS);
  for (let band = 0; band < bands; band++) {
    const [low = 0, peak = 0, high = 0] = edges.slice(band, band + 3);
    const norm = 2 / (high - low);
    for (let bin = 0; bin < FFT_BINS; bin++) {
      const hz = (bin * SAMPLE_RATE) / FFT_LENGTH;
      const weight = Math.max(0, Math.min((hz - low) / (peak - low), (high - hz) / (high - peak)));
      filters[band * FFT_BINS + bin] = Math.fround(weight) * norm;
    }
  }
  return filters;
}
