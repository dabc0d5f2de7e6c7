import { z } from 'zod';

/** Kubernetes quantities, positive ones: `500m`, `2`, `4Gi`, `1.5`, `1e3`. */
export const Quantity = z
  .string()
  .max(32)
  .regex(/^\d+(\.\d+)?(e\d{1,2}|[numkMGTPE]|[KMGTPE]i)?$/, 'must be a quantity such as 500m, 2 or 4Gi')
  .describe('A Kubernetes quantity, such as 500m, 2 or 4Gi.');

const Word = z.string().min(1).max(253);
const Resources = z.record(Word, Quantity);

/** Passed through to the pod as it is: the API server knows its shape better. */
const Raw = z.record(z.string(), z.unknown());

const Toleration = z.strictObject({
  key: z.string().max(316).optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: z.string().max(63).optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.int().min(0).optional(),
});

/** A directory in memory or on the node's own disk; nothing else is a profile's to mount. */
const ProfileVolume = z.strictObject({
  name: z
    .string()
    .max(40)
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/),
  mountPath: z.string().max(256).startsWith('/').describe('Where it is mounted, such as /dev/shm.'),
  medium: z.enum(['', 'Memory']).default(''),
  sizeLimit: Quantity,
});

const ProfileEnv = z.strictObject({
  name: z
    .string()
    .max(128)
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
  value: z.string().max(4096),
});

/** What an administrator gives the pods of one kind of stage. */
export const PodProfile = z
  .strictObject({
    image: z.string().min(1).max(512).optional().describe('Another image than the usual one, such as one for CUDA.'),
    resources: z
      .strictObject({
        requests: Resources.optional(),
        limits: Resources.optional(),
        claims: z
          .array(z.strictObject({ name: Word, request: Word.optional() }))
          .max(8)
          .optional(),
      })
      .default({})
      .describe('Of the container that does the work: CPU, memory, GPUs.'),
    maxMemory: Quantity.optional().describe(
      'Most memory that a run gets when it is tried again after it had too little; four times the limit when left out.',
    ),
    tmpSize: Quantity.default('1Gi').describe('Room for temporary files.'),
    nodeSelector: z.record(Word, z.string().max(63)).optional(),
    tolerations: z.array(Toleration).max(32).optional(),
    affinity: Raw.optional(),
    runtimeClassName: Word.optional(),
    priorityClassName: Word.optional().describe('Unless the job names one itself.'),
    schedulerName: Word.optional(),
    resourceClaims: z
      .array(
        z.strictObject({
          name: Word,
          resourceClaimName: Word.optional(),
          resourceClaimTemplateName: Word.optional(),
        }),
      )
      .max(8)
      .optional()
      .describe('Of dynamic resource allocation; `resources.claims` names those that are used.'),
    env: z.array(ProfileEnv).max(64).default([]).describe('More settings for the container that does the work.'),
    volumes: z.array(ProfileVolume).max(8).default([]).describe('Directories of the pod alone.'),
    terminationGracePeriodSeconds: z
      .int()
      .min(1)
      .max(300)
      .default(30)
      .describe('Time to end after SIGTERM, in s; some spot nodes give 15.'),
  })
  .describe('What the pods of one kind of stage get.');
export type PodProfile = z.infer<typeof PodProfile>;

/** What a job asks for by one word. */
export const Profile = z
  .strictObject({
    convert: PodProfile.optional().describe('For conversion, and for renditions unless they have their own.'),
    render: PodProfile.optional(),
    transcribe: PodProfile.optional(),
    finalize: PodProfile.optional().describe('Writes the text files: needs neither a GPU nor much memory.'),
  })
  .describe('One profile.');
export type Profile = z.infer<typeof Profile>;

/** Content of the file of profiles. What a profile leaves out is as in `default`, and there as the operator has it. */
export const ProfilesFile = z.strictObject({
  profiles: z.record(
    z
      .string()
      .max(63)
      .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a DNS label'),
    Profile,
  ),
});
export type ProfilesFile = z.infer<typeof ProfilesFile>;
