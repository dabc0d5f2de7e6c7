import { z } from 'zod';

/**
 * Every setting of every service. Read from the environment alone, once, at the start; a wrong value stops the start.
 * docs/CONFIGURATION.md is generated from this file.
 */
const KIB = 1024;

const integer = (min: number, max: number) =>
  z.coerce.number({ error: 'must be a whole number' }).int('must be a whole number').min(min).max(max);

/** 64MiB, 10GiB, 500MB or plain bytes → bytes */
export const ByteSize = z
  .string()
  .regex(/^\d+(\.\d+)?\s*([KMGT]i?B|B)?$/i, 'must be a size such as 500MB, 20GiB or a number of bytes')
  .transform((text) => {
    const [, digits = '0', unit = 'B'] = /^([\d.]+)\s*([a-z]*)$/i.exec(text) ?? [];
    const prefix = unit.charAt(0).toUpperCase();
    const power = Math.max(0, ['B', 'K', 'M', 'G', 'T'].indexOf(prefix));
    return Math.round(Number(digits) * (/i/i.test(unit) ? KIB : 1000) ** power);
  });

/** 90s, 15m, 12h, 7d → ms */
export const Duration = z
  .string()
  .regex(/^\d+(ms|s|m|h|d)$/, 'must be a duration such as 90s, 15m, 12h or 7d')
  .transform((text) => {
    const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
    const unit = text.replace(/^\d+/, '') as keyof typeof factor;
    return Number.parseInt(text, 10) * factor[unit];
  });

const flag = z.enum(['true', 'false'], { error: 'must be true or false' }).transform((value) => value === 'true');

const urls = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((it) => it.trim())
      .filter(Boolean),
  )
  .pipe(
    z
      .array(
        z.url({ protocol: /^https?$/, error: 'must be addresses such as http://converter:8002, separated by commas' }),
      )
      .min(1),
  );

const serviceEnv = (port: number, metricsPort: number) => ({
  MEDIAJOB_HOST: z.string().default('127.0.0.1').describe('Address to listen on. Images set 0.0.0.0.'),
  MEDIAJOB_PORT: integer(0, 65_535).default(port).describe('Port of the API; 0 takes a free one.'),
  MEDIAJOB_METRICS_PORT: integer(0, 65_535).default(metricsPort).describe('Port of /metrics; 0 takes a free one.'),
  MEDIAJOB_INSTANCE: z
    .string()
    .max(100)
    .regex(/^[A-Za-z0-9._-]+$/)
    .optional()
    .describe('Name of this instance in logs; the host’s name when left out.'),
  MEDIAJOB_DATA_DIR: z.string().min(1).default('data').describe('The media volume: uploads, jobs, outputs, logs.'),
  MEDIAJOB_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('Least severe level that is logged.'),
  MEDIAJOB_LOG_FILES: flag.default(true).describe('Whether logs also go to <data>/logs/<service>/<instance>/.'),
  MEDIAJOB_LOG_MAX_BYTES: ByteSize.prefault('20MiB').describe('Size at which a log file is rotated.'),
  MEDIAJOB_LOG_KEEP: integer(1, 1000)
    .default(7)
    .describe('Rotated log files kept for an instance. They are rotated daily, too.'),
  MEDIAJOB_LOG_DEAD_INSTANCE_TTL: Duration.prefault('7d').describe(
    'Age at which the logs of an instance that is gone are removed.',
  ),
  MEDIAJOB_RESERVE_BYTES: ByteSize.prefault('1GiB').describe('Free space that new work must leave untouched.'),
  MEDIAJOB_SHUTDOWN_GRACE: Duration.prefault('20s').describe('Time for running requests and child processes to end.'),
  MEDIAJOB_WATCHDOG: Duration.prefault('60s').describe(
    'A process whose event loop stands still for longer is ended, to be started again. 0s: never.',
  ),
});

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

export const TranscriberEnv = z.object({
  ...serviceEnv(8001, 9101),
  MEDIAJOB_MODELS_DIR: z.string().min(1).optional().describe('Where the models are; <data>/models when left out.'),
  MEDIAJOB_MODELS_WRITABLE: flag.default(false).describe('Whether POST /v1/models/:name/pull may install models.'),
  MEDIAJOB_ENGINE: z
    .string()
    .min(1)
    .optional()
    .describe('The engine program; the one that set-up built when left out.'),
  MEDIAJOB_DEFAULT_MODEL: z.string().default('base').describe('Model to use where none is named, and to keep warm.'),
  MEDIAJOB_CONCURRENCY: integer(1, 64).default(1).describe('Tasks run at once; each uses all decoding states.'),
  MEDIAJOB_STATES: integer(1, 64)
    .optional()
    .describe('Windows decoded at once; one for each CPU of the cgroup when left out.'),
  MEDIAJOB_THREADS: integer(1, 64).default(1).describe('Threads for each decoding state.'),
  MEDIAJOB_MODEL_TTL: Duration.prefault('300s').describe('A model that nobody uses for this long is unloaded.'),
  MEDIAJOB_STALL_TIMEOUT: Duration.prefault('300s').describe(
    'The engine is started again when a window makes no progress for this long.',
  ),
});
export type TranscriberEnv = z.infer<typeof TranscriberEnv>;

