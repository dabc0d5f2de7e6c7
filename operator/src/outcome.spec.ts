import { describe, expect, it } from 'vitest';
import { aJob, aPod, at, type PodBuilder, RESULTS } from '../test/builders.js';
import { type PodOutcome, podOutcome } from './outcome.js';

const job = aJob('transcribe').build();
const pod = () => aPod(job);

const unread = (why: string) => `It ended well, but its result could not be read: ${why}.`;

interface Row {
  pod: PodBuilder;
  want: Partial<PodOutcome>;
}

const ROWS: Record<string, Row> = {
  'a result in the termination message is the result': {
    pod: pod().succeeded(RESULTS.transcribe()),
    want: { state: 'succeeded', result: RESULTS.transcribe(), startedAt: at(4), finishedAt: at(19), node: 'n1' },
  },
  'what it used is told beside the result': {
    pod: pod().ended(0, { result: RESULTS.transcribe(), usage: { cpuSeconds: 5, maxRssBytes: 9 } }),
    want: { state: 'succeeded', usage: { cpuSeconds: 5, maxRssBytes: 9 } },
  },
  'a pod that ended well and said nothing has no result': {
    pod: pod().ended(0),
    want: { state: 'succeeded', result: undefined, message: unread('the termination message is empty') },
  },
  'a result with a field that we do not understand names it': {
    pod: pod().ended(0, JSON.stringify({ result: { ...RESULTS.transcribe(), chunks: 'three' } })),
    want: {
      state: 'succeeded',
      result: undefined,
      message: expect.stringMatching(/in the termination message, result\.chunks: .*expected number/) as string,
    },
  },
  'a result of a stage that we do not know names the stage': {
    pod: pod().ended(0, JSON.stringify({ result: { stage: 'dream' } })),
    want: { message: expect.stringMatching(/in the termination message, result\.stage: /) as string },
  },
  'a failure of a pod that ended well is no result': {
    pod: pod().ended(0, { failure: { exitCode: 70, reason: 'Internal', message: 'no' } }),
    want: { state: 'succeeded', result: undefined, message: unread('it tells of a failure') },
  },
  'a failure that is none names its field': {
    pod: pod().ended(0, JSON.stringify({ failure: { exitCode: 70, reason: 'Sadness', message: 'no' } })),
    want: { message: expect.stringMatching(/in the termination message, failure\.reason: /) as string },
  },
  'a termination message that is cut off is no result': {
    pod: pod().ended(0, JSON.stringify({ result: RESULTS.transcribe() }).slice(0, 100)),
    want: { state: 'succeeded', result: undefined, message: unread('the termination message is not JSON') },
  },
  'where no message could be written, the last line of the log is one': {
    pod: pod().ended(0, `{"level":"info"}\n${JSON.stringify({ result: RESULTS.transcribe() })}\n`),
    want: { state: 'succeeded', result: RESULTS.transcribe() },
  },
  'a failure that the step told is the failure': {
    pod: pod().failedWith(78, 'BadChecksum', 'The model base is damaged.'),
    want: { state: 'failed', exitCode: 78, reason: 'BadChecksum', message: 'The model base is damaged.' },
  },
  'without a message the exit code tells': {
    pod: pod().ended(65),
    want: { state: 'failed', exitCode: 65, reason: 'UnsupportedMedia', message: undefined },
  },
  'a log of a crash is no message for people': {
    pod: pod().ended(1, 'TypeError: x is not a function\n  at y'),
    want: { state: 'failed', exitCode: 1, reason: 'Internal', message: undefined },
  },
  'OOMKilled is out of memory, whatever the step said': {
    pod: pod().ended(137, undefined, 'OOMKilled'),
    want: { state: 'failed', exitCode: 137, reason: 'OutOfMemory', message: expect.stringMatching(/memory/) as string },
  },
  'a child that was out of memory is told by the step itself': {
    pod: pod().failedWith(137, 'OutOfMemory', 'The engine was killed.'),
    want: { state: 'failed', exitCode: 137, reason: 'OutOfMemory' },
  },
  '137 that nobody explains is a kill, not a want of memory': {
    pod: pod().ended(137),
    want: { state: 'failed', exitCode: 137, reason: 'Killed' },
  },
  'prepare that finds no source ends the run': {
    pod: pod().prepareFailed(66, {
      failure: { exitCode: 66, reason: 'InputNotFound', message: 'There is no such file.' },
    }),
    want: { state: 'failed', exitCode: 66, reason: 'InputNotFound', message: 'There is no such file.' },
  },
  'a program that the runtime cannot start says why': {
    pod: pod().ended(128, 'exec: "mediajob-job": not found', 'StartError'),
    want: { state: 'failed', exitCode: 128, reason: 'Internal', message: 'exec: "mediajob-job": not found' },
  },
  'a preempted pod is disrupted': {
    pod: pod().failedWith(143, 'Interrupted', 'It was asked to stop.').disrupted(),
    want: { state: 'failed', exitCode: 143, disrupted: true },
  },
  'a node that lost sight of a container lost the run': {
    pod: pod().ended(137, undefined, 'ContainerStatusUnknown'),
    want: { state: 'lost', message: 'The node n1 lost sight of it.' },
  },
  'a device plugin that says no is a device that is not available': {
    pod: pod().onNode('gpu-1').withStatus({
      phase: 'Failed',
      reason: 'UnexpectedAdmissionError',
      message: 'Allocate failed due to requested number of devices unavailable for nvidia.com/gpu',
    }),
    want: { state: 'failed', exitCode: 69, reason: 'DeviceUnavailable', node: 'gpu-1' },
  },
  'a node without room refuses for no fault of the job': {
    pod: pod().withStatus({ phase: 'Failed', reason: 'OutOfcpu', message: 'Node didn’t have enough resource: cpu' }),
    want: { state: 'failed', exitCode: 143, reason: 'Interrupted' },
  },
  'a pod that is evicted for its temporary files is tried again': {
    pod: pod().withStatus({
      phase: 'Failed',
      reason: 'Evicted',
      message: 'Usage of EmptyDir volume "tmp" exceeds 1Gi.',
    }),
    want: { state: 'failed', exitCode: 75, message: 'Usage of EmptyDir volume "tmp" exceeds 1Gi.' },
  },
};

describe('the outcome of a pod', () => {
  it.each(Object.entries(ROWS))('%s', (_, { pod: built, want }) => {
    const outcome = podOutcome(built.build());
    for (const [key, value] of Object.entries(want)) expect(outcome[key as keyof PodOutcome], key).toEqual(value);
  });
});
