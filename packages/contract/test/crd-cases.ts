/**
 * What the API server must take and refuse: every rule and set of src/crd/rules.ts, and the bounds that people meet.
 * The unit test lets zod judge the same cases, test/control-plane/crd.spec.ts a real API server.
 */

/** A spec as somebody might send it: anything at all. */
export type AnySpec = Readonly<Record<string, unknown>>;

export interface CreateCase {
  /** Field that the answer names, such as `spec.source`. */
  readonly field: string;
  /** What the API server says; for zod it is enough to refuse. */
  readonly says: string;
  readonly takes: readonly AnySpec[];
  readonly refuses: readonly AnySpec[];
}

export interface ChangeCase {
  readonly promise: string;
  readonly from: AnySpec;
  readonly to: AnySpec;
  /** Field that may not change; left out: the change is taken. */
  readonly forbidden?: string;
}

const PATH = { path: 'uploads/01J00000000000000000000000/source' };
const LEAST = { source: PATH, transcribe: {} } as const;

/** The smallest spec, with something else. */
const spec = (more: AnySpec = {}): AnySpec => ({ ...LEAST, ...more });
const source = (value: unknown): AnySpec => spec({ source: value });
const path = (value: unknown): AnySpec => source({ path: value });
const transcribe = (value: AnySpec): AnySpec => spec({ transcribe: value });
const renditions = (...list: AnySpec[]): AnySpec => ({ source: PATH, convert: { renditions: list } });
/** With a transcript, which subtitles come from. */
const subtitled = (...list: AnySpec[]): AnySpec => ({ ...renditions(...list), transcribe: {} });
const letters = (count: number): string => 'a'.repeat(count);

export const NAMES = {
  says: 'must be a DNS label of at most 40 characters: a-z, 0-9 and -, beginning and ending with a letter or digit',
  takes: ['a', '1', 'talk', 'talk-2026-01-01', letters(40)],
  refuses: [letters(41), 'talk.mp3', 'a.b'],
} as const;

/** Everything at once, at its largest: rules must still be cheap enough to run. */
export const LARGEST_SPEC: AnySpec = {
  source: { path: `uploads/${letters(504)}` },
  convert: {
    audioTrack: 63,
    renditions: [2160, 1440, 1080, 720, 480, 360, 240, 144].map((height) => ({
      format: 'mkv',
      height,
      audioBitrate: 512_000,
      subtitles: 'track',
    })),
  },
  transcribe: {
    model: letters(64),
    fallbackModel: letters(64),
    languageMode: 'perChunk',
    language: `pt-BR${'-abcdefgh'.repeat(3)}`,
    task: 'translate',
    formats: ['json', 'txt', 'srt', 'vtt', 'tsv', 'lrc', 'ass', 'ttml', 'md', 'docx'],
    subtitles: {
      preset: 'youtube',
      maxCharsPerLine: 120,
      maxLines: 4,
      maxCharsPerSecond: 100,
      minMs: 2000,
      maxMs: 30_000,
      minGapMs: 1000,
      wordTimes: false,
    },
    prompt: 'я'.repeat(1000),
    parallelism: 256,
    quality: 'best',
  },
  profile: letters(63),
  queue: { convert: letters(63), transcribe: letters(63) },
  priorityClass: letters(253),
  suspend: true,
  cancel: true,
  activeDeadlineSeconds: 31_536_000,
  ttlSecondsAfterFinished: 315_360_000,
  retries: 10,
};

