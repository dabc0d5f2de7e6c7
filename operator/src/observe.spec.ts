import { type MediaJob, readMediaJob, runName } from '@mediajob/contract';
import type { CoreEvent, Job, Pod, Workload } from '@mediajob/kube';
import { NO_TALLY, type ObservedRun, type SpentRun } from '@mediajob/pipeline';
import { describe, expect, it } from 'vitest';
import {
  aJob,
  aMediaJob,
  anEvent,
  aPod,
  at,
  type JobBuilder,
  type PodBuilder,
  RESULTS,
  START,
  UID,
} from '../test/builders.js';
import { JobAnnotation } from './labels.js';
import { observe, type Sight } from './observe.js';
import { ProgressBook } from './progress-book.js';

const NOW = START + 60_000;
const MINUTE = 60_000;

interface World {
  jobs?: (Job | JobBuilder)[];
  pods?: (Pod | PodBuilder)[];
  events?: CoreEvent[];
  workloads?: Workload[];
  now?: number;
  book?: ProgressBook;
}

const built = <T extends object>(it: T | { build(): T }): T => ('build' in it ? it.build() : it);
const mediaJob: MediaJob = readMediaJob(aMediaJob().build()).job;

function look({
  jobs = [],
  pods = [],
  events = [],
  workloads = [],
  now = NOW,
  book = new ProgressBook(),
}: World): Sight {
  return observe({
    job: mediaJob,
    cluster: {
      jobs: jobs.map(built<Job>),
      pods: pods.map(built<Pod>),
      events: (uid) => events.filter((it) => it.involvedObject.uid === uid),
      workload: (uid) => workloads.find((it) => it.metadata.ownerReferences?.[0]?.uid === uid),
    },
    book,
    nodeLostAfterMs: 15 * MINUTE,
    since: () => START,
    now,
  });
}

/** `convert/0 1.1 running`: runs as one reads them. */
const said = ({ runs }: Sight) =>
  runs.map(({ key, state, stopRequested }) => {
    const stop = stopRequested === true ? ', asked to stop' : '';
    return `${key.stage}/${key.shard} ${key.attempt}.${key.try} ${state}${stop}`;
  });

interface Row {
  world: World;
  runs: string[];
  first?: Partial<ObservedRun>;
  spent?: SpentRun[];
}

const convert = () => aJob('convert');
const sharded = () => aJob('transcribe').indexed(3, 2);

