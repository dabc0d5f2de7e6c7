import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../../scripts/setup/paths.ts';
import { browserPath } from '../../scripts/setup/setup.ts';
import { kubeProgram } from '../cluster/programs.ts';
import { until } from '../cluster/until.ts';
import { SAMPLE, SAMPLE_TEXT } from '../system/speech.ts';
import { plain, Release } from './release.ts';

// As the documents say it: the namespace and the release that k8s/examples/ name.
const NAMESPACE = 'mediajob';
const HOST = 'media.example.test';
const EXAMPLES = join(ROOT, 'k8s/examples');
const WATCHED = join(ROOT, 'docs/artefacts/kubectl-get-mj-watch.txt');

let release: Release;
beforeAll(async () => {
  release = await Release.install({
    namespace: NAMESPACE,
    values: { crds: { enabled: true, keep: true }, ingress: { enabled: true, controller: 'traefik', hosts: [HOST] } },
    // The definition may be there from another release, which keeps it.
    args: ['--take-ownership'],
  });
});
afterAll(() => release?.uninstall());

describe('after helm install', () => {
  it('has every Deployment Ready, and no container that had to be started again', async () => {
    const deployments = await release.deployments();
    const name = (component: string): string => `${release.name}-${component}`;
    expect(deployments.map((it) => it.metadata.name).sort()).toEqual(
      ['converter', 'main', 'operator', 'transcriber'].map(name),
    );
    const pods = await release.pods(`app.kubernetes.io/instance=${release.name}`);
    const restarts = pods.flatMap((it) => it.status.containerStatuses ?? []).map((it) => it.restartCount);
    expect(restarts).toEqual([0, 0, 0, 0]);
  });

  it('transcribes the minimal example, which kubectl shows as it goes on', async () => {
    await release.kubectl(['apply', '-f', join(EXAMPLES, 'inbox-sample.yaml')]);
    await release.kubectl(['wait', '-n', NAMESPACE, '--for=condition=Complete', 'job/inbox-sample', '--timeout=120s']);
    const watch = watched(release);
    await release.kubectl(['apply', '-n', NAMESPACE, '-f', join(EXAMPLES, 'minimal.yaml')]);
    const job = await release.untilPhase('talk', 'Succeeded');
    const table = await watch.end();

    expect(await release.transcriptText(job)).toContain(SAMPLE_TEXT);
    expect(job.status).toMatchObject({ language: 'en', attempt: 1, attempts: [], progress: { percent: 100 } });
    const phases = table.map((row) => row[1] ?? '');
    expect(phases[0]).toBe('PHASE');
    expect(phases.at(-1)).toBe('Succeeded');
    expect(phases).toContain('Transcribing');
    const percents = table
      .slice(1)
      .flatMap((row) => /(\d+)%/.exec(row.join(' '))?.[1] ?? [])
      .map(Number);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(percents.at(-1)).toBe(100);
    if (process.env.MEDIAJOB_UPDATE_ARTEFACTS) writeFileSync(WATCHED, `$ kubectl get mj -w\n${watch.text()}`);
    // What the documents show has the columns that kubectl prints today.
    expect(readFileSync(WATCHED, 'utf8').split('\n')[1]?.split(/\s+/)).toEqual(table[0]);
  });

  it('passes its own test', async () => {
    expect(await release.helm(['test', release.name, '--logs', '--timeout', '10m'])).toMatch(/Phase:\s+Succeeded/);
  });

  it('removes the files of a MediaJob that is deleted, and leaves what was put into inbox/', async () => {
    const { metadata } = await release.job('talk');
    expect(await release.names(`outputs/${metadata.uid}`)).toContain('transcript.txt');
    await release.kubectl(['delete', '-n', NAMESPACE, 'mj', 'talk', '--timeout=120s']);
    expect(await release.names(`outputs/${metadata.uid}`)).toEqual([]);
    expect(await release.names(`jobs/${metadata.uid}`)).toEqual([]);
    expect(await release.names('inbox')).toContain('jfk.mp3');
  });
});

describe('a person behind the Ingress', () => {
  let browser: Browser;
  beforeAll(async () => {
    const executablePath = browserPath();
    if (!executablePath) throw new Error('no Chromium found: run "npm run setup -- --tests", or set MEDIAJOB_CHROMIUM');
    const { hostname } = new URL(release.cluster.ingressUrl);
    browser = await chromium.launch({
      executablePath,
      args: ['--no-sandbox', `--host-resolver-rules=MAP ${HOST} ${hostname}`],
    });
  });
  afterAll(() => browser?.close());

  it('drops a file on the page and reads its transcript there, made by Jobs of the cluster', async () => {
    const context = await browser.newContext({ locale: 'en-US' });
    context.setDefaultTimeout(300_000);
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    const { port } = new URL(release.cluster.ingressUrl);
    const url = `http://${HOST}${port ? `:${port}` : ''}/`;
    // The controller learns of a new Ingress in its own time.
    await until('the page is served', async () => {
      const answer = await page.goto(url).catch(() => null);
      return answer?.ok() === true;
    });
    await page.setInputFiles('input[type=file]', SAMPLE);
    await page.getByRole('link', { name: /jfk/ }).first().click();
    await page
      .getByText(/your country can do/)
      .first()
      .waitFor();
    expect(complaints).toEqual([]);

    const uid = /jobs\/([0-9a-f-]{36})/.exec(page.url())?.[1];
    const jobs = await release.cluster.client.list(release.jobsPath);
    expect(jobs.map((it) => it.metadata.uid)).toContain(uid);
    expect(plain(await release.read(`outputs/${uid}/transcript.txt`))).toContain(SAMPLE_TEXT);
  });
});

/** `kubectl get mj -w` from now on; `end` stops it and returns the table, its head first. */
function watched({ cluster }: Release): { end: () => Promise<string[][]>; text: () => string } {
  const args = [`--kubeconfig=${cluster.kubeconfig}`, 'get', 'mj', '-n', NAMESPACE, '-w'];
  const child = spawn(kubeProgram('kubectl'), args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return {
    text: () => text,
    end: async () => {
      await until('kubectl shows the end', () => /Succeeded/.test(text));
      child.kill();
      return text
        .trimEnd()
        .split('\n')
        .map((line) => line.trim().split(/\s+/));
    },
  };
}