export const CREATE_CASES: readonly CreateCase[] = [
  {
    field: 'spec',
    says: 'there is nothing to do: give transcribe, or at least one of convert.renditions',
    takes: [LEAST, renditions({ format: 'mp3' }), LARGEST_SPEC],
    refuses: [{ source: PATH }, { source: PATH, convert: {} }, { source: PATH, convert: { renditions: [] } }],
  },
  {
    field: 'spec.source',
    says: 'exactly one of path, url and s3 must be given',
    takes: [
      path('inbox/talk.mp3'),
      source({ url: 'https://example.org/talk.mp3' }),
      source({ s3: { bucket: 'talks', key: 'a/b.mp3' } }),
    ],
    refuses: [
      source({}),
      source({ ...PATH, url: 'https://example.org/a' }),
      source({ ...PATH, s3: { bucket: 'talks', key: 'a' } }),
      source({ url: 'https://example.org/a', s3: { bucket: 'talks', key: 'a' } }),
      source({ ...PATH, url: 'https://example.org/a', s3: { bucket: 'talks', key: 'a' } }),
    ],
  },
  { field: 'spec.source', says: 'Required value', takes: [LEAST], refuses: [{ transcribe: {} }] },
  {
    field: 'spec.source.path',
    says: 'must begin with uploads/ or inbox/',
    takes: [path('uploads/a'), path('inbox/2026/январь/запись 1.ogg'), path('inbox/uploads/jobs')],
    refuses: ['outputs/a', 'jobs/a/work/audio.wav', 'models/base.bin', 'uploads', 'inboxes/a', 'Uploads/a', 'a'].map(
      path,
    ),
  },
  {
    field: 'spec.source.path',
    says: 'must be a relative path without ".", ".." or empty segments',
    takes: [path('inbox/a..b'), path('inbox/...'), path('inbox/.hidden'), path('inbox/a./b')],
    refuses: [
      '/inbox/a',
      'inbox/../a',
      'inbox/..',
      'inbox/.',
      'inbox/./a',
      'inbox//a',
      'inbox/a/',
      'inbox/',
      '../inbox/a',
      './inbox/a',
    ].map(path),
  },
  {
    field: 'spec.source.path',
    says: 'must have no control characters and no backslash',
    takes: [path('inbox/a "b" \'c\' $(d) `e`;f')],
    refuses: ['inbox/a\nb', 'inbox/a\u0000b', 'inbox/a\u007fb', 'inbox/a\u0085b', 'inbox\\..\\a', 'inbox/a\\b'].map(
      path,
    ),
  },
  {
    field: 'spec.source.path',
    says: 'Too long',
    takes: [path(`inbox/${letters(506)}`)],
    refuses: [path(`inbox/${letters(507)}`)],
  },
  {
    field: 'spec.source.url',
    says: 'must be a web address that begins with http:// or https://',
    takes: [source({ url: 'http://example.org' }), source({ url: 'https://user@example.org:8443/a?b=c#d' })],
    refuses: ['ftp://example.org/a', 'file:///etc/passwd', 'example.org/a', 'talk', ''].map((url) => source({ url })),
  },
  {
    field: 'spec.source.s3.bucket',
    says: 'should be at least 3 chars long',
    takes: [source({ s3: { bucket: 'abc', key: 'a' } })],
    refuses: [source({ s3: { bucket: 'ab', key: 'a' } })],
  },
  {
    field: 'spec.convert.renditions',
    says: 'two renditions would have the same file name; differ in format, height or burnt-in subtitles',
    takes: [
      renditions({ format: 'mp4' }, { format: 'mp4', height: 720 }, { format: 'mp4', height: 480 }, { format: 'mp3' }),
    ],
    refuses: [
      renditions({ format: 'mp3' }, { format: 'mp3' }),
      renditions({ format: 'mp3', audioBitrate: 64_000 }, { format: 'm4a' }, { format: 'mp3', audioBitrate: 128_000 }),
      renditions({ format: 'mp4', height: 720 }, { format: 'mp4', height: 720 }),
      subtitled({ format: 'mp4' }, { format: 'mp4', subtitles: 'track' }),
      subtitled({ format: 'webm', subtitles: 'burn' }, { format: 'webm', subtitles: 'burn' }),
    ],
  },
  {
    field: 'spec.convert.renditions',
    says: 'subtitles come from the transcript: give transcribe, too',
    takes: [
      subtitled({ format: 'mp4', subtitles: 'track' }, { format: 'mp4', subtitles: 'burn' }),
      renditions({ format: 'mp4', subtitles: 'none' }),
    ],
    refuses: [
      renditions({ format: 'mp4', subtitles: 'track' }),
      renditions({ format: 'mp3' }, { format: 'webm', subtitles: 'burn' }),
    ],
  },
  {
    field: 'spec.convert.renditions[0].subtitles',
    says: 'only mp4 and mkv take a track of subtitles',
    takes: ['mp4', 'mkv'].map((format) => subtitled({ format, subtitles: 'track' })),
    refuses: ['webm', 'mp3', 'm4a', 'wav'].map((format) => subtitled({ format, subtitles: 'track' })),
  },
  {
    field: 'spec.convert.renditions[0].subtitles',
    says: 'only mp4, webm, mkv have a picture to draw subtitles into',
    takes: ['mp4', 'webm', 'mkv'].map((format) => subtitled({ format, subtitles: 'burn' })),
    refuses: ['mp3', 'm4a', 'flac'].map((format) => subtitled({ format, subtitles: 'burn' })),
  },
  {
    field: 'spec.convert.renditions',
    says: 'must have at most 8 items',
    takes: [LARGEST_SPEC],
    refuses: [renditions(...[90, 92, 94, 96, 98, 100, 102, 104, 106].map((height) => ({ format: 'mkv', height })))],
  },
  {
    field: 'spec.convert.renditions[0].height',
    says: 'only mp4, webm, mkv have a picture',
    takes: [renditions({ format: 'mp4', height: 720 }), renditions({ format: 'webm', height: 64 })],
    refuses: ['mp3', 'm4a', 'opus', 'flac', 'wav'].map((format) => renditions({ format, height: 720 })),
  },
  {
    field: 'spec.convert.renditions[0].height',
    says: 'should be a multiple of 2',
    takes: [renditions({ format: 'mp4', height: 4320 })],
    refuses: [renditions({ format: 'mp4', height: 721 })],
  },
  {
    field: 'spec.convert.renditions[0].audioBitrate',
    says: 'flac and wav have no bitrate to choose',
    takes: [renditions({ format: 'mp3', audioBitrate: 64_000 }), renditions({ format: 'flac' })],
    refuses: [
      renditions({ format: 'flac', audioBitrate: 64_000 }),
      renditions({ format: 'wav', audioBitrate: 64_000 }),
    ],
  },
  {
    field: 'spec.convert.renditions[0].format',
    says: 'supported values: "mp3", "m4a", "opus", "flac", "wav", "mp4", "webm", "mkv"',
    takes: ['mp3', 'm4a', 'opus', 'flac', 'wav', 'mp4', 'webm', 'mkv'].map((format) => renditions({ format })),
    refuses: [renditions({ format: 'avi' }), renditions({ format: 'MP3' }), renditions({ format: '' })],
  },
  {
    field: 'spec.transcribe.language',
    says: 'is not a language that Whisper knows',
    takes: ['auto', 'en', 'EN', 'pt-BR', 'pt_BR', 'jv', 'jw', 'fil', 'yue', 'zh-Hant-TW', 'haw', 'nb'].map((language) =>
      transcribe({ language }),
    ),
    refuses: ['tlh', 'xx', 'eng', 'aut', 'qaa-en'].map((language) => transcribe({ language })),
  },
  {
    field: 'spec.transcribe.language',
    says: 'should match',
    takes: [transcribe({ language: 'auto' })],
    refuses: ['english', 'auto-en', 'e', 'en-', 'en us', '', 'en-abcdefghi', 'Auto'].map((language) =>
      transcribe({ language }),
    ),
  },
  {
    field: 'spec.transcribe.formats',
    says: 'Duplicate value',
    takes: [transcribe({ formats: ['srt', 'vtt'] })],
    refuses: [transcribe({ formats: ['srt', 'vtt', 'srt'] })],
  },
  {
    field: 'spec.transcribe.formats',
    says: 'should have at least 1 items',
    takes: [transcribe({ formats: ['lrc'] })],
    refuses: [transcribe({ formats: [] })],
  },
  {
    field: 'spec.transcribe.formats[0]',
    says: 'supported values: "json", "txt", "srt", "vtt", "tsv", "lrc", "ass", "ttml", "md", "docx"',
    takes: [transcribe({ formats: ['json'] })],
    refuses: [transcribe({ formats: ['pdf'] })],
  },
  {
    field: 'spec.transcribe.subtitles.preset',
    says: 'supported values: "netflix", "bbc", "youtube", "short", "raw"',
    takes: ['netflix', 'bbc', 'youtube', 'short', 'raw'].map((preset) => transcribe({ subtitles: { preset } })),
    refuses: [transcribe({ subtitles: { preset: 'cinema' } })],
  },
  {
    field: 'spec.transcribe.subtitles.maxMs',
    says: 'should be',
    takes: [transcribe({ subtitles: { minMs: 2000, maxMs: 2000 } })],
    refuses: [transcribe({ subtitles: { maxMs: 1999 } }), transcribe({ subtitles: { maxMs: 30_001 } })],
  },
  {
    field: 'spec.transcribe.task',
    says: 'supported values: "transcribe", "translate"',
    takes: [transcribe({ task: 'translate' })],
    refuses: [transcribe({ task: 'summarize' })],
  },
  {
    field: 'spec.transcribe.quality',
    says: 'supported values: "fast", "balanced", "best"',
    takes: [transcribe({ quality: 'fast' }), transcribe({ quality: 'best' })],
    refuses: [transcribe({ quality: 'good' })],
  },
  {
    field: 'spec.transcribe.model',
    says: 'should match',
    takes: ['base', 'large-v3-turbo', 'base.en', 'tiny_q8.0'].map((model) => transcribe({ model })),
    refuses: ['../base', 'Base', 'base/', '-base', 'a b'].map((model) => transcribe({ model })),
  },
  {
    field: 'spec.transcribe.parallelism',
    says: 'should be',
    takes: [transcribe({ parallelism: 1 }), transcribe({ parallelism: 256 })],
    refuses: [transcribe({ parallelism: 0 }), transcribe({ parallelism: 257 })],
  },
  {
    field: 'spec.transcribe.parallelism',
    says: 'must be of type integer',
    takes: [transcribe({ parallelism: 2 })],
    refuses: [transcribe({ parallelism: 1.5 }), transcribe({ parallelism: '2' })],
  },
  {
    field: 'spec.profile',
    says: 'should match',
    takes: [spec({ profile: 'default' }), spec({ profile: 'l4-shared' })],
    refuses: [spec({ profile: 'L4' }), spec({ profile: 'a/b' }), spec({ profile: '' }), spec({ profile: '-a' })],
  },
  {
    field: 'spec.queue.transcribe',
    says: 'should match',
    takes: [spec({ queue: {} }), spec({ queue: { convert: 'cpu', transcribe: 'gpu.a100' } })],
    refuses: [spec({ queue: { transcribe: 'GPU' } }), spec({ queue: { transcribe: '' } })],
  },
  {
    field: 'spec.priorityClass',
    says: 'the classes system-… are for the cluster itself',
    takes: [spec({ priorityClass: 'nightly' }), spec({ priorityClass: 'systematic' })],
    refuses: [spec({ priorityClass: 'system-node-critical' }), spec({ priorityClass: 'system-cluster-critical' })],
  },
  {
    field: 'spec.activeDeadlineSeconds',
    says: 'should be',
    takes: [spec({ activeDeadlineSeconds: 1 })],
    refuses: [spec({ activeDeadlineSeconds: 0 }), spec({ activeDeadlineSeconds: 31_536_001 })],
  },
  {
    field: 'spec.ttlSecondsAfterFinished',
    says: 'should be',
    takes: [spec({ ttlSecondsAfterFinished: 0 })],
    refuses: [spec({ ttlSecondsAfterFinished: -1 })],
  },
  {
    field: 'spec.retries',
    says: 'should be',
    takes: [spec({ retries: 0 }), spec({ retries: 10 })],
    refuses: [spec({ retries: -1 }), spec({ retries: 11 })],
  },
];

