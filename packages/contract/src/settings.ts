import { z } from 'zod';

/** Shapes of settings, and those that every service has. env.ts and operator-env.ts put them together. */
const KIB = 1024;

/** A whole number, from min to max inclusive. */
export const integer = (min: number, max: number) =>
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

/** Wanted length of a chunk in ms; shorter ones cost more than they give, and a plan takes none. */
export const ChunkTarget = Duration.refine((ms) => ms >= 30_000 && ms <= 3_600_000, 'must be from 30s to 1h');

/** true or false */
export const flag = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .transform((value) => value === 'true');

const split = (text: string): string[] =>
  text
    .split(',')
    .map((it) => it.trim())
    .filter(Boolean);

/** `a, b` → ['a', 'b'] */
export const words = z.string().transform(split);

/** Addresses, separated by commas. */
export const urls = z
  .string()
  .transform(split)
  .pipe(
    z
      .array(
        z.url({ protocol: /^https?$/, error: 'must be addresses such as http://converter:8002, separated by commas' }),
      )
      .min(1),
  );

/** A name in Kubernetes: a DNS label. */
export const dnsLabel = z
  .string()
  .max(63, 'must be a name of Kubernetes: at most 63 characters')
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a name of Kubernetes: a-z, 0-9 and -');

/** Names in Kubernetes, separated by commas. */
export const dnsLabels = z.string().transform(split).pipe(z.array(dnsLabel));

/** Settings of every service. */
export const serviceEnv = (port: number, metricsPort: number) => ({
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
