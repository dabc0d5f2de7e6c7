import { Annotation, ExitCode, MediaJobStatus } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import {
  aMediaJob,
  aRun,
  at,
  type MediaJobBuilder,
  observed,
  POLICY,
  type RunBuilder,
  resultOf,
  START,
} from '../test/builders.js';
import { findCondition } from './conditions.js';
import { decide } from './decide.js';
import type { Action, Decision } from './decision.js';
import { NO_TALLY, type Observed } from './observed.js';

/** `start transcribe/0 try 1` and so on: actions as one reads them. */
function said(actions: readonly Action[]): string[] {
  return actions.map((action) => {
    switch (action.type) {
      case 'start':
        return `start ${action.key.stage}/${action.key.shard} ${action.key.attempt}.${action.key.try}`;
      case 'stop':
        return `stop ${action.key.stage}/${action.key.shard} ${action.key.attempt}.${action.key.try}: ${action.why}`;
      case 'forget':
        return `forget ${action.key.stage}/${action.key.shard} ${action.key.attempt}.${action.key.try}`;
      default:
        return action.type;
    }
  });
}

const NOW = START + 2_000;
const BATCH = { policy: { ...POLICY, batchShards: true } };
const RENDITION = { convert: { renditions: [{ format: 'mp3' as const }] } };
const SUBTITLED = { convert: { renditions: [{ format: 'mp4' as const, subtitles: 'burn' as const }] } };
const manyShards = () => aRun('convert').succeeded(resultOf('convert', { chunks: 6 }));

interface Row {
  promise: string;
  job?: MediaJobBuilder;
  runs?: RunBuilder[];
  now?: number;
  world?: Partial<Omit<Observed, 'job' | 'runs'>>;
  want: {
    actions: string[];
    phase: string;
    attempt?: number;
    queued?: string;
    accepted?: string;
    failed?: string;
    requeueAfterMs?: number | undefined;
    message?: RegExp;
  };
}

const started = (builder: MediaJobBuilder = aMediaJob()) => builder.withStatus({ startedAt: at(0), phase: 'Queued' });