const ROWS: Record<string, Row> = {
  'a Job without a pod is a run that waits': {
    world: { jobs: [convert()] },
    runs: ['convert/0 1.1 pending'],
    first: { waiting: { reason: 'WaitingForWorker', message: 'The pod of the conversion is being made.' } },
  },
  'prepare at work is not yet a run at work': {
    world: { jobs: [convert()], pods: [aPod(convert()).onNode('n1').waiting('PodInitializing')] },
    runs: ['convert/0 1.1 pending'],
  },
  'a pod at work is a run at work, from the start of its container on': {
    world: { jobs: [convert()], pods: [aPod(convert()).running('n2')] },
    runs: ['convert/0 1.1 running'],
    first: { startedAt: at(4), node: 'n2' },
  },
  'a pod that has ended counts as running until its Job says so': {
    world: { jobs: [convert()], pods: [aPod(convert()).succeeded(RESULTS.convert())] },
    runs: ['convert/0 1.1 running'],
  },
  'a complete Job has succeeded with the result of its pod': {
    world: { jobs: [convert().complete()], pods: [aPod(convert()).succeeded(RESULTS.convert())] },
    runs: ['convert/0 1.1 succeeded'],
    first: { result: RESULTS.convert(), startedAt: at(4), finishedAt: at(19) },
  },
  'a complete Job with the result of another stage has none of its own': {
    world: { jobs: [convert().complete()], pods: [aPod(convert()).succeeded(RESULTS.render())] },
    runs: ['convert/0 1.1 succeeded'],
    first: { message: expect.stringMatching(/result\.stage: it is that of render\.$/) as string },
  },
  'a complete Job whose pod is gone has succeeded without a result': {
    world: { jobs: [convert().complete()] },
    runs: ['convert/0 1.1 succeeded'],
    first: { finishedAt: at(20) },
  },
  'a complete Job whose pod still seems to run waits for the news of its end': {
    world: { jobs: [convert().complete()], pods: [aPod(convert()).running()] },
    runs: ['convert/0 1.1 running'],
  },
  'a failed Job has failed as its pod says': {
    world: {
      jobs: [convert().failed('PodFailurePolicy')],
      pods: [aPod(convert()).failedWith(65, 'UnsupportedMedia', 'no audio')],
    },
    runs: ['convert/0 1.1 failed'],
    first: { exitCode: 65, reason: 'UnsupportedMedia', message: 'no audio' },
  },
  'a failed Job whose pod is gone is lost': {
    world: { jobs: [convert().failed()] },
    runs: ['convert/0 1.1 lost'],
    first: { message: 'The pod of the conversion is gone, and with it how it ended.' },
  },
  'a Job past its own deadline says so': {
    world: { jobs: [convert().failed('DeadlineExceeded')], pods: [aPod(convert()).ended(143)] },
    runs: ['convert/0 1.1 failed'],
    first: { reason: 'DeadlineExceeded', exitCode: 143 },
  },
  'a preempted pod is no end: its Job makes another': {
    world: { jobs: [convert()], pods: [aPod(convert()).ended(143).disrupted()] },
    runs: ['convert/0 1.1 pending'],
  },
  'the pod that failed by itself counts, not those that were taken away': {
    world: {
      jobs: [convert().failed()],
      pods: [
        aPod(convert()).failedWith(75, 'Temporary', 'hiccup'),
        aPod(convert())
          .ended(143)
          .disrupted()
          .with({ uid: 'p2', name: 'p2', creationTimestamp: at(9) }),
      ],
    },
    runs: ['convert/0 1.1 failed'],
    first: { exitCode: 75, message: 'hiccup' },
  },
  'a Job that was asked to stop runs as long as its pod does': {
    world: {
      jobs: [convert().stopAsked().withStatus({ active: 1 })],
      pods: [aPod(convert()).running().terminating(50)],
    },
    runs: ['convert/0 1.1 running, asked to stop'],
  },
  'a suspended Job has not ended before the Job controller has seen it': {
    world: { jobs: [convert().stopAsked()] },
    runs: ['convert/0 1.1 pending, asked to stop'],
  },
  'a suspended Job has not ended while a pod that nobody sees is terminating': {
    world: { jobs: [convert().stopAsked().suspended().withStatus({ terminating: 1 })] },
    runs: ['convert/0 1.1 pending, asked to stop'],
  },
  'a suspended Job without pods has ended': {
    world: { jobs: [convert().stopAsked().suspended()] },
    runs: ['convert/0 1.1 failed, asked to stop'],
    first: { exitCode: 143, finishedAt: at(15) },
  },
  'a Job that Kueue holds has not ended': {
    world: { jobs: [convert().labelled({ 'kueue.x-k8s.io/queue-name': 'q' }).suspended()] },
    runs: ['convert/0 1.1 pending'],
    first: { waiting: { reason: 'WaitingForQuota', message: expect.stringMatching(/queue q/) as string } },
  },
  'a Job that completed before it could be stopped has succeeded': {
    world: { jobs: [convert().stopAsked().complete()], pods: [aPod(convert()).succeeded(RESULTS.convert())] },
    runs: ['convert/0 1.1 succeeded, asked to stop'],
    first: { result: RESULTS.convert() },
  },
  'a pod on a node that does not answer still counts': {
    world: { jobs: [convert()], pods: [aPod(convert()).running('n7').terminating(0)], now: START + 14 * MINUTE },
    runs: ['convert/0 1.1 running'],
    first: { waiting: { reason: 'NodeLost', message: expect.stringMatching(/n7/) as string } },
  },
  'and is given up in the end': {
    world: { jobs: [convert()], pods: [aPod(convert()).running('n7').terminating(0)], now: START + 15 * MINUTE },
    runs: ['convert/0 1.1 lost'],
    first: { node: 'n7', message: expect.stringMatching(/n7 does not answer/) as string },
  },
  'a Job whose record is made is spent': {
    world: { jobs: [convert().complete().recorded()] },
    runs: [],
    spent: [{ stage: 'convert', shard: 0, attempt: 1, try: 1 }],
  },
  'an Indexed Job whose record is made spends that try of all shards': {
    world: { jobs: [sharded().complete().recorded()] },
    runs: [],
    spent: [{ stage: 'transcribe', attempt: 1, try: 1 }],
  },
  'an Indexed Job is a run for each shard': {
    world: {
      jobs: [sharded().withStatus({ completedIndexes: '0', failedIndexes: '2', active: 1 })],
      pods: [
        aPod(sharded(), 0).succeeded(RESULTS.transcribe(0, false)),
        aPod(sharded(), 1).running(),
        aPod(sharded(), 2).failedWith(65, 'UnsupportedMedia', 'no'),
      ],
    },
    runs: ['transcribe/0 1.1 succeeded', 'transcribe/1 1.1 running', 'transcribe/2 1.1 failed'],
    first: { result: RESULTS.transcribe(0, false) },
  },
  'shards beyond those at once wait for the others': {
    world: {
      jobs: [sharded().withStatus({ active: 2 })],
      pods: [aPod(sharded(), 1).running(), aPod(sharded(), 2).running()],
    },
    runs: ['transcribe/0 1.1 pending', 'transcribe/1 1.1 running', 'transcribe/2 1.1 running'],
    first: { waiting: { reason: 'WaitingForWorker', message: 'Other parts of the transcription come first.' } },
  },
  'a stopped Indexed Job keeps what its shards have done': {
    world: {
      jobs: [sharded().stopAsked().suspended().withStatus({ completedIndexes: '1' })],
      pods: [aPod(sharded(), 1).succeeded(RESULTS.transcribe(1, false))],
    },
    runs: [
      'transcribe/0 1.1 failed, asked to stop',
      'transcribe/1 1.1 succeeded, asked to stop',
      'transcribe/2 1.1 failed, asked to stop',
    ],
  },
  'a Job for one shard is a later try of it': {
    world: { jobs: [aJob('transcribe').for({ shard: 2, try: 2 })] },
    runs: ['transcribe/2 1.2 pending'],
  },
  'a pod whose Job somebody deleted counts until it has ended': {
    world: { pods: [aPod(convert()).running()] },
    runs: ['convert/0 1.1 running, asked to stop'],
  },
  'a pod of an Indexed Job that was deleted counts for its shard': {
    world: { pods: [aPod(sharded(), 2).running()] },
    runs: ['transcribe/2 1.1 running, asked to stop'],
  },
  'a pod without a Job that has ended is nothing': {
    world: { pods: [aPod(convert()).succeeded(RESULTS.convert())] },
    runs: [],
  },
  'a pod without a Job on a lost node is given up': {
    world: { pods: [aPod(convert()).running().terminating(0)], now: START + 15 * MINUTE },
    runs: [],
  },
  'a Job that is being deleted counts, asked to stop, as long as it is there': {
    world: { jobs: [convert().with({ deletionTimestamp: at(9) })] },
    runs: ['convert/0 1.1 pending, asked to stop'],
  },
  'Jobs of others are not looked at': {
    world: {
      jobs: [
        convert().with({
          ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name: 'x', uid: UID, controller: true }],
        }),
        aJob('render').with({ ownerReferences: [] }),
        aJob('finalize').labelled({ 'mediajob.io/attempt': 'many' }),
      ],
    },
    runs: [],
  },
  'a cleanup is found by its label, since nobody owns it': {
    world: { jobs: [aJob('cleanup').complete()], pods: [aPod(aJob('cleanup')).succeeded(RESULTS.cleanup())] },
    runs: ['cleanup/0 1.1 succeeded'],
  },
};

