import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putLongSpeech, SHORT_CHUNKS } from './long-speech.ts';
import { type MediaJobObject, Release } from './release.ts';

interface Transcript {
  segments: { start: number; end: number; text: string }[];
  word_segments: { word: string; start: number; end: number }[];
}

const TIMES = 6;
let release: Release;
let source: string;
beforeAll(async () => {
  release = await Release.install({
    namespace: 'e2e-shards',
    values: { operator: { config: { ...SHORT_CHUNKS, MEDIAJOB_CHUNKS_PER_SHARD: 1 } } },
  });
  source = await putLongSpeech(release, TIMES);
});
afterAll(() => release?.uninstall());

describe('a long recording that several pods transcribe', () => {
  it('reads as if one had done it, word for word and at the same times', async () => {
    const many = await transcribed('many', { parallelism: 3 });
    const shards = shardsOf(many);
    expect(shards).toBeGreaterThanOrEqual(2);
    const pods = await release.pods(`mediajob.io/uid=${many.metadata.uid},mediajob.io/stage=transcribe`);
    expect(pods).toHaveLength(shards);

    await release.upgrade({ operator: { config: { ...SHORT_CHUNKS, MEDIAJOB_CHUNKS_PER_SHARD: 1000 } } });
    const one = await transcribed('one');
    expect(shardsOf(one)).toBe(1);

    const [ofMany, ofOne] = [await transcriptOf(many), await transcriptOf(one)];
    expect(ofMany.segments).toEqual(ofOne.segments);
    expect(ofMany.word_segments).toEqual(ofOne.word_segments);
    expect(ofMany.segments.filter((it) => /country/i.test(it.text)).length).toBeGreaterThanOrEqual(TIMES);
  });

  it('has the words of a recording that is not cut at all', async () => {
    await release.upgrade();
    const whole = await transcribed('whole');
    const many = await release.job('many');
    expect(await release.transcriptText(whole)).toBe(await release.transcriptText(many));
  });
});

async function transcribed(name: string, transcribe: object = {}): Promise<MediaJobObject> {
  await release.create(name, { source: { path: source }, transcribe: { language: 'en', ...transcribe } });
  return release.untilPhase(name, 'Succeeded');
}

function shardsOf({ status }: MediaJobObject): number {
  return status?.stages.find((it) => it.name === 'transcribe')?.shards ?? 0;
}

async function transcriptOf({ metadata }: MediaJobObject): Promise<Transcript> {
  return JSON.parse(await release.read(`outputs/${metadata.uid}/transcript.json`)) as Transcript;
}
