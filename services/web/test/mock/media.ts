import type { Peaks } from '@mediajob/contract';

const RATE = 8_000;

/** A WAV of the wanted length: soft tones with pauses, 8 kHz mono. */
export function toneWav(durationMs: number): Buffer {
  const samples = Math.round((durationMs / 1000) * RATE);
  const data = Buffer.alloc(samples * 2);
  for (let at = 0; at < samples; at += 1) {
    data.writeInt16LE(
      Math.round(loudness((at / RATE) * 1000) * 6_000 * Math.sin((at / RATE) * 2 * Math.PI * 220)),
      at * 2,
    );
  }
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + data.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(RATE, 24);
  header.writeUInt32LE(RATE * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data]);
}

/** 0–1: phrases that swell and fade, as speech does. */
function loudness(ms: number): number {
  const phrase = Math.max(0, Math.sin(ms / 620) * 0.7 + Math.sin(ms / 171) * 0.3);
  return phrase * (0.55 + 0.45 * Math.sin(ms / 2_900));
}

export function peaksFor(durationMs: number): Peaks {
  const perSecond = 8;
  const values = Array.from({ length: Math.ceil((durationMs / 1000) * perSecond) }, (_, at) =>
    Math.round(10 + 240 * Math.abs(loudness((at / perSecond) * 1000))),
  );
  return { schemaVersion: 1, durationMs, perSecond, values };
}
