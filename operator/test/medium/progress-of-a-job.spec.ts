import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ProgressReport, StepOutcome, type StepRequest } from '@mediajob/contract';
import { Secrets } from '@mediajob/kube';
import { RunMeter } from '@mediajob/service';
import { Volume } from '@mediajob/storage';
import { describe, expect, it, onTestFinished } from 'vitest';
import { settled } from '../../../packages/kube/test/manual-clock.js';
import { runJob } from '../../../packages/steps/src/index.js';
import { aContext, aPlan, aTranscribeRequest, convertedJob } from '../../../packages/steps/test/fixtures/a-job.js';
import { FakeEngine } from '../../../packages/steps/test/fixtures/fake-engine.js';
import { aTemporaryDirectory } from '../../../packages/storage/test/fixtures/temporary-directory.js';
import { issueServing } from '../../src/progress/certificate.js';
import { materialOf, secretDataOf } from '../../src/progress/key-material.js';
import { rotated } from '../../src/progress/key-rotation.js';
import { UID } from '../builders.js';
import { Fleet, type Replica, RUN_ID, SECRET } from '../progress/fleet.js';

const sample = fileURLToPath(new URL('../../../samples/jfk.mp3', import.meta.url));

interface Ran {
  code: number;
  outcome: StepOutcome;
  /** Warnings, of which there is one line a reason. */
  warnings: string[];
  log: string;
}

/** Runs a Job as its container does, with what the operator would put into its environment. */
async function runAsJob(
  environment: Record<string, string>,
  request: StepRequest,
  deps: Parameters<typeof runJob>[2] = {},
): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const meter = new RunMeter();
  onTestFinished(() => meter.close());
  const code = await runJob(
    [],
    { MEDIAJOB_REQUEST: JSON.stringify(request), MEDIAJOB_RESERVE_BYTES: '0', ...environment },
    { stdout: (text) => void out.push(text), stderr: (text) => void err.push(text), meter, ...deps },
  );
  const log = err.join('');
  const lines = log
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { level: string; msg: string; why?: string });
  return {
    code,
    outcome: StepOutcome.parse(JSON.parse(out.join(''))),
    warnings: lines.filter((it) => it.level === 'warn').map((it) => `${it.msg}: ${it.why}`),
    log,
  };
}

async function aVolume(): Promise<{ root: string; convert: StepRequest }> {
  const root = await aTemporaryDirectory();
  await mkdir(join(root, 'inbox'));
  await copyFile(sample, join(root, 'inbox', 'talk.mp3'));
  const convert: StepRequest = {
    stage: 'convert',
    jobId: UID,
    runId: RUN_ID,
    source: 'inbox/talk.mp3',
    audioTrack: 0,
    transcript: true,
    plan: { targetMs: 300_000, windowMs: 30_000 },
    maxDurationMs: 3_600_000,
  };
  return { root, convert };
}

async function progressEnvironment(receiver: Pick<Replica, 'port'>, ca: string, token: string) {
  const tokenFile = join(await aTemporaryDirectory(), 'token');
  await writeFile(tokenFile, `${token}\n`);
  return {
    tokenFile,
    environment: {
      MEDIAJOB_PROGRESS_URL: `https://localhost:${receiver.port}`,
      MEDIAJOB_PROGRESS_TOKEN_FILE: tokenFile,
      MEDIAJOB_PROGRESS_CA: ca,
    },
  };
}

