import { createServer } from 'node:https';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { runName } from '@mediajob/contract';
import { Secrets } from '@mediajob/kube';
import { describe, expect, it, onTestFinished } from 'vitest';
import { settled } from '../../../packages/kube/test/manual-clock.js';
import { issueServing } from '../../src/progress/certificate.js';
import { materialOf, secretDataOf } from '../../src/progress/key-material.js';
import { rotated } from '../../src/progress/key-rotation.js';
import { aJob, aPod, UID } from '../builders.js';
import { Fleet, type Replica, RUN_ID, SECRET, send } from '../progress/fleet.js';

async function aReceiver(): Promise<{ fleet: Fleet; receiver: Replica }> {
  const fleet = new Fleet();
  return { fleet, receiver: await fleet.leader() };
}

const outcomes = async ({ registry }: Replica) => {
  const metric = await registry.getSingleMetric('mediajob_progress_reports_total')?.get();
  return Object.fromEntries((metric?.values ?? []).map(({ labels, value }) => [labels.outcome, value]));
};

describe('a report over TLS', () => {
  it('of the pod that runs it is taken', async () => {
    const { fleet, receiver } = await aReceiver();
    const token = fleet.tokenOf();
    const body = {
      runId: RUN_ID,
      progress: { fraction: 0.25, processedMs: 900 },
      usage: { cpuSeconds: 1, maxRssBytes: 2 },
    };
    expect((await send(receiver, { token, body })).status).toBe(204);
    expect(receiver.book.get(UID, RUN_ID)).toEqual({ progress: body.progress, usage: body.usage });
    expect((await send(receiver, { token, body })).status).toBe(204);
    expect(await outcomes(receiver)).toEqual({ taken: 1, unchanged: 1 });
    expect(fleet.reviews).toBe(1);
    expect(receiver.suspicious).toEqual([]);
  });

  it('of one index of an Indexed Job is taken for that index alone', async () => {
    const { fleet, receiver } = await aReceiver();
    const job = aJob('transcribe').indexed(3).build();
    const pod = aPod(job, 2).running().build();
    fleet.put(job, pod);
    const token = fleet.tokenOf(pod);
    const of = (shard: number) =>
      send(receiver, {
        token,
        body: { runId: runName(UID, { stage: 'transcribe', shard, attempt: 1, try: 1 }), progress: { fraction: 0.5 } },
      });
    expect((await of(2)).status).toBe(204);
    expect((await of(1)).status).toBe(403);
    expect(receiver.book.size).toBe(1);
  });
});

