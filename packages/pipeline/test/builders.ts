import {
  API_VERSION,
  KIND,
  MediaJob,
  type MediaJobSpecInput,
  type MediaJobStatus,
  type StageName,
  type StepResult,
} from '@mediajob/contract';
import { NO_TALLY, type Observed, type ObservedRun, type PipelinePolicy, type RunState } from '../src/index.js';

export const START = Date.parse('2026-01-01T00:00:00.000Z');
export const at = (seconds: number) => new Date(START + seconds * 1000).toISOString();
export const UID = '11111111-2222-4333-8444-555555555555';
const SHA = 'a'.repeat(64);

export const POLICY: PipelinePolicy = {
  chunkTargetMs: 300_000,
  chunksPerShard: 2,
  maxDurationMs: 86_400_000,
  maxMemoryFactor: 4,
};

/** A job as a person made it a moment ago: `aMediaJob().withSpec({suspend: true}).build()`. */
export class MediaJobBuilder {
  #spec: MediaJobSpecInput = { source: { path: 'uploads/01J00000000000000000000000/source' }, transcribe: {} };
  #status: Partial<MediaJobStatus> = {};
  #annotations: Record<string, string> = {};
  #deletionTimestamp: string | undefined;

  withSpec(spec: Partial<MediaJobSpecInput>): this {
    this.#spec = { ...this.#spec, ...spec };
    return this;
  }
  withStatus(status: Partial<MediaJobStatus>): this {
    this.#status = { ...this.#status, ...status };
    return this;
  }
  withAnnotation(key: string, value: string): this {
    this.#annotations[key] = value;
    return this;
  }
  deletedAt(time: string): this {
    this.#deletionTimestamp = time;
    return this;
  }
  build(): MediaJob {
    return MediaJob.parse({
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: {
        name: 'talk',
        uid: UID,
        creationTimestamp: at(0),
        generation: 1,
        resourceVersion: '1',
        annotations: this.#annotations,
        ...(this.#deletionTimestamp === undefined ? {} : { deletionTimestamp: this.#deletionTimestamp }),
      },
      spec: this.#spec,
      status: this.#status,
    });
  }
}

export const aMediaJob = () => new MediaJobBuilder();

export const manifest = (stage: string) => ({ path: `jobs/${UID}/work/${stage}.manifest.json`, sha256: SHA });

export function resultOf(
  stage: StageName,
  options: { chunks?: number; shard?: number; alone?: boolean } = {},
): StepResult {
  const { chunks = 1, shard = 0, alone = chunks <= 1 } = options;
  switch (stage) {
    case 'convert':
      return {
        stage,
        media: {
          durationMs: chunks * 300_000,
          container: 'wav',
          audioCodec: 'pcm_s16le',
          sampleRate: 16_000,
          channels: 1,
          audioTracks: 1,
          video: false,
          bytes: 1000,
        },
        chunks,
        speechMs: chunks * 200_000,
        manifest: manifest(stage),
      };
    case 'transcribe':
      return {
        stage,
        shard,
        chunks,
        reused: 0,
        audioMs: chunks * 300_000,
        language: 'en',
        languageProbability: 0.9,
        realtimeFactor: 10,
        ...(alone ? { finalize: finalizeResult() } : {}),
        manifest: manifest(stage),
      };
    case 'finalize':
      return finalizeResult();
    case 'render':
      return { stage, outputs: [{ name: 'media.mp3', format: 'mp3', bytes: 5 }], manifest: manifest(stage) };
    case 'cleanup':
      return { stage, removed: 2 };
  }
}

function finalizeResult() {
  return {
    stage: 'finalize' as const,
    language: 'en',
    segments: 3,
    words: 30,
    doubtful: 0,
    outputs: [{ name: 'transcript.json', format: 'json', bytes: 10 }],
    manifest: manifest('finalize'),
  };
}

/** A run of the first attempt: `aRun('convert').succeeded()`. */
export class RunBuilder {
  #run: ObservedRun;
  constructor(stage: StageName, shard = 0) {
    this.#run = { key: { stage, shard, attempt: 1, try: 1 }, tally: NO_TALLY, state: 'pending' };
  }
  with(change: Partial<ObservedRun>): this {
    this.#run = { ...this.#run, ...change };
    return this;
  }
  inTry(number: number): this {
    return this.with({ key: { ...this.#run.key, try: number } });
  }
  inAttempt(number: number): this {
    return this.with({ key: { ...this.#run.key, attempt: number } });
  }
  running(fraction = 0, realtimeFactor?: number): this {
    return this.with({
      state: 'running',
      startedAt: at(1),
      progress: { fraction, ...(realtimeFactor === undefined ? {} : { realtimeFactor }) },
    });
  }
  succeeded(result: StepResult = resultOf(this.#run.key.stage, { shard: this.#run.key.shard })): this {
    return this.with({ state: 'succeeded', result, startedAt: at(1), finishedAt: at(2) });
  }
  failed(exitCode: number, change: Partial<ObservedRun> = {}): this {
    return this.with({ state: 'failed', exitCode, startedAt: at(1), finishedAt: at(2), ...change });
  }
  ended(state: RunState, change: Partial<ObservedRun> = {}): this {
    return this.with({ state, startedAt: at(1), finishedAt: at(2), ...change });
  }
  build(): ObservedRun {
    return this.#run;
  }
}

export const aRun = (stage: StageName, shard = 0) => new RunBuilder(stage, shard);

export function observed(job: MediaJobBuilder | MediaJob, runs: readonly RunBuilder[] = [], policy = POLICY): Observed {
  return {
    job: job instanceof MediaJobBuilder ? job.build() : job,
    runs: runs.map((run) => run.build()),
    policy,
  };
}