const ROWS: Record<string, Row[]> = {
  'stages follow each other': [
    {
      promise: 'a new job starts with convert',
      want: { actions: ['start convert/0 1.1'], phase: 'Queued', queued: 'WaitingForWorker' },
    },
    {
      promise: 'nothing is started twice while it waits',
      runs: [aRun('convert')],
      want: { actions: [], phase: 'Queued', queued: 'WaitingForWorker' },
    },
    {
      promise: 'a job whose worker is away says so and is no failure',
      runs: [
        aRun('convert').with({ waiting: { reason: 'WorkerUnreachable', message: 'No converter can be reached.' } }),
      ],
      want: { actions: [], phase: 'Queued', queued: 'WorkerUnreachable', message: /No converter/ },
    },
    {
      promise: 'convert that runs is Converting',
      runs: [aRun('convert').running()],
      want: { actions: [], phase: 'Converting', queued: 'Running' },
    },
    {
      promise: 'transcription follows conversion',
      runs: [aRun('convert').succeeded()],
      want: { actions: ['start transcribe/0 1.1'], phase: 'Queued' },
    },
    {
      promise: 'rendering runs beside transcription',
      job: aMediaJob().withSpec(RENDITION),
      runs: [aRun('convert').succeeded()],
      want: { actions: ['start transcribe/0 1.1', 'start render/0 1.1'], phase: 'Queued' },
    },
    {
      promise: 'rendering with subtitles waits for the transcript',
      job: aMediaJob().withSpec(SUBTITLED),
      runs: [aRun('convert').succeeded(), aRun('transcribe').running(0.5)],
      want: { actions: [], phase: 'Transcribing' },
    },
    {
      promise: 'rendering with subtitles follows the transcript',
      job: aMediaJob().withSpec(SUBTITLED),
      runs: [aRun('convert').succeeded(), aRun('transcribe').succeeded()],
      want: { actions: ['start render/0 1.1'], phase: 'Queued' },
    },
    {
      promise: 'a convert-only job goes from convert to render',
      job: aMediaJob().withSpec({ ...RENDITION, transcribe: undefined }),
      runs: [aRun('convert').succeeded(resultOf('convert', { chunks: 0 }))],
      want: { actions: ['start render/0 1.1'], phase: 'Queued' },
    },
    {
      promise: 'shards are the chunks divided by those of a shard, rounded up',
      runs: [manyShards()],
      want: {
        actions: ['start transcribe/0 1.1', 'start transcribe/1 1.1', 'start transcribe/2 1.1'],
        phase: 'Queued',
      },
    },
    {
      promise: 'no more shards run at once than asked for',
      job: aMediaJob().withSpec({ transcribe: { parallelism: 2 } }),
      runs: [manyShards(), aRun('transcribe', 1).running()],
      want: { actions: ['start transcribe/0 1.1'], phase: 'Transcribing' },
    },
    {
      promise: 'finalize waits for the last shard',
      runs: [
        manyShards(),
        aRun('transcribe', 0).succeeded(resultOf('transcribe', { chunks: 2, alone: false })),
        aRun('transcribe', 1).running(0.5),
        aRun('transcribe', 2).succeeded(resultOf('transcribe', { shard: 2, chunks: 2, alone: false })),
      ],
      want: { actions: [], phase: 'Transcribing' },
    },
    {
      promise: 'finalize follows the last shard',
      runs: [
        manyShards(),
        ...[0, 1, 2].map((shard) =>
          aRun('transcribe', shard).succeeded(resultOf('transcribe', { shard, chunks: 2, alone: false })),
        ),
      ],
      want: { actions: ['start finalize/0 1.1'], phase: 'Queued' },
    },
    {
      promise: 'silence skips transcription and still writes an empty transcript',
      runs: [aRun('convert').succeeded(resultOf('convert', { chunks: 0 }))],
      want: { actions: ['start finalize/0 1.1'], phase: 'Queued' },
    },
    {
      promise: 'one shard finalizes by itself, and the job is done',
      runs: [aRun('convert').succeeded(), aRun('transcribe').succeeded()],
      want: { actions: ['forget convert/0 1.1', 'forget transcribe/0 1.1'], phase: 'Succeeded', queued: 'Finished' },
    },
    {
      promise: 'one shard whose result lacks the transcript is finalized by a run of its own',
      runs: [aRun('convert').succeeded(), aRun('transcribe').succeeded(resultOf('transcribe', { alone: false }))],
      want: { actions: ['start finalize/0 1.1'], phase: 'Queued' },
    },
    {
      promise: 'a rendition that is not done keeps the job from ending',
      job: aMediaJob().withSpec(RENDITION),
      runs: [aRun('convert').succeeded(), aRun('transcribe').succeeded(), aRun('render').running(0.4)],
      want: { actions: [], phase: 'Converting' },
    },
  ],
  'exit codes decide what happens': [
    ...([64, 65, 66] as const).map((code) => ({
      promise: `${code} fails at once`,
      runs: [aRun('convert').failed(code, { message: 'It is no media.' })],
      want: {
        actions: ['forget convert/0 1.1'],
        phase: 'Failed',
        failed: { 64: 'InvalidArguments', 65: 'UnsupportedMedia', 66: 'InputNotFound' }[code],
        message: /It is no media\./,
      },
    })),
    ...[69, 70, 74, 75, 137, 1, 255, 139].map((code) => ({
      promise: `${code} is tried again after 5 s`,
      runs: [aRun('convert').failed(code)],
      want: { actions: [], phase: 'Queued', queued: 'WaitingForRetry', requeueAfterMs: 5_000 },
    })),
    {
      promise: 'a retry starts when it is due',
      runs: [aRun('convert').failed(75)],
      now: NOW + 5_000,
      want: { actions: ['start convert/0 1.2'], phase: 'Queued' },
    },
    {
      promise: 'a pause counts from when the end was seen, whatever the clock of the node said',
      runs: [aRun('convert').failed(75, { finishedAt: at(600), endSeenAt: NOW - 1_000 })],
      want: { actions: [], phase: 'Queued', queued: 'WaitingForRetry', requeueAfterMs: 4_000 },
    },
    {
      promise: 'the time between retries doubles',
      runs: [
        aRun('convert')
          .failed(75, { tally: { ...NO_TALLY, counted: 2 } })
          .inTry(3),
      ],
      want: { actions: [], phase: 'Queued', requeueAfterMs: 20_000 },
    },
    {
      promise: 'the retries come to an end',
      runs: [
        aRun('convert')
          .failed(75, { message: 'disk hiccup', tally: { ...NO_TALLY, counted: 3 } })
          .inTry(4),
      ],
      want: {
        actions: ['forget convert/0 1.4'],
        phase: 'Failed',
        failed: 'RetriesExhausted',
        message: /4 times.*disk hiccup\./,
      },
    },
    {
      promise: 'no retries allowed: the first failure is the last',
      job: aMediaJob().withSpec({ retries: 0 }),
      runs: [aRun('convert').failed(75)],
      want: { actions: ['forget convert/0 1.1'], phase: 'Failed', failed: 'RetriesExhausted' },
    },
    ...[
      [0, 60_000],
      [1, 120_000],
      [2, 300_000],
      [3, 600_000],
      [50, 600_000],
    ].map(([waits = 0, delay = 0]) => ({
      promise: `a full disk that was met ${waits} times before is tried again after ${delay / 60_000} min`,
      runs: [aRun('convert').failed(ExitCode.StorageFull, { tally: { ...NO_TALLY, storageWaits: waits } })],
      want: { actions: [], phase: 'Queued', queued: 'StorageFull', requeueAfterMs: delay },
    })),
    {
      promise: 'a missing model waits, and says what to do',
      runs: [
        aRun('convert').succeeded(),
        aRun('transcribe').failed(78, { reason: 'ModelNotFound', message: 'The model base is not installed.' }),
      ],
      want: {
        actions: [],
        phase: 'Queued',
        queued: 'ModelMissing',
        requeueAfterMs: 15_000,
        message: /Install the model/,
      },
    },
    {
      promise: 'a model with a wrong checksum never mends itself',
      runs: [aRun('convert').succeeded(), aRun('transcribe').failed(78, { reason: 'BadChecksum' })],
      want: { actions: ['forget convert/0 1.1', 'forget transcribe/0 1.1'], phase: 'Failed', failed: 'BadChecksum' },
    },
    {
      promise: 'an interrupted run is put again at once',
      runs: [aRun('convert').failed(143)],
      want: { actions: ['start convert/0 1.2'], phase: 'Queued' },
    },
    {
      promise: 'a lost run is put again at once',
      runs: [aRun('convert').ended('lost')],
      want: { actions: ['start convert/0 1.2'], phase: 'Queued' },
    },
    {
      promise: 'a run lost for the fifth time without progress gets some air',
      runs: [
        aRun('convert')
          .ended('lost', { tally: { ...NO_TALLY, idle: 4 } })
          .inTry(5),
      ],
      want: { actions: [], phase: 'Queued', queued: 'WaitingForRetry', requeueAfterMs: 16_000 },
    },
    {
      promise: 'a run lost for the sixth time without progress uses up a retry',
      job: aMediaJob().withSpec({ retries: 0 }),
      runs: [
        aRun('convert')
          .ended('lost', { tally: { ...NO_TALLY, idle: 5 } })
          .inTry(6),
      ],
      want: { actions: ['forget convert/0 1.6'], phase: 'Failed', failed: 'RetriesExhausted' },
    },
    {
      promise: 'a preempted run never uses up a retry',
      job: aMediaJob().withSpec({ retries: 0 }),
      runs: [aRun('convert').failed(143, { disrupted: true, tally: { ...NO_TALLY, idle: 5 } })],
      want: { actions: ['start convert/0 1.2'], phase: 'Queued' },
    },
    {
      promise:
        'a run that ended well but left no result is run again after a while, and it is said what is wrong with it',
      runs: [aRun('convert').ended('succeeded', { message: 'Its result is of no use: result.chunks' })],
      want: {
        actions: [],
        phase: 'Queued',
        queued: 'WaitingForRetry',
        message: /result is of no use: result\.chunks/,
        requeueAfterMs: 5_000,
      },
    },
    {
      promise: 'a run that ended well five times but left no result is run again less and less often',
      runs: [
        aRun('convert')
          .ended('succeeded', { tally: { ...NO_TALLY, idle: 4 } })
          .inTry(5),
      ],
      want: { actions: [], phase: 'Queued', queued: 'WaitingForRetry', requeueAfterMs: 80_000 },
    },
    {
      promise: 'a run that ended well but left no result is run again when it is time',
      runs: [aRun('convert').ended('succeeded', { finishedAt: new Date(NOW - 5_000).toISOString() })],
      want: { actions: ['start convert/0 1.2'], phase: 'Queued' },
    },
    {
      promise: 'a failed branch lets the transcript finish',
      job: aMediaJob().withSpec(RENDITION),
      runs: [
        aRun('convert').succeeded(),
        aRun('transcribe').running(0.2),
        aRun('render').failed(65, { message: 'no picture' }),
      ],
      want: {
        actions: [],
        phase: 'Transcribing',
        message: /rendering failed: no picture\. What does not need it goes on/,
      },
    },
    {
      promise: 'and then the job fails, with the transcript kept',
      job: aMediaJob().withSpec(RENDITION),
      runs: [
        aRun('convert').succeeded(),
        aRun('transcribe').succeeded(),
        aRun('render').failed(65, { message: 'no picture' }),
      ],
      want: {
        actions: ['forget convert/0 1.1', 'forget transcribe/0 1.1', 'forget render/0 1.1'],
        phase: 'Failed',
        failed: 'UnsupportedMedia',
      },
    },
    {
      promise: 'a shard that fails for good stops the others',
      runs: [manyShards(), aRun('transcribe', 0).failed(65), aRun('transcribe', 1).running(), aRun('transcribe', 2)],
      want: {
        actions: [
          'stop transcribe/1 1.1: failed',
          'stop transcribe/2 1.1: failed',
          'forget convert/0 1.1',
          'forget transcribe/0 1.1',
        ],
        phase: 'Failed',
        failed: 'UnsupportedMedia',
      },
    },
  ],
  'a person is in charge': [
    {
      promise: 'suspend stops what runs',
      job: started().withSpec({ suspend: true }),
      runs: [aRun('convert').running(0.3)],
      want: { actions: ['stop convert/0 1.1: suspended'], phase: 'Suspended' },
    },
    {
      promise: 'what was asked to stop is not asked again',
      job: started().withSpec({ suspend: true }),
      runs: [aRun('convert').running(0.3).with({ stopRequested: true })],
      want: { actions: [], phase: 'Suspended' },
    },
    {
      promise: 'resume goes on at once and counts no failure',
      job: aMediaJob()
        .withStatus({ phase: 'Suspended', startedAt: at(0) })
        .withSpec({ retries: 0 }),
      runs: [aRun('convert').failed(143, { stopRequested: true })],
      want: { actions: ['start convert/0 1.2'], phase: 'Queued' },
    },
    {
      promise: 'resume waits for what is still stopping',
      job: aMediaJob().withStatus({ phase: 'Suspended', startedAt: at(0) }),
      runs: [aRun('convert').running(0.3).with({ stopRequested: true })],
      want: { actions: [], phase: 'Converting' },
    },
    {
      promise: 'cancel ends the job and stops what runs',
      job: started().withSpec({ cancel: true }),
      runs: [aRun('convert').running(0.3)],
      want: { actions: ['stop convert/0 1.1: cancelled'], phase: 'Cancelled', failed: 'Cancelled' },
    },
    {
      promise: 'a job that is done before the cancel arrives has succeeded',
      job: started().withSpec({ cancel: true }),
      runs: [aRun('convert').succeeded(), aRun('transcribe').succeeded()],
      want: { actions: ['forget convert/0 1.1', 'forget transcribe/0 1.1'], phase: 'Succeeded' },
    },
    {
      promise: 'a cancelled job stays cancelled when cancel is taken back without a retry',
      job: aMediaJob().withStatus({ phase: 'Cancelled', finishedAt: at(1) }),
      want: { actions: [], phase: 'Cancelled' },
    },
    {
      promise: 'a retry opens a new attempt, and starts nothing before that is written',
      job: aMediaJob()
        .withStatus({ phase: 'Cancelled', finishedAt: at(1) })
        .withAnnotation(Annotation.retry, 'a'),
      want: { actions: [], phase: 'Pending', requeueAfterMs: 0 },
    },
    {
      promise: 'the same token retries once',
      job: aMediaJob()
        .withStatus({ phase: 'Failed', finishedAt: at(1), retryToken: 'a', attempt: 2 })
        .withAnnotation(Annotation.retry, 'a'),
      want: { actions: [], phase: 'Failed' },
    },
    {
      promise: 'a new attempt waits until runs of the old one are gone',
      job: started().withStatus({ attempt: 2 }),
      runs: [aRun('convert').running(0.3)],
      want: { actions: ['stop convert/0 1.1: superseded'], phase: 'Queued', message: /earlier attempt/ },
    },
    {
      promise: 'a retry of a job that waits ends the waiting',
      job: started().withAnnotation(Annotation.retry, 'now'),
      runs: [aRun('convert').failed(ExitCode.StorageFull)],
      want: { actions: ['start convert/0 1.2'], phase: 'Queued' },
    },
    {
      promise: 'a job past its deadline fails and says what it waited for',
      job: started().withSpec({ activeDeadlineSeconds: 60 }),
      runs: [aRun('convert').failed(ExitCode.StorageFull, { message: 'The disk is full.' })],
      now: START + 60_000,
      want: {
        actions: ['forget convert/0 1.1'],
        phase: 'Failed',
        failed: 'DeadlineExceeded',
        message: /The disk is full/,
      },
    },
    {
      promise: 'a job looks again at its deadline',
      job: started().withSpec({ activeDeadlineSeconds: 60 }),
      runs: [aRun('convert').running()],
      want: { actions: [], phase: 'Converting', requeueAfterMs: 58_000 },
    },
    {
      promise: 'time in suspension does not count against the deadline',
      job: aMediaJob()
        .withStatus({ phase: 'Suspended', startedAt: at(0) })
        .withSpec({ activeDeadlineSeconds: 60 }),
      now: START + 600_000,
      want: { actions: ['start convert/0 1.1'], phase: 'Queued' },
    },
    {
      promise: 'a web source is refused with what to do instead',
      job: aMediaJob().withSpec({ source: { url: 'https://example.org/a.mp3' } }),
      want: { actions: [], phase: 'Failed', failed: 'SourceNotAllowed', message: /Upload the file/ },
    },
    {
      promise: 'a finished job is deleted when its time is over',
      job: aMediaJob()
        .withStatus({ phase: 'Succeeded', finishedAt: at(0) })
        .withSpec({ ttlSecondsAfterFinished: 2 }),
      want: { actions: ['delete'], phase: 'Succeeded' },
    },
    {
      promise: 'and not before',
      job: aMediaJob()
        .withStatus({ phase: 'Succeeded', finishedAt: at(0) })
        .withSpec({ ttlSecondsAfterFinished: 10 }),
      want: { actions: [], phase: 'Succeeded', requeueAfterMs: 8_000 },
    },
  ],
  'shards that start as one': [
    {
      promise: 'all first tries start at once, although more than may run at once',
      job: aMediaJob().withSpec({ transcribe: { parallelism: 1 } }),
      runs: [manyShards()],
      world: BATCH,
      want: {
        actions: ['start transcribe/0 1.1', 'start transcribe/1 1.1', 'start transcribe/2 1.1'],
        phase: 'Queued',
      },
    },
    {
      promise: 'a shard is tried again by itself, once fewer run than may',
      job: aMediaJob().withSpec({ transcribe: { parallelism: 1 } }),
      runs: [
        manyShards(),
        aRun('transcribe', 0).failed(143),
        aRun('transcribe', 1).succeeded(resultOf('transcribe', { shard: 1, chunks: 2, alone: false })),
        aRun('transcribe', 2).succeeded(resultOf('transcribe', { shard: 2, chunks: 2, alone: false })),
      ],
      world: BATCH,
      want: { actions: ['start transcribe/0 1.2'], phase: 'Queued' },
    },
    {
      promise: 'and not before',
      job: aMediaJob().withSpec({ transcribe: { parallelism: 1 } }),
      runs: [manyShards(), aRun('transcribe', 0).failed(143), aRun('transcribe', 1).running(), aRun('transcribe', 2)],
      world: BATCH,
      want: { actions: [], phase: 'Transcribing' },
    },
    {
      promise: 'a shard whose record somebody removed is tried again by itself, never with all the others',
      runs: [manyShards(), aRun('transcribe', 0).running(), aRun('transcribe', 2).inTry(2).running()],
      world: BATCH,
      want: { actions: ['start transcribe/1 1.2'], phase: 'Transcribing' },
    },
    {
      promise: 'one shard alone is a run like any other',
      runs: [aRun('convert').succeeded()],
      world: BATCH,
      want: { actions: ['start transcribe/0 1.1'], phase: 'Queued' },
    },
  ],
  'names are used once': [
    {
      promise: 'a try follows those whose outcome is in the status',
      world: { spent: [{ stage: 'convert', shard: 0, attempt: 1, try: 3 }] },
      want: { actions: ['start convert/0 1.4'], phase: 'Queued' },
    },
    {
      promise: 'shards follow the one start of them all',
      runs: [manyShards()],
      world: { ...BATCH, spent: [{ stage: 'transcribe', attempt: 1, try: 1 }] },
      want: {
        actions: ['start transcribe/0 1.2', 'start transcribe/1 1.2', 'start transcribe/2 1.2'],
        phase: 'Queued',
      },
    },
    {
      promise: 'an attempt follows all that were, whatever the status says',
      job: aMediaJob()
        .withStatus({ phase: 'Failed', finishedAt: at(1), attempt: 3 })
        .withAnnotation(Annotation.retry, 'a'),
      world: { spent: [{ stage: 'convert', shard: 0, attempt: 3, try: 1 }] },
      want: { actions: [], phase: 'Pending', attempt: 4, requeueAfterMs: 0 },
    },
    {
      promise: 'a status that lost its attempt goes on in the highest that was',
      world: { spent: [{ stage: 'convert', shard: 0, attempt: 3, try: 1 }] },
      want: { actions: ['start convert/0 3.2'], phase: 'Queued', attempt: 3 },
    },
    {
      promise: 'nothing follows from an old status of a job that has begun another attempt',
      job: aMediaJob().withStatus({ phase: 'Failed', finishedAt: at(1) }),
      runs: [aRun('convert').inAttempt(2).succeeded()],
      want: { actions: [], phase: 'Failed', attempt: 1, requeueAfterMs: 1_000 },
    },
  ],
  'what keeps a run from starting is told': [
    {
      promise: 'a profile that is missing starts nothing, and is no end',
      world: { held: { reason: 'ProfileNotFound', message: 'There is no profile gpu.' } },
      want: {
        actions: [],
        phase: 'Queued',
        queued: 'ProfileNotFound',
        accepted: 'ProfileNotFound',
        message: /no profile gpu/,
      },
    },
    {
      promise: 'a profile that is missing does not touch what runs',
      runs: [aRun('convert').running()],
      world: { held: { reason: 'ProfileNotFound', message: 'There is no profile gpu.' } },
      want: { actions: [], phase: 'Converting', accepted: 'Accepted', message: /^$/ },
    },
    {
      promise: 'a profile that is missing for a part is told while the rest runs',
      job: aMediaJob().withSpec(RENDITION),
      runs: [aRun('convert').succeeded(), aRun('render').running()],
      world: { held: { reason: 'ProfileNotFound', message: 'There is no profile gpu.' } },
      want: { actions: [], phase: 'Converting', accepted: 'ProfileNotFound', message: /no profile gpu/ },
    },
    {
      promise: 'a profile that came is accepted',
      job: started().withStatus({
        conditions: [
          { type: 'Accepted', status: 'False', reason: 'ProfileNotFound', message: 'x', lastTransitionTime: at(0) },
        ],
      }),
      want: { actions: ['start convert/0 1.1'], phase: 'Queued', accepted: 'Accepted' },
    },
    {
      promise: 'a start that was refused is decided again, and the status says why',
      world: {
        refused: [
          {
            key: { stage: 'convert', shard: 0, attempt: 1, try: 1 },
            waiting: { reason: 'NameConflict', message: 'A Job of that name is there.' },
          },
        ],
      },
      want: { actions: ['start convert/0 1.1'], phase: 'Queued', queued: 'NameConflict', message: /A Job of that/ },
    },
    {
      promise: 'of several reasons the one that a person can mend is told',
      runs: [
        manyShards(),
        aRun('transcribe', 0),
        aRun('transcribe', 1).with({ waiting: { reason: 'Unschedulable', message: 'No GPU is free.' } }),
        aRun('transcribe', 2).with({ waiting: { reason: 'ImageUnavailable', message: 'No such image.' } }),
      ],
      want: { actions: [], phase: 'Queued', queued: 'ImageUnavailable', message: /No such image/ },
    },
    {
      promise: 'a node that is gone is told although the run still counts as running',
      runs: [
        aRun('convert')
          .running()
          .with({ waiting: { reason: 'NodeLost', message: 'The node n1 is away.' } }),
      ],
      want: { actions: [], phase: 'Converting', queued: 'Running', message: /n1 is away/ },
    },
  ],
  'a paused job is left alone': [
    {
      promise: 'nothing is started',
      world: { paused: true },
      want: { actions: [], phase: 'Pending', queued: 'Paused', message: /mediajob\.io\/pause/ },
    },
    {
      promise: 'nothing is stopped, whatever is asked',
      job: started().withSpec({ cancel: true }),
      runs: [aRun('convert').running()],
      world: { paused: true },
      want: { actions: [], phase: 'Queued', queued: 'Paused' },
    },
    {
      promise: 'nothing is removed',
      job: started().deletedAt(at(1)),
      world: { paused: true },
      want: { actions: [], phase: 'Queued', message: /removed/ },
    },
    {
      promise: 'a job that has ended stays as it is',
      job: aMediaJob()
        .withStatus({ phase: 'Succeeded', finishedAt: at(0), message: '2 files are ready.' })
        .withSpec({ ttlSecondsAfterFinished: 1 }),
      world: { paused: true },
      want: { actions: [], phase: 'Succeeded', message: /^2 files are ready\.$/ },
    },
  ],
  'deletion ends with nothing left': [
    {
      promise: 'nothing but the files is left when they are to be kept',
      job: started().deletedAt(at(1)),
      runs: [aRun('convert').succeeded()],
      world: { keepFiles: true },
      want: { actions: ['forget convert/0 1.1', 'remove'], phase: 'Queued', message: /files are kept/ },
    },
    {
      promise: 'runs end first also when files are to be kept',
      job: started().deletedAt(at(1)),
      runs: [aRun('convert').running()],
      world: { keepFiles: true },
      want: { actions: ['stop convert/0 1.1: deleted'], phase: 'Queued' },
    },
    {
      promise: 'what holds up a cleanup is told',
      job: started().deletedAt(at(1)),
      runs: [aRun('cleanup').with({ waiting: { reason: 'PodRefused', message: 'The namespace refuses it.' } })],
      want: { actions: [], phase: 'Queued', message: /being removed\. The namespace refuses it\.$/ },
    },
    {
      promise: 'what holds up a run that is stopped is told',
      job: started().deletedAt(at(1)),
      runs: [
        aRun('convert')
          .running()
          .with({ stopRequested: true, waiting: { reason: 'NodeLost', message: 'The node n1 is away.' } }),
      ],
      want: { actions: [], phase: 'Queued', message: /stopped first\. The node n1 is away\.$/ },
    },
    {
      promise: 'first every run is stopped',
      job: started().deletedAt(at(1)),
      runs: [aRun('convert').succeeded(), aRun('transcribe').running()],
      want: { actions: ['stop transcribe/0 1.1: deleted'], phase: 'Queued' },
    },
    {
      promise: 'files stay while a run could still write',
      job: started().deletedAt(at(1)),
      runs: [aRun('transcribe').running().with({ stopRequested: true })],
      want: { actions: [], phase: 'Queued' },
    },
    {
      promise: 'then the files are removed',
      job: started().deletedAt(at(1)),
      runs: [aRun('transcribe').failed(143, { stopRequested: true })],
      want: { actions: ['forget transcribe/0 1.1', 'start cleanup/0 1.1'], phase: 'Queued' },
    },
    {
      promise: 'a cleanup that fails is tried again without end',
      job: started().deletedAt(at(1)).withSpec({ retries: 0 }),
      runs: [aRun('cleanup').failed(74, { tally: { ...NO_TALLY, counted: 40 }, message: 'I/O error' })],
      want: { actions: [], phase: 'Queued', requeueAfterMs: 300_000, message: /I\/O error/ },
    },
    {
      promise: 'last the object goes',
      job: started().deletedAt(at(1)),
      runs: [aRun('cleanup').succeeded()],
      want: { actions: ['remove'], phase: 'Queued' },
    },
  ],
};

