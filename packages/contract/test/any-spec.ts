import fc from 'fast-check';
import { RENDITION_FORMATS, TEXT_FORMATS } from '../src/formats.js';
import { QUALITIES, SUBTITLE_PRESETS } from '../src/spec.js';
import type { AnySpec } from './crd-cases.js';

/** A value that is right nearly always, so that a spec of many of them is right half the time. */
const mostly = <T, U>(right: fc.Arbitrary<T>, wrong: fc.Arbitrary<U>): fc.Arbitrary<T | U> =>
  fc.oneof({ weight: 30, arbitrary: right }, { weight: 1, arbitrary: wrong });

const int = (min: number, max: number) =>
  mostly(
    fc.integer({ min, max }),
    fc.oneof(fc.constantFrom(min - 1, max + 1, min + 0.5, -1), fc.constantFrom('1', true, [], {})),
  );
const word = (...right: readonly string[]) =>
  mostly(fc.constantFrom(...right), fc.constantFrom('', 'other', 'A', 7, ['a']));
const flag = mostly(fc.boolean(), fc.constantFrom('true', 1, {}));
const record = <T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }, ...required: (keyof T)[]) =>
  fc.record(fields, { requiredKeys: required });

const segment = fc.string({ unit: fc.constantFrom('a', 'я', '.', '-', ' ', '"', '%'), minLength: 1, maxLength: 6 });
const path = mostly(
  fc
    .tuple(fc.constantFrom('uploads', 'inbox'), fc.array(segment, { minLength: 1, maxLength: 4 }))
    .map(([root, segments]) => [root, ...segments].join('/')),
  fc.constantFrom('', 'inbox', 'jobs/a', '/inbox/a', 'inbox/../a', 'inbox/a/.', 'inbox//a', 'inbox/a\\b', 'inbox/a\n'),
);
const url = word('https://example.org/a.mp3', 'http://10.0.0.7:8080/a?b=c');
const s3 = record(
  { bucket: mostly(fc.constant('talks'), fc.constantFrom('ab', 7)), key: mostly(fc.constant('a/b'), fc.constant('')) },
  'bucket',
  'key',
);
const source = mostly(
  fc.oneof({ weight: 5, arbitrary: record({ path }, 'path') }, record({ url }, 'url'), record({ s3 }, 's3')),
  fc.oneof(record({ path, url, s3 }), fc.constantFrom('inbox/a', [])),
);
const bitrate = int(8_000, 512_000);
const height = mostly(
  fc.integer({ min: 32, max: 2160 }).map((half) => 2 * half),
  fc.constantFrom(63, 721, 4322),
);
const rendition = mostly(
  fc.oneof(
    record({ format: fc.constantFrom('mp3', 'm4a', 'opus'), audioBitrate: bitrate }, 'format'),
    record({ format: fc.constantFrom('flac', 'wav') }, 'format'),
    record(
      {
        format: fc.constantFrom('mp4', 'webm', 'mkv'),
        audioBitrate: bitrate,
        height,
        subtitles: word('none', 'burn', 'track'),
      },
      'format',
    ),
  ),
  record({ format: word(...RENDITION_FORMATS), audioBitrate: bitrate, height, subtitles: word('track', 'burn') }),
);

/** Specs as people might send them: half of them wrong, in one place or several. No field is one that the contract does not know. */
export function anySpec(): fc.Arbitrary<AnySpec> {
  return fc.record(
    {
      source,
      convert: record({
        audioTrack: int(0, 63),
        renditions: mostly(fc.array(rendition, { maxLength: 4 }), fc.constantFrom({}, 'mp3', ['mp3'])),
      }),
      transcribe: record({
        model: mostly(fc.constantFrom('base', 'large-v3-turbo', 'a.b_c'), fc.constantFrom('', 'Base', '-', 'a/b', 7)),
        language: mostly(
          fc.constantFrom('auto', 'en', 'RU', 'pt-BR', 'zh_Hant', 'jv', 'yue'),
          fc.constantFrom('', 'xx', 'english', 'en-', 'auto-en', 'tlh-AQ'),
        ),
        task: word('transcribe', 'translate'),
        formats: mostly(
          fc.uniqueArray(fc.constantFrom(...TEXT_FORMATS), { minLength: 1 }),
          fc.oneof(fc.array(word(...TEXT_FORMATS), { maxLength: 3 }), fc.constantFrom('srt', {})),
        ),
        subtitles: record({
          preset: word(...SUBTITLE_PRESETS),
          maxCharsPerLine: int(8, 120),
          maxLines: int(1, 4),
          maxCharsPerSecond: int(5, 100),
          minMs: int(0, 2000),
          maxMs: int(2000, 30_000),
          minGapMs: int(0, 1000),
          wordTimes: flag,
        }),
        prompt: mostly(fc.string({ maxLength: 40 }), fc.constantFrom('a'.repeat(1001), 7)),
        parallelism: int(1, 256),
        quality: word(...QUALITIES),
      }),
      profile: mostly(fc.constantFrom('default', 'l4', 'a-1'), fc.constantFrom('', 'L4', '-a', 'a-', 'a.b', 7)),
      queue: record({ convert: word('cpu', 'cpu.a'), transcribe: word('gpu', 'a-1') }),
      priorityClass: mostly(fc.constantFrom('nightly', 'a.b'), fc.constantFrom('', 'system-x', 'Nightly', 7)),
      suspend: flag,
      cancel: flag,
      activeDeadlineSeconds: int(1, 31_536_000),
      ttlSecondsAfterFinished: int(0, 315_360_000),
      retries: int(0, 10),
    },
    { requiredKeys: ['source'] },
  );
}
