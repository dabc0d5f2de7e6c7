import { z } from 'zod';
import { OperatorEnv } from './operator-env.js';
import { ByteSize, ChunkTarget, Duration, dnsLabel, flag, integer, serviceEnv, urls, words } from './settings.js';

/**
 * Every setting of every service. Read from the environment alone, once, at the start; a wrong value stops the start.
 * docs/CONFIGURATION.md is generated from this file, operator-env.ts and job-env.ts.
 */
export const ConverterEnv = z.object({
  ...serviceEnv(8002, 9102),
  MEDIAJOB_FFMPEG: z.string().min(1).default('ffmpeg').describe('The ffmpeg program.'),
  MEDIAJOB_CONCURRENCY: integer(1, 64).default(2).describe('Tasks run at once.'),
  MEDIAJOB_MAX_DURATION: Duration.prefault('24h').describe('Longest media taken by a probe.'),
  MEDIAJOB_STALL_TIMEOUT: Duration.prefault('120s').describe(
    'ffmpeg is stopped when it makes no progress for this long.',
  ),
});
export type ConverterEnv = z.infer<typeof ConverterEnv>;

/** Which library decodes speech. */
export const SpeechEngine = z.enum(['auto', 'whispercpp', 'ctranslate2']);
export type SpeechEngine = z.infer<typeof SpeechEngine>;

export const TranscriberEnv = z.object({
  ...serviceEnv(8001, 9101),
  MEDIAJOB_MODELS_DIR: z.string().min(1).optional().describe('Where the models are; <data>/models when left out.'),
  MEDIAJOB_MODELS_WRITABLE: flag.default(false).describe('Whether POST /v1/models/:name/pull may install models.'),
  MEDIAJOB_ENGINE: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The whisper.cpp engine program, beside which that of CTranslate2 lies; those that set-up built when left out.',
    ),
  MEDIAJOB_SPEECH_ENGINE: SpeechEngine.default('whispercpp').describe(
    'What decodes speech: ctranslate2 (faster, on linux-x64), whispercpp (everywhere), or auto: ctranslate2 where it is installed.',
  ),
  MEDIAJOB_DEFAULT_MODEL: z.string().default('base').describe('Model to use where none is named, and to keep warm.'),
  MEDIAJOB_CONCURRENCY: integer(1, 64).default(1).describe('Tasks run at once; each uses all decoding states.'),
  MEDIAJOB_STATES: integer(1, 64)
    .optional()
    .describe(
      'Windows decoded at once, or with CTranslate2 batches of windows; one for each CPU of the cgroup when left out.',
    ),
  MEDIAJOB_THREADS: integer(1, 64).default(1).describe('Threads for each of them.'),
  MEDIAJOB_MODEL_TTL: Duration.prefault('300s').describe('A model that nobody uses for this long is unloaded.'),
  MEDIAJOB_STALL_TIMEOUT: Duration.prefault('300s').describe(
    'The engine is started again when a window makes no progress for this long.',
  ),
});
export type TranscriberEnv = z.infer<typeof TranscriberEnv>;

export const MainEnv = z.object({
  ...serviceEnv(8000, 9100),
  MEDIAJOB_RUNTIME: z
    .enum(['local', 'kubernetes'])
    .default('local')
    .describe(
      'local: jobs are files on the volume, run by converter and transcriber. kubernetes: jobs are MediaJobs of a cluster, run by the operator.',
    ),
  MEDIAJOB_NAMESPACE: dnsLabel
    .optional()
    .describe(
      'Of the kubernetes runtime: the namespace whose MediaJobs it serves. Left out: its pod’s, or the kubeconfig’s.',
    ),
  MEDIAJOB_CONVERTER_URLS: urls
    .prefault('http://127.0.0.1:8002')
    .describe('Addresses of converters, separated by commas. A name with several addresses means several workers.'),
  MEDIAJOB_TRANSCRIBER_URLS: urls.prefault('http://127.0.0.1:8001').describe('Addresses of transcribers, likewise.'),
  MEDIAJOB_WEB_DIR: z
    .string()
    .min(1)
    .optional()
    .describe('The built web page; the one beside the service when left out.'),
  MEDIAJOB_MAX_UPLOAD_BYTES: ByteSize.prefault('20GiB').describe(
    'Largest upload taken; larger ones are refused with 413.',
  ),
  MEDIAJOB_MAX_UPLOADS: integer(1, 1000)
    .default(16)
    .describe('Uploads received at once; more are asked to wait with 503.'),
  MEDIAJOB_MAX_DURATION: Duration.prefault('24h').describe('Longest media transcribed.'),
  MEDIAJOB_UPLOAD_TTL: Duration.prefault('24h').describe('Age at which an upload that no job names is removed.'),
  MEDIAJOB_SWEEP_EVERY: Duration.prefault('15m').describe('How often uploads and leftovers are swept.'),
  MEDIAJOB_CHUNK_TARGET: ChunkTarget.prefault('300s').describe('Wanted length of a chunk, the unit of retry.'),
  MEDIAJOB_CHUNKS_PER_SHARD: integer(1, 1000).default(6).describe('Chunks that one run of the transcribe stage takes.'),
  MEDIAJOB_DEFAULT_MODEL: z.string().default('base').describe('Model offered first.'),
  MEDIAJOB_API_RESULT_TTL: Duration.prefault('24h').describe(
    'How long jobs and results of /v1/audio and /asr are kept after their end.',
  ),
  MEDIAJOB_RATE_LIMIT: integer(1, 1_000_000)
    .default(1200)
    .describe('Requests an address may make a minute. Parts of uploads do not count.'),
  MEDIAJOB_TRUST_PROXY: flag.default(false).describe('Whether X-Forwarded-* of the next hop are believed.'),
  MEDIAJOB_ALLOWED_HOSTS: words
    .optional()
    .describe(
      'Host names under which the page may be reached. Left out: any, unless it listens on loopback only, then localhost and loopback addresses.',
    ),
});
export type MainEnv = z.infer<typeof MainEnv>;

export const ENVIRONMENTS = {
  main: MainEnv,
  converter: ConverterEnv,
  transcriber: TranscriberEnv,
  operator: OperatorEnv,
} as const;
