import { request } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../cluster/until.ts';
import { SAMPLE } from '../system/speech.ts';
import { putLongSpeech, SHORT_CHUNKS } from './long-speech.ts';
import { portForward } from './port-forward.ts';
import { addressOf, reaches } from './reachable.ts';
import { type MediaJobObject, type Pod, Release, removeNamespace } from './release.ts';

const NAMESPACE = 'e2e-isolation';
const TENANT = 'e2e-isolation-tenant';
const AUDIENCE = 'mediajob.io/progress';

let release: Release;
let running: MediaJobObject;
let pod: Pod;

beforeAll(async () => {
  release = await Release.install({
    namespace: NAMESPACE,
    values: {
      operator: { config: SHORT_CHUNKS },
      networkPolicy: { mainFrom: [{ podSelector: {} }] },
      tenants: [{ namespace: TENANT, createNamespace: true }],
    },
  });
  await release.putSample();
  await release.create('other', { source: { path: 'inbox/jfk.mp3' }, transcribe: { language: 'en' } });
  await release.untilPhase('other', 'Succeeded');
  // Long enough to be looked at while it runs.
  const source = await putLongSpeech(release, 40);
  running = await release.create('running', { source: { path: source }, transcribe: { language: 'en' } });
  pod = await until(
    'its transcription runs',
    async () => {
      const pods = await release.pods(`mediajob.io/uid=${running.metadata.uid},mediajob.io/stage=transcribe`);
      return pods.find((it) => it.status.phase === 'Running');
    },
    { limitMs: 300_000 },
  );
});
afterAll(async () => {
  if (release) {
    await release.cluster.client.patch(`${release.jobsPath}/running`, { spec: { cancel: true } }).catch(() => {});
    await removeNamespace(release.cluster.client, TENANT).catch(() => {});
  }
  await release?.uninstall();
});

const inPod = (script: string): Promise<string> =>
  release.kubectl(['exec', '-n', NAMESPACE, pod.metadata.name, '-c', 'run', '--', 'sh', '-c', script]);

describe("the pod of a job's run", () => {
  it('has its own directories of the volume, and no others', async () => {
    expect((await release.names('jobs')).length).toBeGreaterThanOrEqual(2);
    // The image has these directories itself, empty; what is mounted on them is all there is of the volume.
    const seen = async (directory: string) => (await inPod(`ls -A /data/${directory}`)).split('\n').filter(Boolean);
    const { uid } = running.metadata;
    expect(await seen('jobs')).toEqual([uid]);
    expect(await seen('outputs')).toEqual([uid]);
    for (const directory of ['inbox', 'uploads', 'logs']) expect(await seen(directory)).toEqual([]);
  });

  it('can write nothing beside them, and not to the models', async () => {
    for (const path of ['/data/x', '/data/jobs/x', '/models/x', '/app/x', '/x']) {
      expect(await inPod(`touch ${path} 2>&1 || true`)).toMatch(/Permission denied|Read-only file system/);
    }
  });

  it('has no token of the API server', async () => {
    expect(await inPod('ls /var/run/secrets')).toBe('mediajob.io\n');
  });

  it('reaches the receiver of progress, and neither the services nor the API server', async () => {
    const from = { pod: pod.metadata.name, container: 'run' };
    const to = async (service: string, port: number, namespace?: string) =>
      reaches(release, from, { host: await addressOf(release, service, namespace), port });
    expect(await to('mediajob-operator', 8443)).toBe(true);
    expect(await to('mediajob-main', 80)).toBe(false);
    expect(await to('mediajob-converter', 8002)).toBe(false);
    expect(await to('kubernetes', 443, 'default')).toBe(false);
  });
});

