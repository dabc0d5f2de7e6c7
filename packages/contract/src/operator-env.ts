import { z } from 'zod';
import { ChunkTarget, Duration, dnsLabel, dnsLabels, flag, integer, serviceEnv, words } from './settings.js';

const common = serviceEnv(8003, 9103);

export const OperatorEnv = z
  .object({
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
    MEDIAJOB_WATCH_NAMESPACES: dnsLabels
      .optional()
      .describe('Namespaces whose MediaJobs are run, separated by commas; left out: all.'),
    MEDIAJOB_LEADER_ELECTION: flag
      .default(true)
      .describe('Whether several replicas agree on one that works. Never switch it off with more than one.'),
    MEDIAJOB_LEASE: dnsLabel.default('mediajob-operator').describe('Name of the Lease.'),
    MEDIAJOB_LEASE_DURATION: Duration.prefault('15s').describe(
      'How long the others wait for a replica that has fallen silent. Longer than the renewal deadline.',
    ),
    MEDIAJOB_LEASE_RENEW_DEADLINE: Duration.prefault('10s').describe(
      'A replica that cannot renew the Lease for this long stops working.',
    ),
    MEDIAJOB_LEASE_RETRY_PERIOD: Duration.prefault('2s').describe('Time between two looks at the Lease.'),
    MEDIAJOB_POD_NAME: z
      .string()
      .min(1)
      .max(253)
      .optional()
      .describe('Name of this replica in the Lease; the host’s name when left out. By the downward API.'),
    MEDIAJOB_POD_IP: z
      .union([z.ipv4(), z.ipv6()], { error: 'must be an address such as 10.0.0.7' })
      .optional()
      .describe('Where other replicas pass progress reports on to, when this one works. By the downward API.'),
    MEDIAJOB_RECONCILES: integer(1, 64).default(8).describe('MediaJobs looked at at once.'),
    MEDIAJOB_CONVERTER_IMAGE: z.string().min(1).max(512).describe('Image of Jobs that convert, render and clean up.'),
    MEDIAJOB_TRANSCRIBER_IMAGE: z.string().min(1).max(512).describe('Image of Jobs that transcribe and finalize.'),
    MEDIAJOB_IMAGE_PULL_POLICY: z
      .enum(['Always', 'IfNotPresent', 'Never'])
      .default('IfNotPresent')
      .describe('Of the images of Jobs.'),
    MEDIAJOB_IMAGE_PULL_SECRETS: words.optional().describe('Names of Secrets in each namespace, separated by commas.'),
    MEDIAJOB_MEDIA_CLAIM: dnsLabel.default('mediajob-media').describe('Claim of the media volume, in each namespace.'),
    MEDIAJOB_MODELS_CLAIM: dnsLabel.default('mediajob-models').describe('Claim of the models, in each namespace.'),
    MEDIAJOB_JOB_SERVICE_ACCOUNT: dnsLabel
      .default('mediajob-job')
      .describe('ServiceAccount of the pods of Jobs, in each namespace. It needs no rights at all.'),
    MEDIAJOB_JOB_LOG_LEVEL: common.MEDIAJOB_LOG_LEVEL.describe('Least severe level that Jobs log.'),
    MEDIAJOB_JOB_TTL: Duration.prefault('1h').describe(
      'How long a Job stays when its outcome is recorded, for its log.',
    ),
    MEDIAJOB_RESERVE_BYTES: common.MEDIAJOB_RESERVE_BYTES,
    MEDIAJOB_MAX_DURATION: Duration.prefault('24h').describe('Longest media transcribed.'),
    MEDIAJOB_CHUNK_TARGET: ChunkTarget.prefault('300s').describe('Wanted length of a chunk, the unit of retry.'),
    MEDIAJOB_CHUNKS_PER_SHARD: integer(1, 1000)
      .default(6)
      .describe('Chunks that one run of the transcribe stage takes.'),
    MEDIAJOB_PROFILES_FILE: z
      .string()
      .min(1)
      .optional()
      .describe('YAML file of profiles; it is read again when it changes. Left out: the built-in default alone.'),
    MEDIAJOB_NODE_LOST_AFTER: Duration.prefault('15m').describe(
      'A pod that should have ended so long ago is given up, with its node, and its run is started elsewhere.',
    ),
    MEDIAJOB_KUEUE: z
      .enum(['auto', 'on', 'off'])
      .default('auto')
      .describe(
        'Whether Workloads of Kueue are read, to say why a Job waits. auto: if the cluster has them at the start. Queues work without.',
      ),
    MEDIAJOB_PROGRESS_PORT: integer(0, 65_535)
      .default(8443)
      .describe('Port that Jobs report progress to, by TLS; 0 takes a free one.'),
    MEDIAJOB_PROGRESS_TLS: z
      .enum(['own', 'cert-manager', 'off'])
      .default('own')
      .describe(
        'Who makes and renews the certificate of that port: the operator itself, or cert-manager. off: Jobs report no progress.',
      ),
    MEDIAJOB_PROGRESS_SECRET: dnsLabel
      .default('mediajob-progress-tls')
      .describe('Name of the Secret that the certificate and its key are in.'),
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
  })
  .check(({ value, issues }) => {
    const longer = (name: keyof typeof value, least: number, what: string) => {
      const ms = value[name];
      if (typeof ms === 'number' && ms <= least) {
        issues.push({ code: 'custom', path: [name], input: ms, message: `must be longer than ${what}` });
      }
    };
    longer('MEDIAJOB_LEASE_RETRY_PERIOD', 0, '0s');
    // The pause between two looks varies by a fifth.
    longer(
      'MEDIAJOB_LEASE_RENEW_DEADLINE',
      1.2 * value.MEDIAJOB_LEASE_RETRY_PERIOD,
      '1.2 × MEDIAJOB_LEASE_RETRY_PERIOD',
    );
    longer('MEDIAJOB_LEASE_DURATION', value.MEDIAJOB_LEASE_RENEW_DEADLINE, 'MEDIAJOB_LEASE_RENEW_DEADLINE');
  });
export type OperatorEnv = z.infer<typeof OperatorEnv>;
