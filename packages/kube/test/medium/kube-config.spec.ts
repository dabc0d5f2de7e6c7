import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigMaps } from '../../src/kinds.js';
import { type KubeConfigSource, kubeConfigAccess } from '../../src/kube-config.js';
import { ManualClock } from '../manual-clock.js';
import { RecordedLog } from '../recorded-log.js';
import { aClient, Ends } from './a-client.js';
import { anAuthority } from './certificates.js';
import { answer, LoopbackServer, refuse } from './loopback-server.js';

const ends = new Ends();
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kube-config-'));
  ends.add(() => rm(directory, { recursive: true }));
});
afterEach(ends.all);

/** Puts a new file in the place of the old one, as the kubelet does. */
async function put(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
  return path;
}

function aKubeConfig(user: object, cluster: object = {}, namespace?: string): string {
  return JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'main', context: { cluster: 'c', user: 'u', namespace } },
      { name: 'odd', context: { cluster: 'none', user: 'u' } },
    ],
    'current-context': 'main',
  });
}

function accessBy(source: KubeConfigSource) {
  const clock = new ManualClock();
  const log = new RecordedLog();
  return { clock, log, access: kubeConfigAccess({ ...source, clock, log }) };
}

function environment(variables: Record<string, string | undefined>): void {
  const before = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]));
  const set = (all: typeof before) => {
    for (const [name, value] of Object.entries(all)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
  set(variables);
  ends.add(() => set(before));
}

describe('a kubeconfig', () => {
  it('gives server, namespace, token and TLS material', async () => {
    const ca = Buffer.from('the authority').toString('base64');
    const file = await put(
      'config',
      aKubeConfig(
        {
          token: 'T',
          'client-certificate-data': Buffer.from('cert').toString('base64'),
          'client-key-data': Buffer.from('key').toString('base64'),
        },
        { 'certificate-authority-data': ca, 'tls-server-name': 'kube', 'proxy-url': 'http://proxy:3128' },
        'media',
      ),
    );
    const access = await accessBy({ file }).access;
    expect(access.namespace).toBe('media');
    const { server, headers, tls, proxy } = await access.current();
    expect([server.href, headers, proxy]).toEqual([
      'https://127.0.0.1:6443/',
      { Authorization: 'Bearer T' },
      'http://proxy:3128',
    ]);
    expect(Object.entries(tls).map(([name, value]) => [name, String(value)])).toEqual([
      ['ca', 'the authority'],
      ['cert', 'cert'],
      ['key', 'key'],
      ['servername', 'kube'],
    ]);
  });

  it('gives a name and password, or nothing at all, and may switch off the check of certificates', async () => {
    const file = await put(
      'config',
      aKubeConfig({ username: 'me', password: 'pw' }, { 'insecure-skip-tls-verify': true }),
    );
    const { headers, tls } = await (await accessBy({ file }).access).current();
    expect([headers, tls]).toEqual([{ Authorization: 'Basic bWU6cHc=' }, { rejectUnauthorized: false }]);
  });

  it('is found by KUBECONFIG', async () => {
    environment({ KUBECONFIG: await put('config', aKubeConfig({ token: 'T' })) });
    expect((await (await accessBy({}).access).current()).headers).toEqual({ Authorization: 'Bearer T' });
  });

  it.each<[string, KubeConfigSource, RegExp]>([
    ['a file that is not there', { file: '/nowhere/config' }, /^\/nowhere\/config cannot be read: ENOENT/],
    ['a context that is not there', { context: 'other' }, /has no context “other” with a cluster$/],
    ['a context without its cluster', { context: 'odd' }, /has no context “odd” with a cluster$/],
  ])('says what is wrong with %s', async (_, source, message) => {
    const file = await put('config', aKubeConfig({ token: 'T' }));
    await expect(accessBy({ file, ...source }).access).rejects.toMatchObject({
      name: 'KubeConfigError',
      code: 'kube-config',
      message: expect.stringMatching(message),
    });
  });

  it('without TLS says so at once, and what to do; an exception has to be asked for', async () => {
    const server = 'http://127.0.0.1:8001';
    const file = await put('config', aKubeConfig({ token: 'T' }, { server }));
    await expect(accessBy({ file }).access).rejects.toMatchObject({
      name: 'KubeConfigError',
      message: expect.stringMatching(
        /config leads to http:\/\/127\.0\.0\.1:8001, where .* give an https: address, .*“insecure-skip-tls-verify: true” for the cluster “c”$/,
      ),
    });
    await put('config', aKubeConfig({}, { server, 'insecure-skip-tls-verify': true }));
    expect((await (await accessBy({ file }).access).current()).server.href).toBe(`${server}/`);
  });

  it('says when there is none at all', async () => {
    environment({ KUBECONFIG: undefined, HOME: directory });
    await expect(accessBy({}).access).rejects.toThrow('there is no cluster to talk to: set KUBECONFIG');
  });

  it('says when what it points to cannot be read', async () => {
    const file = await put('config', aKubeConfig({ token: 'T' }, { 'certificate-authority': 'ca.crt' }));
    const access = await accessBy({ file }).access;
    await expect(access.current()).rejects.toThrow(/^the credentials for the API server cannot be read: ENOENT/);
    await put('ca.crt', 'now it is there');
    expect(String((await access.current()).tls.ca)).toBe('now it is there');
  });

  it('asks an authentication plugin once at a time', async () => {
    const calls = join(directory, 'calls');
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'from the plugin' },
    };
    const plugin = await put(
      'plugin.sh',
      `#!/bin/sh\necho called >> "${calls}"\necho '${JSON.stringify(credential)}'\n`,
    );
    await chmod(plugin, 0o755);
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' };
    const file = await put('config', aKubeConfig({ exec }));
    const access = await accessBy({ file }).access;
    const all = await Promise.all(Array.from({ length: 10 }, () => access.current()));
    expect(new Set(all.map((it) => it.headers.Authorization))).toEqual(new Set(['Bearer from the plugin']));
    expect(await readFile(calls, 'utf8')).toBe('called\n');
  });

  it('is read again when its credentials are not taken, though not at every refusal', async () => {
    const file = await put('config', aKubeConfig({ token: 'old' }));
    const { clock, access: opening } = accessBy({ file });
    const access = await opening;
    const token = async () => (await access.current()).headers.Authorization;
    expect(await token()).toBe('Bearer old');
    await put('config', aKubeConfig({ token: 'new' }));
    await clock.advance(60_000);
    expect(await token()).toBe('Bearer old');
    await access.renew();
    expect(await token()).toBe('Bearer new');
    await put('config', aKubeConfig({ token: 'newest' }));
    await access.renew();
    expect(await token()).toBe('Bearer new');
    await clock.advance(10_000);
    await access.renew();
    expect(await token()).toBe('Bearer newest');
  });

  it('that is broken for a moment leaves what was known in use, and says so', async () => {
    const ca = await put('ca.crt', 'the authority');
    const file = await put('config', aKubeConfig({ token: 'T' }, { 'certificate-authority': 'ca.crt' }));
    const { clock, log, access: opening } = accessBy({ file });
    const access = await opening;
    const first = await access.current();
    await rm(ca);
    await clock.advance(5_000);
    expect(await access.current()).toBe(first);
    await rm(file);
    await access.renew();
    expect(await access.current()).toBe(first);
    expect(log.at('warn')).toEqual([
      'the credentials for the API server cannot be read again; the last stay in use',
      'the kubeconfig cannot be read again; the one known so far stays in use',
      'the credentials for the API server cannot be read again; the last stay in use',
    ]);
  });
});

