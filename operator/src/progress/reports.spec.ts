import { runName } from '@mediajob/contract';
import { KubeApiError } from '@mediajob/kube';
import { ProblemError } from '@mediajob/service';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../packages/kube/test/manual-clock.js';
import { aJob, aPod, UID } from '../../test/builders.js';
import { ProgressBook } from '../progress-book.js';
import type { LeaderAnswer } from './leader-link.js';
import { type Leader, Reports } from './reports.js';
import type { PodIdentity } from './token-verdicts.js';

const runId = runName(UID, { stage: 'convert', shard: 0, attempt: 1, try: 1 });
const report = { runId, progress: { fraction: 0.5 }, usage: { cpuSeconds: 3, maxRssBytes: 1000 } };
const job = aJob('convert').build();
const pod = aPod(job).running().build();
const identity: PodIdentity = {
  namespace: pod.metadata.namespace ?? '',
  podName: pod.metadata.name,
  podUid: pod.metadata.uid,
  serviceAccount: 'default',
};
const sender = { token: 'good', address: '10.0.0.7', forwarded: false };

function someReports(
  options: { leader?: Leader; answer?: LeaderAnswer | Error; identify?: () => Promise<PodIdentity> } = {},
) {
  const clock = new ManualClock();
  const book = new ProgressBook();
  const sent: { address: string; token: string }[] = [];
  let asked = 0;
  const reports = new Reports({
    clock,
    book,
    leader: () => options.leader ?? { self: true },
    cluster: { pod: async () => pod, job: async () => job },
    verdicts: {
      knows: (token) => token === 'known',
      identify: async (token) => {
        asked += 1;
        if (options.identify !== undefined) return options.identify();
        return token.startsWith('bad') ? undefined : identity;
      },
    },
    link: {
      send: async (address, token) => {
        sent.push({ address, token });
        const answer = options.answer ?? { status: 204, retryAfter: undefined, body: '' };
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
  });
  return { reports, clock, book, sent, asked: () => asked };
}

describe('a report', () => {
  it('is taken into the book by the leader', async () => {
    const { reports, book, sent } = someReports();
    expect(await reports.take(sender, await reports.identify(sender), report)).toEqual({ outcome: 'taken' });
    expect(book.get(UID, runId)).toEqual({ progress: report.progress, usage: report.usage });
    expect(await reports.take(sender, identity, report)).toEqual({ outcome: 'unchanged' });
    expect(sent).toEqual([]);
  });

  it('is passed on by others, with the same token, and the answer is the leader’s', async () => {
    const answer = { status: 409, retryAfter: undefined, body: '{"code":"conflict"}' };
    const { reports, book, sent } = someReports({ leader: { self: false, address: '10.0.0.2:8443' }, answer });
    expect(await reports.take(sender, identity, report)).toEqual({ outcome: 'forwarded', answer });
    expect(sent).toEqual([{ address: '10.0.0.2:8443', token: 'good' }]);
    expect(book.size).toBe(0);
  });

  it('is passed on only when it is the pod’s own', async () => {
    const { reports, sent } = someReports({ leader: { self: false, address: '10.0.0.2:8443' } });
    const another = { ...report, runId: runName(UID, { stage: 'convert', shard: 0, attempt: 2, try: 1 }) };
    await expect(reports.take(sender, identity, another)).rejects.toMatchObject({ code: 'forbidden' });
    expect(sent).toEqual([]);
  });

  const nobody: [what: string, options: Parameters<typeof someReports>[0], forwarded: boolean][] = [
    ['nobody leads', { leader: { self: false } }, false],
    ['the leader cannot be reached', { leader: { self: false, address: 'x:1' }, answer: new Error('refused') }, false],
    ['it was passed on to one that leads no more', { leader: { self: false, address: 'x:1' } }, true],
  ];
  it.each(nobody)('comes back later when %s', async (_what, options, forwarded) => {
    const { reports } = someReports(options);
    await expect(reports.take({ ...sender, forwarded }, identity, report)).rejects.toMatchObject({
      code: 'no-leader',
      status: 503,
      headers: { 'retry-after': '5' },
    });
  });

  it('comes back later when the API server gives no answer, as much later as that says', async () => {
    const slow = new KubeApiError('slow down', { status: 429, reason: 'TooManyRequests', retryAfterMs: 7_500 });
    const { reports } = someReports({ identify: () => Promise.reject(slow) });
    await expect(reports.identify(sender)).rejects.toMatchObject({
      code: 'busy',
      status: 503,
      headers: { 'retry-after': '8' },
    });
  });
});

describe('too many reports', () => {
  const statusOf = async (work: Promise<unknown>) =>
    work.then(
      () => 200,
      (error: unknown) => (error instanceof ProblemError ? error.status : error),
    );

  it('of one pod are refused, and those of others are not', async () => {
    const { reports, clock } = someReports();
    const statuses: unknown[] = [];
    for (let n = 0; n < 25; n++) statuses.push(await statusOf(reports.identify(sender)));
    expect(statuses.filter((it) => it === 200).length).toBe(20);
    await expect(reports.identify(sender)).rejects.toMatchObject({
      code: 'too-many-requests',
      status: 429,
      headers: { 'retry-after': '1' },
    });
    await clock.advance(1_000);
    expect(await statusOf(reports.identify(sender))).toBe(200);
  });

  it('with bad tokens are refused without a question to the API server', async () => {
    const { reports, clock, asked } = someReports();
    const bad = (n: number) => statusOf(reports.identify({ ...sender, token: `bad-${n}` }));
    const statuses: unknown[] = [];
    for (let n = 0; n < 100; n++) statuses.push(await bad(n));
    expect({ refused: statuses.filter((it) => it === 401).length, asked: asked() }).toEqual({ refused: 20, asked: 20 });
    expect(statuses.slice(20)).toEqual(Array(80).fill(429));
    // Neighbours, and whoever is known already, are not concerned.
    expect(await statusOf(reports.identify({ ...sender, address: '10.0.0.8' }))).toBe(200);
    expect(await statusOf(reports.identify({ ...sender, token: 'known' }))).toBe(200);
    await clock.advance(5_000);
    expect(await bad(100)).toBe(401);
    expect(await bad(101)).toBe(429);
  });
});