/** Values of each field that never changes: one, and another. */
const FIXED = {
  source: [PATH, { path: 'inbox/other.mp3' }],
  convert: [{ renditions: [{ format: 'mp3' }] }, { renditions: [{ format: 'mp3' }, { format: 'mp4', height: 720 }] }],
  transcribe: [{ model: 'base' }, { model: 'tiny' }],
  profile: ['l4', 'a100'],
  queue: [{ transcribe: 'gpu' }, { transcribe: 'spot' }],
  priorityClass: ['nightly', 'urgent'],
} as const;
/** Fields that may be left out; of the others the API server makes the default, or refuses. */
const OPTIONAL: readonly string[] = ['transcribe', 'queue', 'priorityClass'];

/** Can be made with or without any of the fields. */
const BASE: AnySpec = { source: PATH, convert: { renditions: [{ format: 'opus' }] } };

export const CHANGE_CASES: readonly ChangeCase[] = [
  ...Object.entries(FIXED).flatMap(([field, [one, other]]): ChangeCase[] => [
    {
      promise: `${field} does not change`,
      from: { ...BASE, [field]: one },
      to: { ...BASE, [field]: other },
      forbidden: `spec.${field}`,
    },
    ...(OPTIONAL.includes(field)
      ? [
          {
            promise: `${field} does not come later`,
            from: BASE,
            to: { ...BASE, [field]: one },
            forbidden: `spec.${field}`,
          },
          {
            promise: `${field} does not go`,
            from: { ...BASE, [field]: one },
            to: BASE,
            forbidden: `spec.${field}`,
          },
        ]
      : []),
    {
      promise: `${field} may be sent again as it is`,
      from: { ...BASE, [field]: one },
      to: { ...BASE, [field]: one, retries: 1 },
    },
  ]),
  {
    promise: 'a default does not change by being left out, nor by being written out',
    from: BASE,
    to: { ...BASE, profile: 'default', convert: { audioTrack: 0, renditions: [{ format: 'opus' }] } },
  },
  {
    promise: 'a profile does not go back to the default',
    from: { ...BASE, profile: 'l4' },
    to: BASE,
    forbidden: 'spec.profile',
  },
  ...[
    { suspend: true },
    { cancel: true },
    { retries: 7 },
    { activeDeadlineSeconds: 60 },
    { ttlSecondsAfterFinished: 60 },
  ].flatMap((change): ChangeCase[] => [
    { promise: `${Object.keys(change)[0]} may come`, from: BASE, to: { ...BASE, ...change } },
    { promise: `${Object.keys(change)[0]} may go`, from: { ...BASE, ...change }, to: BASE },
  ]),
];