describe('a Job and its operator', () => {
  it('the operator knows at the end that all is done, and what it took', async () => {
    const fleet = new Fleet();
    const receiver = await fleet.leader();
    const { root, convert } = await aVolume();
    const ca = receiver.service.config.authorities();
    const { environment } = await progressEnvironment(receiver, ca, fleet.tokenOf());
    const { code, outcome, warnings, log } = await runAsJob({ MEDIAJOB_DATA_DIR: root, ...environment }, convert);
    expect(code, log).toBe(0);
    expect(warnings).toEqual([]);
    const told = receiver.book.get(UID, RUN_ID);
    expect(told?.progress.fraction).toBe(1);
    expect(told?.usage?.cpuSeconds).toBeGreaterThan(0);
    // What it says in the end is the whole: reports came before.
    expect(outcome.usage?.cpuSeconds).toBeGreaterThanOrEqual(told?.usage?.cpuSeconds ?? Number.POSITIVE_INFINITY);
    expect(receiver.suspicious).toEqual([]);
  });

  it('an operator that is replaced on the way, with another certificate, and a token that is renewed: the reports go on', async () => {
    const fleet = new Fleet();
    const first = await fleet.leader();
    const volume = new Volume(await aTemporaryDirectory());
    const windows = 12;
    await convertedJob(volume, aPlan(Array(windows).fill(1)));
    const oldToken = fleet.tokenOf();
    const ca = first.service.config.authorities();
    const { tokenFile, environment } = await progressEnvironment(first, ca, oldToken);
    let receiver = first;
    const told = () => receiver.book.get(UID, RUN_ID)?.progress.fraction ?? 0;
    const replace = async () => {
      const data = await renewedServing(fleet);
      fleet.server.update(Secrets, SECRET, (it) => ({ ...it, data }));
      fleet.tokens.delete(oldToken);
      await writeFile(tokenFile, fleet.tokenOf());
      await first.service.server.close();
      receiver = await fleet.replica({ port: first.port });
      await fleet.keys(receiver);
    };
    let decoded = 0;
    const engine = new FakeEngine({
      states: 1,
      before: async () => {
        decoded += 1;
        const window = decoded;
        if (window === windows / 2) await replace();
        // Nothing ends before something of what went before was heard.
        while (window > 2 && told() === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      },
    });
    const request = aTranscribeRequest({ chunks: { from: 0, to: windows }, language: 'en', runId: RUN_ID });
    const context = aContext(volume, { engine });
    const deps = { tools: () => context, now: context.now };
    const { code, log } = await runAsJob(environment, request, deps);
    expect(code, log).toBe(0);
    expect(receiver).not.toBe(first);
    expect(first.book.get(UID, RUN_ID)?.progress.fraction).toBeGreaterThan(0);
    expect(told()).toBe(1);
    expect(receiver.suspicious).toEqual([]);
  });

  it.each<
    [what: string, spoil: (fleet: Fleet, receiver: Replica) => Promise<{ ca?: string; token?: string }>, why: RegExp]
  >([
    ['a forged token', async () => ({ token: 'a.b.c' }), /it answered 401/],
    ['a token of another audience', async (fleet) => ({ token: fleet.tokenOf(fleet.pod, 'other') }), /it answered 401/],
    [
      'authorities of somebody else',
      async () => ({ ca: (await rotated({ authorities: [] }, ['localhost'], Date.now())).authorities[0]?.cert ?? '' }),
      /certificate|self-signed/,
    ],
    [
      'a receiver that has gone',
      async (_fleet, receiver) => {
        await receiver.service.server.close();
        return {};
      },
      /ECONNREFUSED/,
    ],
  ])('with %s the step does its work all the same, and says so once', async (_what, spoil, why) => {
    const fleet = new Fleet();
    const receiver = await fleet.leader();
    const known = receiver.service.config.authorities();
    const { ca = known, token = fleet.tokenOf() } = await spoil(fleet, receiver);
    const { root, convert } = await aVolume();
    const { environment } = await progressEnvironment(receiver, ca, token);
    const { code, outcome, warnings, log } = await runAsJob({ MEDIAJOB_DATA_DIR: root, ...environment }, convert);
    expect(code, log).toBe(0);
    expect(outcome).toMatchObject({ result: { stage: 'convert' } });
    expect(warnings).toEqual([expect.stringMatching(why)]);
    expect(receiver.book.size).toBe(0);
    expect(log).not.toContain(token);
  });

  it('with a receiver that takes the report and never answers the step does its work all the same', async () => {
    const reports: ProgressReport[] = [];
    const material = await rotated({ authorities: [] }, ['localhost'], Date.now());
    const server: Server = createServer({ ...material.serving }, async (request) => {
      let text = '';
      for await (const piece of request.setEncoding('utf8')) text += piece;
      reports.push(JSON.parse(text) as ProgressReport);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as { port: number };
    const { root, convert } = await aVolume();
    const { environment } = await progressEnvironment({ port }, material.authorities[0]?.cert ?? '', 'a.b.c');
    const { code, log } = await runAsJob({ MEDIAJOB_DATA_DIR: root, ...environment }, convert);
    expect(code, log).toBe(0);
    // One at a time: nothing was sent behind the one that hangs.
    expect(reports).toMatchObject([{ runId: RUN_ID }]);
  });

  it('settings of progress that are wrong never fail a step', async () => {
    const { root, convert } = await aVolume();
    const { code, warnings } = await runAsJob(
      { MEDIAJOB_DATA_DIR: root, MEDIAJOB_PROGRESS_URL: 'http://operator:8443', MEDIAJOB_PROGRESS_TOKEN_FILE: '/none' },
      convert,
    );
    expect(code).toBe(0);
    expect(warnings).toEqual([expect.stringMatching(/^progress is not reported: its settings are wrong/)]);
  });

  it('a token file that is not there is told once, and no more', async () => {
    const fleet = new Fleet();
    const receiver = await fleet.leader();
    const { root, convert } = await aVolume();
    const { environment } = await progressEnvironment(receiver, receiver.service.config.authorities(), 'x');
    const { code, warnings } = await runAsJob(
      { MEDIAJOB_DATA_DIR: root, ...environment, MEDIAJOB_PROGRESS_TOKEN_FILE: '/nowhere/token' },
      convert,
    );
    expect(code).toBe(0);
    expect(warnings).toEqual([expect.stringMatching(/There is no \/nowhere\/token/)]);
  });
});

/** A new certificate by the same authority, as the data of the Secret. */
async function renewedServing(fleet: Fleet): Promise<Record<string, string>> {
  const material = materialOf(fleet.server.get(Secrets, SECRET).data);
  const { cert = '', key = '' } = material.authorities[0] ?? {};
  const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 86_400_000 };
  const serving = await issueServing({ cert, key }, ['localhost'], validity);
  await settled();
  return secretDataOf({ ...material, serving });
}