for (const [group, rows] of Object.entries(ROWS)) {
  describe(group, () => {
    it.each(rows.map((row) => [row.promise, row] as const))('%s', (_, row) => {
      const decision = decide({ ...observed(row.job ?? aMediaJob(), row.runs), ...row.world }, row.now ?? NOW);
      expect(said(decision.actions)).toEqual(row.want.actions);
      expect(decision.status.phase).toBe(row.want.phase);
      if (row.want.queued !== undefined) {
        expect(findCondition(decision.status.conditions, 'Queued')?.reason).toBe(row.want.queued);
      }
      if (row.want.attempt !== undefined) expect(decision.status.attempt).toBe(row.want.attempt);
      if (row.want.accepted !== undefined) {
        expect(findCondition(decision.status.conditions, 'Accepted')).toMatchObject({
          status: row.want.accepted === 'Accepted' ? 'True' : 'False',
          reason: row.want.accepted,
        });
      }
      const failed = findCondition(decision.status.conditions, 'Failed');
      if (row.want.failed !== undefined) expect(failed).toMatchObject({ status: 'True', reason: row.want.failed });
      if (row.want.message !== undefined) expect(decision.status.message).toMatch(row.want.message);
      if ('requeueAfterMs' in row.want) expect(decision.requeueAfterMs).toBe(row.want.requeueAfterMs);
      expect(MediaJobStatus.parse(decision.status)).toEqual(decision.status);
    });
  });
}

