import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS, IMAGE_NAMES, type ImageName } from '../../scripts/images/programs.ts';
import { ROOT } from '../../scripts/setup/paths.ts';
import { kubeProgram } from '../cluster/programs.ts';
import { run } from '../cluster/run.ts';
import { until } from '../cluster/until.ts';
import { type Inside, LOOK_INSIDE } from './look-inside.ts';
import { type Pod, removeNamespace } from './release.ts';
import { isRig, type TheCluster, theCluster } from './the-cluster.ts';

const NAMESPACE = 'e2e-images';
const VERSION = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;

/** What each image is asked to run, beside nothing at all: its own commands, without what they need. */
const ASKED: Record<ImageName, readonly (readonly string[])[]> = {
  main: [['mediajob-smoke', '--help'], ['mediajob-smoke']],
  operator: [['mediajob-operator']],
  converter: [['mediajob-job'], ['mediajob-prepare'], ['ffmpeg', '-hide_banner', '-version']],
  transcriber: [
    ['mediajob-job'],
    ['mediajob-prepare'],
    ['mediajob-models', 'list'],
    ['/app/engine/mediajob-engine', '--version'],
    ['/app/engine/mediajob-engine', '--model', '/models/none.bin'],
  ],
};

let cluster: TheCluster;
let work: string;
const inside = {} as Record<ImageName, Inside>;

const kubectl = (args: readonly string[], input?: string): Promise<string> =>
  run(kubeProgram('kubectl'), [`--kubeconfig=${cluster.kubeconfig}`, '-n', NAMESPACE, ...args], {
    cwd: work,
    ...(input !== undefined && { input }),
  });

beforeAll(async () => {
  cluster = await theCluster();
  work = mkdtempSync(join(tmpdir(), 'mediajob-e2e-'));
  await removeNamespace(cluster.client, NAMESPACE);
  await cluster.client.create('/api/v1/namespaces', {
    metadata: { name: NAMESPACE, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  });
  await until('the namespace has its service account', () =>
    cluster.client.find(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts/default`),
  );
  for (const name of IMAGE_NAMES) await kubectl(['apply', '-f', '-'], JSON.stringify(lookingPod(name)));
  for (const name of IMAGE_NAMES) {
    await until(
      `the pod of ${name} has ended`,
      async () => {
        const pod = await cluster.client.get<Pod>(`/api/v1/namespaces/${NAMESPACE}/pods/${name}`);
        return ['Succeeded', 'Failed'].includes(pod.status.phase);
      },
      { limitMs: 300_000, everyMs: 500 },
    );
    inside[name] = JSON.parse(await kubectl(['logs', name])) as Inside;
  }
});
afterAll(async () => {
  if (cluster) await removeNamespace(cluster.client, NAMESPACE);
  cluster?.client.close();
  if (work) rmSync(work, { recursive: true, force: true });
});

function lookingPod(name: ImageName) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      // The user is the image's own.
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'look',
          image: `mediajob/${name}:${VERSION}`,
          imagePullPolicy: isRig ? 'Never' : 'IfNotPresent',
          command: ['node', '-e', LOOK_INSIDE],
          env: [{ name: 'COMMANDS', value: JSON.stringify(ASKED[name]) }],
          resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '512Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
        },
      ],
      volumes: [{ name: 'tmp', emptyDir: {} }],
    },
  };
}

describe.each(IMAGE_NAMES)('the image of %s', (name) => {
  it('runs as 10001, on a root that nobody can write', () => {
    expect(inside[name]).toMatchObject({ uid: 10_001, gid: 10_001 });
    expect(inside[name].writes).toEqual({
      '/': 'EROFS',
      '/app': 'EROFS',
      '/etc': 'EROFS',
      '/usr/bin': 'EROFS',
      '/data': 'EROFS',
      '/models': 'EROFS',
      '/tmp': 'written',
    });
  });

  it('has no compiler, no package manager, no other interpreter, and nothing that gives rights', () => {
    const names = new Set(inside[name].programs.map((path) => basename(path)));
    const unwanted =
      /^(apt.*|dpkg.*|gcc.*|g\+\+.*|cc|c\+\+|ld|as|make|cmake|perl.*|python.*|pip.*|npm|npx|corepack|curl|wget)$/;
    expect([...names].filter((it) => unwanted.test(it))).toEqual([]);
    expect(names).toContain('node');
    expect(inside[name].setuid).toEqual([]);
  });

  it('has its commands on the PATH', () => {
    const commands = Object.keys(COMMANDS[name]).map((it) => `/app/bin/mediajob-${it}`);
    expect(inside[name].programs).toEqual(expect.arrayContaining(commands));
  });
});

describe('the commands of the images', () => {
  it('say what they need, and end with the code for wrong arguments', () => {
    const { main, operator, converter, transcriber } = inside;
    expect(main.commands['mediajob-smoke --help']).toMatchObject({ status: 0, said: expect.stringContaining('--url') });
    expect(main.commands['mediajob-smoke']).toMatchObject({ status: 64 });
    expect(operator.commands['mediajob-operator']).toMatchObject({
      status: 64,
      said: expect.stringContaining('MEDIAJOB_CONVERTER_IMAGE'),
    });
    for (const image of [converter, transcriber])
      for (const command of ['mediajob-job', 'mediajob-prepare'])
        expect(image.commands[command], command).toMatchObject({ status: 64 });
  });

  it('include ffmpeg, and a catalog of models', () => {
    expect(inside.converter.commands['ffmpeg -hide_banner -version']).toMatchObject({
      status: 0,
      said: expect.stringContaining('ffmpeg version'),
    });
    expect(inside.transcriber.commands['mediajob-models list']).toMatchObject({
      status: 0,
      said: expect.stringContaining('base'),
    });
  });

  it('include an engine that runs on this CPU', () => {
    const engine = '/app/engine/mediajob-engine';
    expect(inside.transcriber.commands[`${engine} --version`]).toMatchObject({ status: 0 });
    // It gets as far as the model: without a kernel that fits it would say so.
    const { status, said } = inside.transcriber.commands[`${engine} --model /models/none.bin`] ?? {};
    expect(status).toBe(78);
    expect(said).toContain('none.bin');
    expect(said).not.toContain('no kernels');
  });

  // Those of the rig have the engine of this machine, unless they were asked for as they are shipped.
  it.runIf(process.env.MEDIAJOB_IMAGES === 'portable')('include kernels for many kinds of CPU', () => {
    const kernels = inside.transcriber.programs.filter((path) => /\/libggml-cpu-\w+\.so$/.test(path));
    expect(kernels.length).toBeGreaterThan(3);
  });
});