describe('a report that is refused', () => {
  it.each<[what: string, token: (fleet: Fleet) => string | undefined]>([
    ['without a token', () => undefined],
    ['with a forged token', () => 'eyJhbGciOiJSUzI1NiJ9.Zm9yZ2Vk.c2ln'],
    ['with a token for the API server', (fleet) => fleet.tokenOf(fleet.pod, 'https://kubernetes.default.svc')],
    ['with something else than a token', () => 'hello'],
  ])('%s: 401, and it is audited without the token', async (_what, tokenOf) => {
    const { fleet, receiver } = await aReceiver();
    const token = tokenOf(fleet);
    const answer = await send(receiver, token === undefined ? {} : { token });
    expect(answer).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer', 'content-type': 'application/problem+json' },
      problem: { code: 'unauthorized' },
    });
    expect(receiver.book.size).toBe(0);
    expect(receiver.suspicious).toEqual([
      { kind: 'bad-token', actor: expect.stringMatching(/127\.0\.0\.1$/), detail: expect.anything() },
    ]);
    if (token !== undefined) expect(JSON.stringify([receiver.suspicious, receiver.log.lines])).not.toContain(token);
  });

  it('for another pod’s run: 403, and it is audited', async () => {
    const { fleet, receiver } = await aReceiver();
    const job = aJob('transcribe').build();
    const pod = aPod(job).running().build();
    fleet.put(job, pod);
    const answer = await send(receiver, { token: fleet.tokenOf(pod) });
    expect(answer).toMatchObject({ status: 403, problem: { code: 'forbidden' } });
    expect(receiver.book.size).toBe(0);
    expect(receiver.suspicious).toMatchObject([
      { kind: 'foreign-run', detail: { why: expect.stringContaining(RUN_ID) } },
    ]);
  });

  it('of a pod that is gone: 404', async () => {
    const { fleet, receiver } = await aReceiver();
    const gone = aPod(fleet.job).with({ name: 'gone', uid: 'gone' }).build();
    expect(await send(receiver, { token: fleet.tokenOf(gone) })).toMatchObject({ status: 404 });
  });

  it('after the end of its Job: 409, though the token is still known', async () => {
    const { fleet, receiver } = await aReceiver();
    const token = fleet.tokenOf();
    expect((await send(receiver, { token })).status).toBe(204);
    fleet.put(aJob('convert').complete().build());
    expect(await send(receiver, { token })).toMatchObject({ status: 409, problem: { code: 'conflict' } });
    expect(receiver.suspicious).toEqual([]);
  });

  it.each<[what: string, body: unknown, status: number, path?: string]>([
    ['that is no JSON', '{"runId":', 400],
    ['that is empty', '', 400],
    ['without a run', { progress: { fraction: 0.5 } }, 422, 'runId'],
    ['of more than all', { runId: RUN_ID, progress: { fraction: 1.1 } }, 422, 'progress.fraction'],
    ['of no number', { runId: RUN_ID, progress: { fraction: 'NaN' } }, 422, 'progress.fraction'],
    ['of a run that is a path', { runId: '../../x', progress: { fraction: 0 } }, 422, 'runId'],
    ['with a field that nobody knows', { runId: RUN_ID, progress: { fraction: 0 }, admin: true }, 422, ''],
    ['that is a list', [], 422, ''],
  ])('%s: the answer names what is wrong', async (_what, body, status, path) => {
    const { fleet, receiver } = await aReceiver();
    const answer = await send(receiver, { token: fleet.tokenOf(), body });
    expect(answer.status).toBe(status);
    if (path !== undefined) expect(answer.problem.errors?.map((it) => it.path)).toEqual([path]);
    expect(receiver.suspicious).toMatchObject([{ kind: 'malformed-request' }]);
  });

  it('elsewhere, or in another way: 404, 405', async () => {
    const { fleet, receiver } = await aReceiver();
    const token = fleet.tokenOf();
    expect((await send(receiver, { token, path: '/v1/other' })).status).toBe(404);
    expect((await send(receiver, { token, path: '/v1/progress/../secrets' })).status).toBe(404);
    expect(await send(receiver, { token, method: 'PUT' })).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  });

  it('that is too large: 413, whether it says its length or not, and the rest is not read', async () => {
    const { fleet, receiver } = await aReceiver();
    const token = fleet.tokenOf();
    const body = `{"runId":"${'x'.repeat(5000)}"}`;
    const expected = { status: 413, headers: { connection: 'close' }, problem: { code: 'body-too-large' } };
    expect(await send(receiver, { token, body })).toMatchObject(expected);
    const endless = await send(receiver, {
      token,
      write: (request) => {
        // No length is told, and it ends only when it is answered.
        let answered = false;
        request.on('response', () => {
          answered = true;
        });
        const more = () => {
          if (!answered && !request.destroyed) request.write('x'.repeat(1024), () => setImmediate(more));
        };
        more();
      },
    }).catch((error: NodeJS.ErrnoException) => error.code);
    // The connection is cut under its hands, which it may notice before it reads the answer.
    expect([413, 'ECONNRESET', 'EPIPE']).toContain(typeof endless === 'object' ? endless.status : endless);
    expect(await outcomes(receiver)).toEqual({ 'body-too-large': 2 });
  });

  it('while the API server does not answer: 503 with Retry-After', async () => {
    const { fleet, receiver } = await aReceiver();
    fleet.down = true;
    expect(await send(receiver, { token: fleet.tokenOf() })).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
      problem: { code: 'busy' },
    });
    fleet.down = false;
    expect((await send(receiver, { token: fleet.tokenOf() })).status).toBe(204);
  });
});