/** What a second look at the same world decides, once the first one’s status is written. */
function again(world: Observed, first: Decision, now: number): Decision {
  return decide({ ...world, job: { ...world.job, status: first.status } }, now);
}

describe('what a start asks for', () => {
  const startOf = (world: Observed, now = NOW) => {
    const action = decide(world, now).actions.find((it) => it.type === 'start');
    if (action?.type !== 'start') throw new Error('nothing is started');
    return action;
  };

  it('gives every shard its chunks, without a gap and without an overlap', () => {
    const { actions } = decide(
      observed(aMediaJob(), [aRun('convert').succeeded(resultOf('convert', { chunks: 5 }))]),
      NOW,
    );
    const ranges = actions.flatMap((it) =>
      it.type === 'start' && it.request.stage === 'transcribe' ? [it.request.chunks] : [],
    );
    expect(ranges).toEqual([
      { from: 0, to: 1 },
      { from: 1, to: 3 },
      { from: 3, to: 5 },
    ]);
  });

  it('keeps the borders of shards when the settings change under way', () => {
    const world = observed(aMediaJob(), [manyShards()]);
    const first = decide(world, NOW);
    expect(again(world, first, NOW).status.stages.find((it) => it.name === 'transcribe')?.shards).toBe(3);
    const other = decide(
      { ...world, job: { ...world.job, status: first.status }, policy: { ...POLICY, chunksPerShard: 100 } },
      NOW,
    );
    expect(other.actions.filter((it) => it.type === 'start')).toHaveLength(3);
  });

  it('asks the only shard to finalize, and only the only one', () => {
    const one = startOf(observed(aMediaJob(), [aRun('convert').succeeded()]));
    expect(one.request).toMatchObject({ stage: 'transcribe', finalize: { formats: ['json', 'srt', 'vtt', 'txt'] } });
    const many = startOf(observed(aMediaJob(), [manyShards()]));
    expect(many.request).not.toHaveProperty('finalize');
  });

  it('gives a run that was out of memory half as much again, up to the cap', () => {
    const tally = (memoryFactor: number) => ({ ...NO_TALLY, counted: 1, memoryFactor });
    const later = NOW + 600_000;
    expect(
      startOf(observed(aMediaJob(), [aRun('convert').failed(137, { tally: tally(1) })]), later).tally.memoryFactor,
    ).toBe(1.5);
    expect(
      startOf(observed(aMediaJob(), [aRun('convert').failed(137, { tally: tally(3) })]), later).tally.memoryFactor,
    ).toBe(4);
  });

  it('keeps away from a node whose device failed', () => {
    const world = observed(aMediaJob(), [aRun('convert').failed(69, { node: 'gpu-1' })]);
    expect(startOf(world, NOW + 60_000).tally.avoidNodes).toEqual(['gpu-1']);
  });

  it('forgives losses again once there was progress', () => {
    const lost = aRun('convert').ended('lost', {
      tally: { ...NO_TALLY, idle: 5, bestFraction: 0.2 },
      progress: { fraction: 0.5 },
    });
    expect(startOf(observed(aMediaJob(), [lost])).tally).toMatchObject({ idle: 1, bestFraction: 0.5 });
  });
});