describe('what is seen of a MediaJob in the cluster', () => {
  it.each(Object.entries(ROWS))('%s', (_, { world, runs, first, spent }) => {
    const sight = look(world);
    expect(said(sight)).toEqual(runs);
    if (first !== undefined) expect(sight.runs[0]).toMatchObject(first);
    expect(sight.spent).toEqual(spent ?? []);
  });

  it('takes the tally from the Job, and none that somebody has spoilt', () => {
    const tally = { ...NO_TALLY, counted: 2, avoidNodes: ['n1'] };
    const of = (text: string) => look({ jobs: [convert().annotated({ [JobAnnotation.tally]: text })] }).runs[0]?.tally;
    expect(of(JSON.stringify(tally))).toEqual(tally);
    expect(of(JSON.stringify({ ...tally, counted: -5 }))).toEqual(NO_TALLY);
    expect(of('{')).toEqual(NO_TALLY);
  });

  it('tells what a run reported of itself, and its last word on what it used', () => {
    const book = new ProgressBook();
    const key = { stage: 'convert', shard: 0, attempt: 1, try: 1 } as const;
    book.update(UID, runName(UID, key), { fraction: 0.5, realtimeFactor: 3 }, { cpuSeconds: 1, maxRssBytes: 1 });
    expect(look({ jobs: [convert()], pods: [aPod(convert()).running()], book }).runs[0]).toMatchObject({
      progress: { fraction: 0.5, realtimeFactor: 3 },
      usage: { cpuSeconds: 1, maxRssBytes: 1 },
    });
    const usage = { cpuSeconds: 9, maxRssBytes: 9 };
    const ended = aPod(convert()).ended(0, { result: RESULTS.convert(), usage });
    expect(look({ jobs: [convert().complete()], pods: [ended], book }).runs[0]).toMatchObject({ usage });
  });

  it('says when time alone will change what is seen', () => {
    const away = { jobs: [convert()], pods: [aPod(convert()).running().terminating(0)] };
    expect(look({ ...away, now: START }).lookAgainAt).toBe(START + 5 * MINUTE);
    expect(look({ ...away, now: START + 6 * MINUTE }).lookAgainAt).toBe(START + 15 * MINUTE);
    expect(look({ ...away, now: START + 15 * MINUTE }).lookAgainAt).toBeUndefined();
    expect(look({ jobs: [convert()], pods: [aPod(convert()).running()] }).lookAgainAt).toBeUndefined();
  });

  it('asks the events of Jobs and pods', () => {
    const job = convert().build();
    const events = [anEvent(job, 'FailedCreate', 'exceeded quota: q')];
    expect(look({ jobs: [job], events }).runs[0]?.waiting?.reason).toBe('WaitingForQuota');
  });

  it('finds the Job of each run', () => {
    const sight = look({ jobs: [sharded()] });
    expect([...sight.jobs.keys()]).toEqual([0, 1, 2].map((shard) => `${UID}-transcribe-${shard}-1-1`));
    expect(new Set(sight.jobs.values()).size).toBe(1);
  });
});