describe('a flood', () => {
  it('of one pod is cut, and other pods are still heard', async () => {
    const { fleet, receiver } = await aReceiver();
    const token = fleet.tokenOf();
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(receiver, { token })));
    const statuses = answers.map((it) => it.status);
    expect(statuses.filter((it) => it === 204).length).toBe(20);
    expect(statuses.filter((it) => it === 429).length).toBe(30);
    expect(answers.find((it) => it.status === 429)?.headers['retry-after']).toBe('1');
    const job = aJob('render').build();
    const pod = aPod(job).running().build();
    fleet.put(job, pod);
    const body = { runId: runName(UID, { stage: 'render', shard: 0, attempt: 1, try: 1 }), progress: { fraction: 1 } };
    expect((await send(receiver, { token: fleet.tokenOf(pod), body })).status).toBe(204);
    // Their number is in the metrics; the log has a few.
    expect(receiver.suspicious.length).toBe(10);
  });

  it('of forged tokens costs the API server a few questions', async () => {
    const { fleet, receiver } = await aReceiver();
    const good = fleet.tokenOf();
    expect((await send(receiver, { token: good })).status).toBe(204);
    const answers: number[] = [];
    for (let n = 0; n < 60; n++) {
      answers.push((await send(receiver, { token: `eyJhbGciOiJub25lIn0.${n}.c2ln` })).status);
    }
    expect({ reviews: fleet.reviews, limited: answers.filter((it) => it === 429).length }).toEqual({
      reviews: 21,
      limited: 40,
    });
    expect((await send(receiver, { token: good })).status).toBe(204);
  });
});

describe('several replicas', () => {
  const addressOf = (replica: Replica) => `127.0.0.1:${replica.port}`;

  it('pass on what they have verified to the one that leads', async () => {
    const fleet = new Fleet();
    const leader = await fleet.leader();
    const other = await fleet.replica({ leader: () => ({ self: false, address: addressOf(leader) }) });
    await fleet.keys(other);
    const token = fleet.tokenOf();
    expect((await send(other, { token })).status).toBe(204);
    expect({ leader: leader.book.get(UID, RUN_ID), other: other.book.size }).toEqual({
      leader: { progress: { fraction: 0.5 } },
      other: 0,
    });
    // Forged tokens, and runs of others, do not get as far as the leader.
    expect((await send(other, { token: 'a.b.c' })).status).toBe(401);
    expect(await outcomes(leader)).toEqual({ taken: 1 });
    expect(await outcomes(other)).toEqual({ forwarded: 1, unauthorized: 1 });
  });

  it('hand back what the leader answers', async () => {
    const fleet = new Fleet();
    const leader = await fleet.leader();
    const other = await fleet.replica({ leader: () => ({ self: false, address: addressOf(leader) }) });
    await fleet.keys(other);
    const token = fleet.tokenOf();
    for (let n = 0; n < 20; n++) await send(leader, { token });
    expect(await send(other, { token })).toMatchObject({
      status: 429,
      headers: { 'retry-after': '1', 'content-type': 'application/problem+json' },
      problem: { code: 'too-many-requests' },
    });
  });

  it('never pass a report on in a circle', async () => {
    const fleet = new Fleet();
    const ports: number[] = [];
    const first = await fleet.replica({ leader: () => ({ self: false, address: `127.0.0.1:${ports[1]}` }) });
    const second = await fleet.replica({ leader: () => ({ self: false, address: `127.0.0.1:${ports[0]}` }) });
    ports.push(first.port, second.port);
    fleet.maintain();
    await fleet.keys(first);
    await fleet.keys(second);
    expect(await send(first, { token: fleet.tokenOf() })).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
      problem: { code: 'no-leader' },
    });
    expect(await outcomes(second)).toEqual({ 'no-leader': 1 });
  });

  it('without a leader ask to come again', async () => {
    const fleet = new Fleet();
    await fleet.leader();
    const lost = await fleet.replica({ leader: () => ({ self: false }) });
    const dead = await fleet.replica({ leader: () => ({ self: false, address: '127.0.0.1:1' }) });
    for (const replica of [lost, dead]) {
      await fleet.keys(replica);
      expect(await send(replica, { token: fleet.tokenOf() })).toMatchObject({
        status: 503,
        headers: { 'retry-after': '5' },
        problem: { code: 'no-leader' },
      });
    }
  });

  it('give a token to nobody who is not one of them', async () => {
    const fleet = new Fleet();
    await fleet.leader();
    const stranger = await rotated({ authorities: [] }, ['localhost'], Date.now());
    let heard = 0;
    const impostor = createServer({ ...stranger.serving }, (_request, response) => {
      heard += 1;
      response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void impostor.close());
    const { port } = impostor.address() as { port: number };
    const other = await fleet.replica({ leader: () => ({ self: false, address: `127.0.0.1:${port}` }) });
    await fleet.keys(other);
    expect((await send(other, { token: fleet.tokenOf() })).status).toBe(503);
    expect(heard).toBe(0);
  });
});

