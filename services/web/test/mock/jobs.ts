import { MediaJob, type MediaJobStatus } from '@mediajob/contract';

const HOUR = 3_600_000;

export interface JobWishes {
  readonly title?: string;
  readonly phase?: MediaJobStatus['phase'];
  readonly status?: Partial<MediaJobStatus>;
  readonly ageMs?: number;
  readonly spec?: Record<string, unknown>;
}

let count = 0;
/** UUIDs that count up: the same in every run. */
export function nextUuid(): string {
  count += 1;
  return `00000000-0000-4000-8000-${String(count).padStart(12, '0')}`;
}

const OUTPUTS: MediaJobStatus['outputs'] = [
  { name: 'transcript.json', format: 'json', bytes: 8_120 },
  { name: 'transcript.srt', format: 'srt', bytes: 420 },
  { name: 'transcript.txt', format: 'txt', bytes: 110 },
  { name: 'transcript.vtt', format: 'vtt', bytes: 431 },
];

/** A job as main would answer it; checked against the contract, so that the double cannot drift from the real thing. */
export function aJob(wishes: JobWishes = {}): MediaJob {
  const { title = 'talk.mp3', phase = 'Succeeded', ageMs = 5 * 60_000, status = {}, spec = {} } = wishes;
  const created = Date.now() - ageMs;
  const at = (ms: number) => new Date(created + ms).toISOString();
  const uid = nextUuid();
  const ended = phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';
  return MediaJob.parse({
    apiVersion: 'mediajob.io/v1alpha1',
    kind: 'MediaJob',
    metadata: {
      name: `job-${uid.slice(-6)}`,
      uid,
      creationTimestamp: at(0),
      generation: 1,
      resourceVersion: '1',
      annotations: { 'mediajob.io/title': title, 'mediajob.io/file-name': title },
    },
    spec: {
      source: { path: 'uploads/01JD0000000000000000000000/source' },
      transcribe: { model: 'base', language: 'auto' },
      ...spec,
    },
    status: {
      phase,
      progress: {
        percent: phase === 'Succeeded' ? 100 : 0,
        text: phase === 'Succeeded' ? '100%' : '0%',
        realtimeFactor: 6.4,
      },
      ...(phase === 'Pending' || phase === 'Queued'
        ? {}
        : {
            media: {
              durationMs: 11_000,
              container: 'mp3',
              audioCodec: 'mp3',
              sampleRate: 44_100,
              channels: 2,
              audioTracks: 1,
              video: false,
              bytes: 180_000,
            },
            startedAt: at(1_000),
          }),
      stages: stagesFor(phase, at),
      ...(phase === 'Succeeded' ? { outputs: OUTPUTS, language: 'en' } : {}),
      ...(ended ? { finishedAt: at(9_000) } : {}),
      ...status,
    },
  });
}

function stagesFor(phase: MediaJobStatus['phase'], at: (ms: number) => string): unknown[] {
  const done = (name: string, from: number, to: number) => ({
    name,
    state: 'Succeeded',
    percent: 100,
    shards: 1,
    shardsDone: 1,
    attempt: 1,
    startedAt: at(from),
    finishedAt: at(to),
  });
  const other = (name: string, state: string, percent = 0) => ({
    name,
    state,
    percent,
    shards: 1,
    shardsDone: 0,
    attempt: 1,
    ...(state === 'Running' ? { startedAt: at(2_000) } : {}),
  });
  switch (phase) {
    case 'Succeeded':
      return [done('convert', 1_000, 2_400), done('transcribe', 2_400, 8_800), done('finalize', 8_800, 9_000)];
    case 'Transcribing':
      return [done('convert', 1_000, 2_400), other('transcribe', 'Running', 58), other('finalize', 'Pending')];
    case 'Converting':
      return [other('convert', 'Running', 40), other('transcribe', 'Pending'), other('finalize', 'Pending')];
    case 'Failed':
      return [
        { ...other('convert', 'Failed'), startedAt: at(1_000), finishedAt: at(2_000) },
        other('transcribe', 'Pending'),
      ];
    default:
      return [other('convert', 'Pending'), other('transcribe', 'Pending'), other('finalize', 'Pending')];
  }
}

export function aFailedJob(title: string): MediaJob {
  const finishedAt = new Date(Date.now() - 2 * HOUR).toISOString();
  return aJob({
    title,
    phase: 'Failed',
    ageMs: 2 * HOUR,
    status: {
      attempts: [
        {
          stage: 'convert',
          shard: 0,
          attempt: 1,
          exitCode: 65,
          reason: 'UnsupportedMedia',
          message: 'The file has no audio stream that can be read: 1 stream found, of type data.',
          counted: true,
          finishedAt,
        },
      ],
      conditions: [
        {
          type: 'Failed',
          status: 'True',
          reason: 'UnsupportedMedia',
          message: 'The source cannot be read as audio or video; upload another file.',
          lastTransitionTime: finishedAt,
        },
      ],
    },
  });
}

export function aRunningJob(title: string, percent: number, etaSeconds: number): MediaJob {
  return aJob({
    title,
    phase: 'Transcribing',
    ageMs: 90_000,
    status: { progress: { percent, text: `${percent}%`, realtimeFactor: 5.2, etaSeconds }, language: 'ru' },
  });
}

export function aWaitingJob(
  title: string,
  reason: 'WorkerUnreachable' | 'ModelMissing' | 'WaitingForWorker' | 'WaitingForCluster',
): MediaJob {
  return aJob({
    title,
    phase: 'Queued',
    ageMs: 30_000,
    status: {
      conditions: [
        {
          type: 'Queued',
          status: 'True',
          reason,
          message: 'It goes on by itself.',
          lastTransitionTime: new Date().toISOString(),
        },
      ],
    },
  });
}