describe('the service account of a pod', () => {
  async function aPod(port: number, ca: string, token: string) {
    environment({ KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: `${port}` });
    const account = 'var/run/secrets/kubernetes.io/serviceaccount';
    await mkdir(join(directory, account), { recursive: true });
    await put(`${account}/namespace`, 'media');
    const give = async (name: 'ca.crt' | 'token', text: string) => put(`${account}/${name}`, text);
    await give('ca.crt', ca);
    await give('token', token);
    return give;
  }

  it('is followed when its token and its authority change, over new connections only for the latter', async () => {
    const [first, second] = [await anAuthority('first'), await anAuthority('second')];
    let valid = 'one';
    const server = await LoopbackServer.start(first, (request, response) => {
      if (request.headers.authorization !== `Bearer ${valid}`) return refuse(response, 401, 'Unauthorized');
      answer(response, 200, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } });
    });
    ends.add(() => server.stop());
    const give = await aPod(server.port, first.pem, 'one');
    const { clock, access: opening } = accessBy({ inCluster: directory });
    const access = await opening;
    expect(access.namespace).toBe('media');
    const api = aClient('https://unused', '', { access });
    ends.add(() => api.close());
    const get = () => api.get(ConfigMaps, { namespace: 'x', name: 'a' });
    await get();

    await give('token', 'two');
    valid = 'two';
    await get();
    expect([server.requests.length, server.connections]).toEqual([3, 1]);

    await server.present(second);
    await give('ca.crt', second.pem);
    await clock.advance(5_000);
    await get();
    expect([server.requests.length, server.connections]).toEqual([4, 2]);
  });

  it('says when there is none', async () => {
    environment({ KUBERNETES_SERVICE_HOST: undefined, KUBERNETES_SERVICE_PORT: undefined });
    await expect(accessBy({ inCluster: directory }).access).rejects.toThrow(
      'the service account of the pod does not lead to an API server: “https://undefined:undefined” is no URL',
    );
  });
});