describe('the keys', () => {
  it('may come after the receiver: until then nobody gets in', async () => {
    const fleet = new Fleet();
    const receiver = await fleet.replica();
    const token = fleet.tokenOf();
    await expect(send(receiver, { token })).rejects.toThrow();
    fleet.maintain();
    await fleet.keys(receiver);
    expect((await send(receiver, { token })).status).toBe(204);
    expect(await outcomes(receiver)).toMatchObject({ 'tls-failed': 1, taken: 1 });
  });

  it('are swapped while it runs; whoever knows the authority goes on, new connections see the new certificate', async () => {
    const { fleet, receiver } = await aReceiver();
    const ca = receiver.service.config.authorities();
    const token = fleet.tokenOf();
    const before = await shown(receiver, ca);
    await putSecret(fleet, async (material) => {
      const [authority] = material.authorities;
      const { cert = '', key = '' } = authority ?? {};
      const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 86_400_000 };
      return { ...material, serving: await issueServing({ cert, key }, ['localhost'], validity) };
    });
    await fleet.clock.advance(60_000);
    const after = await shown(receiver, ca);
    expect(after).not.toBe(before);
    expect((await send(receiver, { token, ca })).status).toBe(204);
  });

  it('of a new authority are unknown to who began before it, and known to who begins now', async () => {
    const { fleet, receiver } = await aReceiver();
    const old = receiver.service.config.authorities();
    await putSecret(fleet, () => rotated({ authorities: [] }, ['localhost'], Date.now()));
    await fleet.clock.advance(60_000);
    await expect(send(receiver, { token: fleet.tokenOf(), ca: old })).rejects.toThrow(/self-signed|unable to/);
    expect((await send(receiver, { token: fleet.tokenOf() })).status).toBe(204);
  });

  it('are of no use without TLS 1.3', async () => {
    const { receiver } = await aReceiver();
    const ca = receiver.service.config.authorities();
    const old = new Promise((resolve, reject) => {
      const socket = connectTls({ host: 'localhost', port: receiver.port, ca, maxVersion: 'TLSv1.2' }, () =>
        resolve('in'),
      );
      socket.on('error', reject);
    });
    await expect(old).rejects.toThrow(/protocol version|alert/);
    const plain = new Promise<string>((resolve) => {
      const socket = connect(receiver.port, '127.0.0.1', () => socket.write('POST /v1/progress HTTP/1.1\r\n\r\n'));
      socket.on('error', () => resolve('cut'));
      socket.on('data', () => undefined);
      socket.on('close', () => resolve('cut'));
    });
    expect(await plain).toBe('cut');
  });
});

/** Fingerprint of the certificate that is shown to a new connection. */
function shown(receiver: Replica, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: 'localhost', port: receiver.port, ca }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.end();
    });
    socket.on('error', reject);
  });
}

async function putSecret(
  fleet: Fleet,
  change: (material: ReturnType<typeof materialOf>) => Promise<ReturnType<typeof materialOf>>,
): Promise<void> {
  const data = secretDataOf(await change(materialOf(fleet.server.get(Secrets, SECRET).data)));
  fleet.server.update(Secrets, SECRET, (it) => ({ ...it, data }));
  await settled();
}