describe('the status', () => {
  it('adds up seconds of audio times the cost of their stage', () => {
    const { status } = decide(observed(aMediaJob(), [manyShards(), aRun('transcribe', 0).running(0.5, 4)]), NOW);
    // convert 1 + transcribe 20 × (0.5 / 3) of 21.5
    expect(status.progress).toMatchObject({ percent: 20.1, text: '20%', realtimeFactor: 4 });
    expect(status.progress.etaSeconds).toBe(Math.ceil((1800 * (1 - 0.5 / 3)) / 4));
    expect(status.durationText).toBe('30:00');
  });

  it('measures the speed itself when runs do not tell it, and tells it anew only when something was done', () => {
    const job = aMediaJob().withStatus({
      phase: 'Transcribing',
      startedAt: at(0),
      stages: [
        { name: 'convert', state: 'Succeeded', percent: 100, shards: 1, shardsDone: 1, attempt: 1 },
        { name: 'transcribe', state: 'Running', percent: 0, shards: 3, shardsDone: 0, attempt: 1, startedAt: at(10) },
      ],
    });
    const world = observed(job, [manyShards(), aRun('transcribe', 0).running(0.5)]);
    const first = decide(world, START + 40_000);
    // A sixth of 1800 s in 30 s.
    expect(first.status.progress).toMatchObject({ realtimeFactor: 10, etaSeconds: 150, etaText: '2m 30s' });
    expect(again(world, first, START + 60_000).status).toEqual(first.status);
  });

  it('tells no speed and no end of a source without any length', () => {
    const nothing = resultOf('convert', { chunks: 0 });
    if (nothing.stage !== 'convert') throw new TypeError('it is of convert');
    const converted = aRun('convert').succeeded({ ...nothing, media: { ...nothing.media, durationMs: 0 } });
    const job = aMediaJob()
      .withSpec({ convert: { renditions: [{ format: 'mp3' }] } })
      .withStatus({
        startedAt: at(0),
        stages: [
          { name: 'render', state: 'Running', percent: 0, shards: 1, shardsDone: 0, attempt: 1, startedAt: at(10) },
        ],
      });
    const { status } = decide(observed(job, [converted, aRun('render').running(0.5)]), START + 40_000);
    expect(status.progress).toEqual({ percent: status.progress.percent, text: status.progress.text });
  });

  it('tells no end of a job that waits', () => {
    const world = observed(aMediaJob(), [manyShards(), aRun('transcribe', 0).running(0.5, 4)]);
    const running = decide(world, NOW);
    expect(running.status.progress.etaSeconds).toBeGreaterThan(0);
    const waiting = decide(
      observed({ ...world.job, status: running.status }, [manyShards(), aRun('transcribe', 0).ended('lost')]),
      NOW,
    );
    expect(waiting.status.progress).not.toHaveProperty('etaSeconds');
    const goingOn = decide(
      observed({ ...world.job, status: waiting.status }, [
        manyShards(),
        aRun('transcribe', 0).inTry(2).running(0.5, 4),
      ]),
      NOW,
    );
    expect(goingOn.status.progress.etaSeconds).toBe(running.status.progress.etaSeconds);
  });

  it('never goes back within an attempt', () => {
    const world = observed(aMediaJob(), [aRun('convert').succeeded(), aRun('transcribe').running(0.9)]);
    const high = decide(world, NOW).status.progress.percent;
    const lost = observed({ ...world.job, status: decide(world, NOW).status }, [
      aRun('convert').succeeded(),
      aRun('transcribe').ended('lost', { progress: { fraction: 0.1 } }),
    ]);
    expect(decide(lost, NOW).status.progress.percent).toBe(high);
  });

  it('begins anew in a new attempt, and keeps what was written', () => {
    const done = observed(aMediaJob().withAnnotation(Annotation.retry, 'x'), [
      aRun('convert').succeeded(),
      aRun('transcribe').succeeded(),
    ]);
    const succeeded = decide(done, NOW).status;
    expect(succeeded).toMatchObject({
      phase: 'Succeeded',
      attempt: 1,
      progress: { percent: 100, text: '100%' },
      language: 'en',
    });
    const retried = aMediaJob().withAnnotation(Annotation.retry, 'y').withStatus(succeeded);
    const { status } = decide(observed(retried), NOW + 1000);
    expect(status).toMatchObject({
      attempt: 2,
      retryToken: 'y',
      progress: { percent: 0 },
      outputs: [{ name: 'transcript.json' }],
    });
    expect(status.finishedAt).toBeUndefined();
    expect(findCondition(status.conditions, 'Succeeded')?.status).toBe('False');
  });

  it('records failed runs once, ten at most, and a full disk in one line', () => {
    let status = aMediaJob().build().status;
    for (let number = 1; number <= 30; number++) {
      const run = aRun('convert')
        .inTry(number)
        .failed(number % 2 === 0 ? ExitCode.StorageFull : ExitCode.Temporary, { finishedAt: at(number * 1000) });
      const world = observed(aMediaJob().withStatus(status).withSpec({ retries: 10 }), [run]);
      status = decide(world, START + number * 1_000_000).status;
      expect(again(world, decide(world, NOW), NOW).status.attempts).toEqual(decide(world, NOW).status.attempts);
    }
    expect(status.attempts).toHaveLength(10);
    expect(status.attempts.filter((it) => it.reason === 'StorageFull')).toHaveLength(1);
    expect(status.attempts.at(-1)?.finishedAt).toBe(at(30_000));
  });

  it('sums the CPU time of all tries', () => {
    const tally = { ...NO_TALLY, cpuSeconds: 5, maxRssBytes: 900 };
    const { status } = decide(
      observed(aMediaJob(), [
        aRun('convert')
          .running(0.1)
          .with({ tally, usage: { cpuSeconds: 2, maxRssBytes: 100 } }),
      ]),
      NOW,
    );
    expect(status.usage).toEqual({ cpuSeconds: 7, maxRssBytes: 900 });
  });

  it('keeps the time of a condition that did not turn', () => {
    const world = observed(aMediaJob(), [aRun('convert')]);
    const first = decide(world, NOW);
    const second = again(world, first, NOW + 5_000);
    expect(second.status).toEqual(first.status);
    const running = decide(
      { ...world, job: { ...world.job, status: first.status }, runs: [aRun('convert').running().build()] },
      NOW + 9_000,
    );
    expect(findCondition(running.status.conditions, 'Queued')?.lastTransitionTime).toBe(
      new Date(NOW + 9_000).toISOString(),
    );
    expect(findCondition(running.status.conditions, 'Accepted')?.lastTransitionTime).toBe(new Date(NOW).toISOString());
  });
});

describe('events', () => {
  it('tell each thing once', () => {
    const world = observed(aMediaJob(), [aRun('convert').failed(75, { message: 'hiccup' })]);
    const first = decide(world, NOW);
    expect(first.events.map((it) => it.reason)).toEqual(['Accepted', 'RunFailed']);
    expect(again(world, first, NOW).events).toEqual([]);
  });

  it('warn when a person has to mend something', () => {
    const world = observed(started(), [aRun('convert').failed(ExitCode.StorageFull)]);
    expect(decide(world, NOW).events).toContainEqual(
      expect.objectContaining({ type: 'Warning', reason: 'StorageFull' }),
    );
  });
});
