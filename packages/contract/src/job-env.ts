import { z } from 'zod';

const count = (max: number) =>
  z.coerce.number({ error: 'must be a whole number' }).int('must be a whole number').min(1).max(max);

/**
 * What the operator tells a Job's containers, beside the settings of the image's service.
 * docs/CONFIGURATION.md is generated from this file.
 */
export const JobEnv = z.object({
  MEDIAJOB_REQUEST: z.string().optional().describe('The StepRequest as JSON.'),
  MEDIAJOB_SHARDS: count(10_000)
    .optional()
    .describe(
      'Of an Indexed Job: its shards. MEDIAJOB_REQUEST is then that of shard 0, and each pod takes the shard of its index.',
    ),
  MEDIAJOB_CHUNKS: count(1_000_000).optional().describe('Of an Indexed Job: chunks of the plan, for all shards.'),
  MEDIAJOB_TERMINATION_LOG: z
    .string()
    .optional()
    .describe('File that the StepOutcome is written to, such as /dev/termination-log.'),
  MEDIAJOB_PROGRESS_URL: z
    .url({ protocol: /^https$/, error: 'must be an address such as https://operator:8443' })
    .optional()
    .describe('Where progress is reported: POST <url>/v1/progress. Left out: nowhere but in the log.'),
  MEDIAJOB_PROGRESS_TOKEN_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('File with the token to report with; it is read again when it changes.'),
  MEDIAJOB_PROGRESS_CA: z
    .string()
    .optional()
    .describe('PEM text of the certificates that the receiver is verified with, instead of those of the system.'),
});
export type JobEnv = z.infer<typeof JobEnv>;