export const MainEnv = z.object({
  ...serviceEnv(8000, 9100),
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
  MEDIAJOB_CHUNK_TARGET: Duration.prefault('300s').describe('Wanted length of a chunk, the unit of retry.'),
  MEDIAJOB_CHUNKS_PER_SHARD: integer(1, 1000).default(6).describe('Chunks that one run of the transcribe stage takes.'),
  MEDIAJOB_DEFAULT_MODEL: z.string().default('base').describe('Model offered first.'),
  MEDIAJOB_RATE_LIMIT: integer(1, 1_000_000)
    .default(1200)
    .describe('Requests an address may make a minute. Parts of uploads do not count.'),
  MEDIAJOB_TRUST_PROXY: flag.default(false).describe('Whether X-Forwarded-* of the next hop are believed.'),
  MEDIAJOB_ALLOWED_HOSTS: z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((it) => it.trim())
        .filter(Boolean),
    )
    .optional()
    .describe(
      'Host names under which the page may be reached. Left out: any, unless it listens on loopback only, then localhost and loopback addresses.',
    ),
});
export type MainEnv = z.infer<typeof MainEnv>;

/** `a, b` → ['a', 'b'] */
const words = z.string().transform((text) =>
  text
    .split(',')
    .map((it) => it.trim())
    .filter(Boolean),
);

const dnsLabel = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a name of Kubernetes: a-z, 0-9 and -');

const common = serviceEnv(8003, 9103);

export const OperatorEnv = z.object({
  MEDIAJOB_HOST: common.MEDIAJOB_HOST,
  MEDIAJOB_PORT: common.MEDIAJOB_PORT,
  MEDIAJOB_METRICS_PORT: common.MEDIAJOB_METRICS_PORT,
  MEDIAJOB_INSTANCE: common.MEDIAJOB_INSTANCE,
  MEDIAJOB_LOG_LEVEL: common.MEDIAJOB_LOG_LEVEL,
  MEDIAJOB_SHUTDOWN_GRACE: common.MEDIAJOB_SHUTDOWN_GRACE,
  MEDIAJOB_WATCHDOG: common.MEDIAJOB_WATCHDOG,
  MEDIAJOB_NAMESPACE: dnsLabel
    .default('mediajob-system')
    .describe('Namespace of the operator itself, where its Lease and its certificate are.'),
  MEDIAJOB_WATCH_NAMESPACES: words
    .optional()
    .describe('Namespaces whose MediaJobs are run, separated by commas; left out: all.'),
  MEDIAJOB_LEADER_ELECTION: flag
    .default(true)
    .describe('Whether several replicas agree on one that works. Never switch it off with more than one.'),
  MEDIAJOB_LEASE: dnsLabel.default('mediajob-operator').describe('Name of the Lease.'),
  MEDIAJOB_RECONCILES: integer(1, 64).default(8).describe('MediaJobs looked at at once.'),
  MEDIAJOB_CONVERTER_IMAGE: z.string().min(1).max(512).describe('Image of Jobs that convert, render and clean up.'),
  MEDIAJOB_TRANSCRIBER_IMAGE: z.string().min(1).max(512).describe('Image of Jobs that transcribe and finalize.'),
  MEDIAJOB_IMAGE_PULL_POLICY: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  MEDIAJOB_IMAGE_PULL_SECRETS: words.optional().describe('Names of Secrets in each namespace, separated by commas.'),
  MEDIAJOB_MEDIA_CLAIM: dnsLabel.default('media').describe('Claim of the media volume, in each namespace.'),
  MEDIAJOB_MODELS_CLAIM: dnsLabel.default('models').describe('Claim of the models, in each namespace.'),
  MEDIAJOB_JOB_SERVICE_ACCOUNT: dnsLabel
    .default('default')
    .describe('ServiceAccount of the pods of Jobs, in each namespace. It needs no rights at all.'),
  MEDIAJOB_JOB_LOG_LEVEL: common.MEDIAJOB_LOG_LEVEL.describe('Least severe level that Jobs log.'),
  MEDIAJOB_JOB_TTL: Duration.prefault('1h').describe('How long a Job stays when its outcome is recorded, for its log.'),
  MEDIAJOB_RESERVE_BYTES: common.MEDIAJOB_RESERVE_BYTES,
  MEDIAJOB_MAX_DURATION: Duration.prefault('24h').describe('Longest media transcribed.'),
  MEDIAJOB_CHUNK_TARGET: Duration.prefault('300s').describe('Wanted length of a chunk, the unit of retry.'),
  MEDIAJOB_CHUNKS_PER_SHARD: integer(1, 1000).default(6).describe('Chunks that one run of the transcribe stage takes.'),
  MEDIAJOB_PROFILES_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('YAML file of profiles; it is read again when it changes. Left out: the built-in default alone.'),
  MEDIAJOB_NODE_LOST_AFTER: Duration.prefault('15m').describe(
    'A pod that should have ended so long ago is given up, with its node, and its run is started elsewhere.',
  ),
  MEDIAJOB_PROGRESS_URL: z
    .url({
      protocol: /^https$/,
      error: 'must be an address such as https://mediajob-operator.mediajob-system.svc:8443',
    })
    .optional()
    .describe('Where Jobs report progress. Left out: they do not, and progress moves from stage to stage only.'),
  MEDIAJOB_PROGRESS_AUDIENCE: z
    .string()
    .min(1)
    .max(253)
    .default('mediajob.io/progress')
    .describe('Audience of the tokens that Jobs report progress with.'),
});
export type OperatorEnv = z.infer<typeof OperatorEnv>;

export const ENVIRONMENTS = {
  main: MainEnv,
  converter: ConverterEnv,
  transcriber: TranscriberEnv,
  operator: OperatorEnv,
} as const;
