import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { analyzeWav, planChunks } from '@mediajob/media';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../../../storage/test/fixtures/temporary-directory.js';
import { makeSound, SOUNDS } from '../fixtures/sounds.js';

const run = promisify(execFile);
const sample = fileURLToPath(new URL('../../../../samples/jfk.mp3', import.meta.url));
const parameters = { targetMs: 300_000, windowMs: 30_000 };

async function planOf(wavPath: string) {
  const map = await analyzeWav(wavPath, { detector: 'silero' });
  return { map, plan: planChunks(map, parameters) };
}

/** `filter` in ffmpeg's words; [0] is the sample, [1] the sound. */
async function mixed(sound: string, filter: string): Promise<string> {
  const wavPath = join(await aTemporaryDirectory(), 'mixed.wav');
  await run('ffmpeg', [
    ...['-nostdin', '-v', 'error', '-y', '-i', sample, '-f', 'lavfi', '-i', SOUNDS[sound] ?? ''],
    ...['-filter_complex', filter, '-map', '[out]', '-ar', '16000', '-ac', '1', '-c:a', 'pcm_s16le', wavPath],
  ]);
  return wavPath;
}

describe('the speech map of a network', () => {
  it.for(Object.keys(SOUNDS))('finds nothing to hear in %s', async (name) => {
    const wavPath = join(await aTemporaryDirectory(), 'sound.wav');
    await makeSound(SOUNDS[name] ?? '', wavPath);
    const { plan } = await planOf(wavPath);
    expect(plan).toMatchObject({ detector: 'silero', speechMs: 0, chunks: [] });
  });

  it('hears what its own runtime hears in a recording', async () => {
    const wavPath = await mixed('silence', '[0:a]anull[out]');
    const { map } = await planOf(wavPath);
    // Every twelfth step, by onnxruntime-node 1.30.0 and the weights in 32 bits.
    const byOnnxruntime = [
      0.01, 0.92, 0.99, 0.99, 0.99, 1, 0.06, 0.01, 0.01, 1, 0.17, 0.99, 0.03, 0.03, 0.02, 1, 1, 1, 1, 1, 0.05, 0.05, 1,
      1, 1, 1, 1, 0.97, 0.07,
    ];
    byOnnxruntime.forEach((wanted, i) => {
      expect(Math.abs((map.voice?.likely[12 * i] ?? 0) / 255 - wanted), `step ${12 * i}`).toBeLessThan(0.1);
    });
  });

  it.for(['noise in bursts', 'music with drums', 'mains hum'])(
    'tells speech from %s before and after it',
    async (name) => {
      const around = '[1:a]asplit[a][b];[a]atrim=end=8[before];[b]atrim=end=7,asetpts=PTS-STARTPTS[after]';
      const rate = 'aresample=16000,aformat=channel_layouts=mono';
      const joined = `[0:a]${rate}[talk];[before]${rate}[x];[after]${rate}[y];[x][talk][y]concat=n=3:v=0:a=1[out]`;
      const { plan } = await planOf(await mixed(name, `${around};${joined}`));
      const windows = plan.chunks.flatMap((it) => it.windows);
      expect(windows[0]?.startMs).toBeGreaterThan(7_000);
      expect(windows[0]?.startMs).toBeLessThan(8_500);
      expect(windows.at(-1)?.endMs).toBeGreaterThan(18_400);
      expect(windows.at(-1)?.endMs).toBeLessThan(20_500);
    },
  );
});