describe('a report of progress', () => {
  const account = 'mediajob-job';

  async function tokenOf({ metadata }: { metadata: { name: string; uid: string } }): Promise<string> {
    const path = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/${account}/token`;
    const { name, uid } = metadata;
    const answer = await release.cluster.client.create<{ status: { token: string } }>(path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [AUDIENCE], boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
    });
    return answer.status.token;
  }

  /** @returns the status */
  async function report(token: string, runId: string): Promise<number> {
    const [operator] = await release.podsOf('operator');
    const forward = await portForward(release, `pod/${operator?.metadata.name}`, 8443);
    try {
      const secret = await release.cluster.client.get<{ data: Record<string, string> }>(
        `/api/v1/namespaces/${NAMESPACE}/secrets/mediajob-progress-tls`,
      );
      const ca = Buffer.from(secret.data['ca.crt'] ?? '', 'base64').toString();
      const url = new URL(await inPod('printf %s "$MEDIAJOB_PROGRESS_URL"'));
      return await new Promise((resolve, reject) => {
        const call = request(
          {
            host: '127.0.0.1',
            port: forward.port,
            servername: url.hostname,
            ca,
            path: '/v1/progress',
            method: 'POST',
            headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          },
          (answer) => {
            answer.resume();
            answer.once('end', () => resolve(answer.statusCode ?? 0));
          },
        );
        call.once('error', reject);
        call.end(JSON.stringify({ runId, progress: { fraction: 0.5 } }));
      });
    } finally {
      await forward.close();
    }
  }

  /** The run that a pod of a job is; of a job of one shard it is the first. */
  const runOf = (uid: string, shard = '0'): string => `${uid}-transcribe-${shard}-1-1`;

  it("is taken from its own pod, refused with another pod's token (403), and with none that is right (401)", async () => {
    expect(await report('nonsense', runOf(running.metadata.uid))).toBe(401);
    const shard = pod.metadata.labels?.['batch.kubernetes.io/job-completion-index'];
    expect(await report(await tokenOf(pod), runOf(running.metadata.uid, shard))).toBe(204);
    const other = await release.job('other');
    expect(await report(await tokenOf(pod), runOf(other.metadata.uid))).toBe(403);
  });
});

describe('a tenant in another namespace', () => {
  beforeAll(async () => {
    await release.bringFiles(TENANT);
  });

  it('reaches none of the services', async () => {
    for (const [service, port] of [
      ['mediajob-main', 80],
      ['mediajob-converter', 8002],
      ['mediajob-transcriber', 8001],
      ['mediajob-operator', 8443],
    ] as const) {
      const host = await addressOf(release, service);
      expect({ service, open: await reaches(release, { pod: 'files', namespace: TENANT }, { host, port }) }).toEqual({
        service,
        open: false,
      });
    }
  });

  it('has volumes of its own, in which nothing of the others is', async () => {
    const names = await release.inFiles(['ls', '-A', '/data'], TENANT);
    expect(names.split('\n').filter((it) => ['jobs', 'outputs', 'inbox', 'uploads'].includes(it))).toEqual([]);
  });

  it('may not name a source of the other namespace, and its account may read nothing there', async () => {
    const who = `--as=system:serviceaccount:${TENANT}:mediajob-job`;
    for (const what of ['mediajobs', 'pods', 'secrets', 'persistentvolumeclaims']) {
      const answer = await release
        .kubectl(['auth', 'can-i', 'get', what, '-n', NAMESPACE, who])
        .catch((error: Error) => error.message);
      expect(answer).toMatch(/(^|\n)no\n/);
    }
  });

  it('has its MediaJobs run in its own namespace', async () => {
    const sample = '/data/inbox/jfk.mp3';
    await release.put(SAMPLE, sample, TENANT);
    const manifest = {
      apiVersion: 'mediajob.io/v1alpha1',
      kind: 'MediaJob',
      metadata: { name: 'own', namespace: TENANT },
      spec: { source: { path: 'inbox/jfk.mp3' }, transcribe: { language: 'en' } },
    };
    await release.kubectl(['apply', '-f', '-'], { input: JSON.stringify(manifest) });
    await release.kubectl([
      'wait',
      '-n',
      TENANT,
      'mj/own',
      '--for=jsonpath={.status.phase}=Succeeded',
      '--timeout=300s',
    ]);
  });
});

describe('a source', () => {
  it.each(['jobs/x/work/audio.wav', '../inbox/jfk.mp3', '/etc/passwd', 'outputs/x', 'inbox/../jobs/x'])(
    '%s is refused: it is neither below uploads/ nor below inbox/',
    async (path) => {
      await expect(release.create('refused', { source: { path }, transcribe: {} })).rejects.toThrow(/source|path/);
    },
  );

  it('that is a link out of inbox/ is not followed', async () => {
    const other = await release.job('other');
    await release.inFiles([
      'node',
      '-e',
      `require('node:fs').symlinkSync('../outputs/${other.metadata.uid}/transcript.txt', '/data/inbox/link.mp3')`,
    ]);
    await release.create('linked', { source: { path: 'inbox/link.mp3' }, transcribe: {} });
    const ended = await release.untilPhase('linked', 'Failed');
    expect(ended.status?.conditions.find((it) => it.type === 'Failed')?.reason).toBe('InvalidArguments');
  });
});
