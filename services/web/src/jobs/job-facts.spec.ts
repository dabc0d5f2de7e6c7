import { describe, expect, it } from 'vitest';
import { aFailedJob, aJob, aRunningJob, aWaitingJob } from '../../test/mock/jobs.ts';
import { en } from '../i18n/en.ts';
import {
  actionsFor,
  failureDetail,
  failureReasonOf,
  hasTranscript,
  sortedOutputs,
  waitingAdvice,
} from './job-facts.ts';

describe('what can be done to a job', () => {
  it.each([
    ['a running one', aRunningJob('a', 5, 5), ['suspend', 'cancel', 'delete']],
    ['a finished one', aJob(), ['delete']],
    ['a failed one', aFailedJob('a'), ['retry', 'delete']],
    ['one on hold', aJob({ phase: 'Suspended', spec: { suspend: true } }), ['resume', 'cancel', 'delete']],
  ])('%s', (_name, job, want) => {
    expect(actionsFor(job)).toEqual(want);
  });
});

it('says why a job waits only while it waits', () => {
  expect(waitingAdvice(aWaitingJob('a', 'WorkerUnreachable'), en)).toBe(en.condition.WorkerUnreachable);
  expect(waitingAdvice(aRunningJob('a', 5, 5), en)).toBeUndefined();
  expect(waitingAdvice(aFailedJob('a'), en)).toBeUndefined();
});

it('says why a job failed: by its condition, else by its last run', () => {
  const failed = aFailedJob('a');
  expect(failureReasonOf(failed, en)).toBe('UnsupportedMedia');
  expect(failureDetail(failed)).toContain('1 stream found, of type data');
  const exhausted = {
    ...failed,
    status: {
      ...failed.status,
      conditions: failed.status.conditions.map((it) => ({ ...it, reason: 'RetriesExhausted' as const })),
    },
  };
  expect(failureReasonOf(exhausted, en)).toBe('UnsupportedMedia');
});

it('offers text files before media', () => {
  const job = aJob({
    status: {
      outputs: [
        { name: 'media.mp3', format: 'mp3', bytes: 1 },
        { name: 'transcript.json', format: 'json', bytes: 1 },
        { name: 'transcript.txt', format: 'txt', bytes: 1 },
      ],
    },
  });
  expect(sortedOutputs(job).map((output) => output.format)).toEqual(['txt', 'json', 'mp3']);
  expect(hasTranscript(job)).toBe(true);
});
