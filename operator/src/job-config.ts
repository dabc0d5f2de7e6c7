/** What an administrator decides about the Jobs of all MediaJobs. */
export interface JobConfig {
  readonly converterImage: string;
  readonly transcriberImage: string;
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  readonly imagePullSecrets: readonly string[];
  /** Claims, in the namespace of each MediaJob. */
  readonly mediaClaim: string;
  readonly modelsClaim: string;
  readonly serviceAccount: string;
  readonly logLevel: string;
  readonly reserveBytes: number;
  /** How long a Job stays once its outcome is recorded, in s. */
  readonly ttlSeconds: number;
  /** Left out: Jobs do not report progress. */
  readonly progress?: ProgressConfig;
}

export interface ProgressConfig {
  readonly url: string;
  /** Of the tokens that pods report with. */
  readonly audience: string;
  /** PEM of the authorities that the receiver is verified with, the next one among them. */
  authorities(): string;
}
