import { KubeApiError, type TokenReview } from '@mediajob/kube';
import { describe, expect, it } from 'vitest';
import { ManualClock, settled } from '../../../packages/kube/test/manual-clock.js';
import { TokenVerdicts } from './token-verdicts.js';

const AUDIENCE = 'mediajob.io/progress';
const TOKEN = 'head.body.signature';

/** What the API server says of the token of a pod of ours. */
function aPodsStatus(change: Partial<NonNullable<TokenReview['status']>> = {}): NonNullable<TokenReview['status']> {
  return {
    authenticated: true,
    audiences: [AUDIENCE],
    user: {
      username: 'system:serviceaccount:media-team:default',
      extra: {
        'authentication.kubernetes.io/pod-name': ['talk-convert-1-abcde'],
        'authentication.kubernetes.io/pod-uid': ['pod-uid'],
      },
    },
    ...change,
  };
}

function someVerdicts(answer: (token: string) => TokenReview['status'] | Promise<TokenReview['status']>) {
  const clock = new ManualClock();
  const asked: { path: string; spec: TokenReview['spec'] }[] = [];
  const verdicts = new TokenVerdicts({
    audience: AUDIENCE,
    clock,
    api: {
      post: async <Answer>(path: string, body: object) => {
        const { spec } = body as TokenReview;
        asked.push({ path, spec });
        return { ...body, status: await answer(spec.token) } as Answer;
      },
    },
  });
  return { clock, asked, verdicts };
}

describe('a token', () => {
  it('of a pod for us tells which pod it is', async () => {
    const { asked, verdicts } = someVerdicts(() => aPodsStatus());
    expect(await verdicts.identify(TOKEN)).toEqual({
      namespace: 'media-team',
      podName: 'talk-convert-1-abcde',
      podUid: 'pod-uid',
      serviceAccount: 'default',
    });
    expect(asked).toEqual([
      { path: '/apis/authentication.k8s.io/v1/tokenreviews', spec: { token: TOKEN, audiences: [AUDIENCE] } },
    ]);
  });

  const refused: [what: string, status: TokenReview['status']][] = [
    ['forged', { authenticated: false, error: 'invalid bearer token' }],
    ['without a verdict', undefined],
    ['for another audience', aPodsStatus({ audiences: ['https://kubernetes.default.svc'] })],
    ['for no audience that is told', aPodsStatus({ audiences: [] })],
    ['of a person', aPodsStatus({ user: { username: 'jane', extra: aPodsStatus().user?.extra ?? {} } })],
    ['of a ServiceAccount, but of no pod', aPodsStatus({ user: { username: 'system:serviceaccount:media-team:x' } })],
    [
      'of a pod without a UID',
      aPodsStatus({
        user: {
          username: 'system:serviceaccount:media-team:default',
          extra: { 'authentication.kubernetes.io/pod-name': ['x'] },
        },
      }),
    ],
  ];
  it.each(refused)('%s is nobody’s', async (_what, status) => {
    const { verdicts } = someVerdicts(() => status);
    expect(await verdicts.identify(TOKEN)).toBeUndefined();
  });

  it.each(['', 'no-token', 'a.b', 'a.b.c.d', 'a b.c.d', `a.b.${'c'.repeat(9000)}`])(
    'that is none (%#) is not even asked about',
    async (text) => {
      const { asked, verdicts } = someVerdicts(() => aPodsStatus());
      expect(await verdicts.identify(text)).toBeUndefined();
      expect(asked).toEqual([]);
    },
  );

  it('is asked about once a minute, however often it comes', async () => {
    const { clock, asked, verdicts } = someVerdicts(() => aPodsStatus());
    for (let n = 0; n < 5; n++) await verdicts.identify(TOKEN);
    await clock.advance(59_999);
    await verdicts.identify(TOKEN);
    expect({ asked: asked.length, knows: verdicts.knows(TOKEN) }).toEqual({ asked: 1, knows: true });
    await clock.advance(1);
    expect(verdicts.knows(TOKEN)).toBe(false);
    await verdicts.identify(TOKEN);
    expect(asked.length).toBe(2);
  });

  it('that comes several times at once is asked about once', async () => {
    const answers: ((status: TokenReview['status']) => void)[] = [];
    const { asked, verdicts } = someVerdicts(() => new Promise((resolve) => answers.push(resolve)));
    const all = [verdicts.identify(TOKEN), verdicts.identify(TOKEN), verdicts.identify(TOKEN)];
    await settled();
    for (const answer of answers) answer(aPodsStatus());
    expect((await Promise.all(all)).map((it) => it?.podUid)).toEqual(['pod-uid', 'pod-uid', 'pod-uid']);
    expect(asked.length).toBe(1);
  });

  it('that was refused is asked about again sooner: it may have been too early', async () => {
    let good = false;
    const { clock, verdicts } = someVerdicts(() => (good ? aPodsStatus() : { authenticated: false }));
    expect(await verdicts.identify(TOKEN)).toBeUndefined();
    good = true;
    await clock.advance(10_000);
    expect(await verdicts.identify(TOKEN)).toMatchObject({ podUid: 'pod-uid' });
  });

  it('without an answer of the API server has no verdict, and none is kept', async () => {
    let broken = true;
    const { verdicts } = someVerdicts(() => {
      if (broken) throw new KubeApiError('cannot be reached', { status: 0, reason: 'Unreachable' });
      return aPodsStatus();
    });
    await expect(verdicts.identify(TOKEN)).rejects.toThrow(/cannot be reached/);
    broken = false;
    expect(await verdicts.identify(TOKEN)).toMatchObject({ podUid: 'pod-uid' });
  });

  it('of a flood is forgotten for newer ones', async () => {
    const { asked, verdicts } = someVerdicts(() => ({ authenticated: false }));
    await verdicts.identify('first.of.all');
    for (let n = 0; n < 10_000; n++) await verdicts.identify(`forged.${n}.x`);
    expect({ first: verdicts.knows('first.of.all'), last: verdicts.knows('forged.9999.x') }).toEqual({
      first: false,
      last: true,
    });
    expect(asked.length).toBe(10_001);
  });
});
