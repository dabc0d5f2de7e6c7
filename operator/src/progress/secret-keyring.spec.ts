import { KubeApiError, type Secret, Secrets } from '@mediajob/kube';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ManualClock, settled } from '../../../packages/kube/test/manual-clock.js';
import { World } from '../../../packages/kube/test/memory-api/index.js';
import { RecordedLog } from '../../../packages/kube/test/recorded-log.js';
import { DirectApi } from '../../test/direct-api.js';
import { bundleOf, certificatesIn, type KeyMaterial, materialOf, secretDataOf } from './key-material.js';
import { rotated } from './key-rotation.js';
import { SecretKeyring } from './secret-keyring.js';

const secret = { namespace: 'mediajob-system', name: 'mediajob-operator-progress' };
const names = ['mediajob-operator.mediajob-system.svc'];
const DAY_MS = 86_400_000;

function aCluster() {
  const { server } = new World();
  const clock = new ManualClock();
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const replica = (overrides: Partial<Pick<DirectApi, 'get' | 'create' | 'replace'>> = {}) => {
    const log = new RecordedLog();
    const { get, create, replace } = new DirectApi(server);
    const api = { get, create, replace, ...overrides };
    const keyring = new SecretKeyring({ api, secret, names, environment: { clock, random: () => 0.5, log } });
    return { keyring, api, log };
  };
  /** Lets keys be made: that takes the crypto library's own threads. */
  const until = async (done: () => boolean) => {
    while (!done()) await settled();
  };
  return { server, clock, signal: stop.signal, replica, until, stored: () => server.get(Secrets, secret) };
}

describe('keys in a Secret', () => {
  it('are made by the leader, and used by all', async () => {
    const { clock, signal, replica, until, stored } = aCluster();
    const [leader, other] = [replica(), replica()];
    void other.keyring.run(signal);
    await settled();
    expect({ serving: other.keyring.serving, ca: other.keyring.authorities() }).toEqual({ serving: undefined, ca: '' });
    void leader.keyring.maintain(leader.api, signal);
    await until(() => leader.keyring.serving !== undefined);
    await clock.advance(5_000);
    expect(other.keyring.serving).toEqual(materialOf(stored().data).serving);
    expect(other.keyring.serving).toEqual(leader.keyring.serving);
    expect(other.keyring.authorities()).toBe(leader.keyring.authorities());
    expect(stored()).toMatchObject({
      type: 'Opaque',
      metadata: { labels: { 'app.kubernetes.io/managed-by': 'mediajob-operator' } },
    });
    expect(
      [...leader.log.lines, ...other.log.lines].filter((it) => it.level !== 'debug').map((it) => it.message),
    ).toEqual(['the certificate of the progress receiver is renewed']);
  });

  it('that two leaders make at the same moment are one', async () => {
    const { signal, replica, until, stored } = aCluster();
    const leaders = [replica(), replica(), replica()];
    for (const { keyring, api } of leaders) void keyring.maintain(api, signal);
    await until(() => leaders.every(({ keyring }) => keyring.serving !== undefined));
    const truth = materialOf(stored().data).serving;
    expect(leaders.map(({ keyring }) => keyring.serving)).toEqual([truth, truth, truth]);
    expect(leaders.flatMap(({ log }) => log.at('error'))).toEqual([]);
  });

  it('that two leaders renew at the same moment are one, too', async () => {
    const { clock, signal, replica, until, stored } = aCluster();
    const leaders = [replica(), replica()];
    for (const { keyring, api } of leaders) void keyring.maintain(api, signal);
    await until(() => leaders.every(({ keyring }) => keyring.serving !== undefined));
    const before = leaders[0]?.keyring.serving;
    // The last hour of the 60 days is the one in which it is renewed.
    await clock.advance(60 * DAY_MS + 3_600_000);
    await until(() => leaders.every(({ keyring }) => keyring.serving !== before));
    const truth = materialOf(stored().data).serving;
    expect(leaders.map(({ keyring }) => keyring.serving)).toEqual([truth, truth]);
  });

  it('tell whoever wants to know of each change, and only then', async () => {
    const { clock, signal, replica, until } = aCluster();
    const { keyring, api } = replica();
    let changes = 0;
    const forget = keyring.onChange(() => {
      changes += 1;
    });
    const reading = new AbortController();
    void keyring.maintain(api, signal);
    void keyring.run(reading.signal);
    await until(() => keyring.serving !== undefined);
    await clock.advance(600_000);
    reading.abort();
    expect(changes).toBe(1);
    forget();
    const before = keyring.serving;
    await clock.advance(61 * DAY_MS);
    await until(() => keyring.serving !== before);
    expect(changes).toBe(1);
  });

  it('fill a Secret that somebody laid ready, and leave what else is in it', async () => {
    const { server, signal, replica, until, stored } = aCluster();
    const { apiVersion, kind } = Secrets;
    server.create(Secrets, { apiVersion, kind, metadata: secret, type: 'Opaque', data: { note: 'aGk=' } });
    const { keyring, api } = replica();
    void keyring.maintain(api, signal);
    await until(() => keyring.serving !== undefined);
    expect(stored().data).toMatchObject({ note: 'aGk=' });
    expect(materialOf(stored().data).serving).toEqual(keyring.serving);
  });

  it('go on serving while the Secret is empty, gone, or cannot be read, and are made again', async () => {
    const { server, clock, signal, replica, until, stored } = aCluster();
    let broken = false;
    const { keyring, log } = replica({
      get: async (kind, ref) => {
        if (broken) throw new KubeApiError('The API server cannot be reached.', { status: 0, reason: 'Unreachable' });
        return server.get(kind, ref);
      },
    });
    const leader = replica();
    const leading = new AbortController();
    void leader.keyring.maintain(leader.api, leading.signal);
    await until(() => leader.keyring.serving !== undefined);
    void keyring.run(signal);
    await settled();
    const { serving } = keyring;
    expect(serving).toBeDefined();
    leading.abort();

    server.update(Secrets, secret, (it): Secret => ({ ...it, data: {} }));
    await clock.advance(120_000);
    expect(keyring.serving).toEqual(serving);
    server.delete(Secrets, secret, { propagationPolicy: 'Background' });
    await clock.advance(120_000);
    expect(keyring.serving).toEqual(serving);
    broken = true;
    await clock.advance(120_000);
    expect(keyring.serving).toEqual(serving);
    expect(log.at('warn').length).toBeGreaterThan(0);

    broken = false;
    void leader.keyring.maintain(leader.api, signal);
    await until(() => server.find(Secrets, secret) !== undefined);
    await clock.advance(60_000);
    expect(keyring.serving).toEqual(materialOf(stored().data).serving);
    expect(keyring.serving).not.toEqual(serving);
  });

  it('that may not be written are told with what to look at, and tried again', async () => {
    const { server, clock, signal, replica, until } = aCluster();
    let allowed = false;
    const { keyring, log, api } = replica({
      create: async (kind, object) => {
        if (!allowed) throw new KubeApiError('secrets is forbidden', { status: 403, reason: 'Forbidden' });
        return server.create(kind, object);
      },
    });
    void keyring.maintain(api, signal);
    await until(() => log.at('error').length > 0);
    expect(log.lines.at(-1)).toMatchObject({
      fields: { secret: 'mediajob-system/mediajob-operator-progress' },
      message: expect.stringMatching(/may the operator write its Secret\?$/),
    });
    allowed = true;
    await clock.advance(60_000);
    await until(() => keyring.serving !== undefined);
  });

  it('are never logged', async () => {
    const { clock, signal, replica, until } = aCluster();
    const { keyring, api, log } = replica();
    void keyring.maintain(api, signal);
    await until(() => keyring.serving !== undefined);
    await clock.advance(61 * DAY_MS);
    void keyring.run(signal);
    await clock.advance(120_000);
    expect(JSON.stringify(log.lines)).not.toMatch(/BEGIN|PRIVATE/);
  });
});

describe('keys that somebody else keeps in a Secret', () => {
  const { apiVersion, kind } = Secrets;

  async function aForeignSecret() {
    const { server, clock, signal } = aCluster();
    const log = new RecordedLog();
    const environment = { clock, random: () => 0.5, log };
    const keyring = new SecretKeyring({ api: new DirectApi(server), secret, names, environment, madeBy: 'others' });
    /** As cert-manager does: the newest authority alone, and none of its keys. */
    const put = (material: KeyMaterial, authorities = bundleOf(material)) => {
      const { 'ca.key': _, ...data } = secretDataOf(material);
      const all = { ...data, 'ca.crt': Buffer.from(authorities).toString('base64') };
      if (server.find(Secrets, secret) !== undefined)
        server.update(Secrets, secret, (it): Secret => ({ ...it, data: all }));
      else server.create(Secrets, { apiVersion, kind, metadata: secret, type: 'kubernetes.io/tls', data: all });
    };
    const read = async () => {
      const once = new AbortController();
      void keyring.run(once.signal);
      await settled();
      once.abort();
      await settled();
    };
    const make = () => rotated({ authorities: [] }, names, clock.now());
    return { clock, signal, keyring, put, read, make };
  }

  it('are used as they are, and again when they change', async () => {
    const { keyring, put, read, make } = await aForeignSecret();
    const first = await make();
    put(first);
    await read();
    expect(keyring.serving).toEqual(first.serving);
    const second = await make();
    put(second);
    await read();
    expect(keyring.serving).toEqual(second.serving);
  });

  it('leave an old authority known until it ends', async () => {
    const { keyring, clock, put, read, make } = await aForeignSecret();
    const first = await make();
    put(first);
    await read();
    await clock.advance(100 * DAY_MS);
    const second = await make();
    put(second);
    await read();
    expect(keyring.authorities()).toBe(bundleOf(second) + bundleOf(first));
    await clock.advance(300 * DAY_MS);
    await read();
    expect(keyring.authorities()).toBe(bundleOf(second));
  });

  it('of an issuer that the system trusts need no authority; signed by itself it is its own', async () => {
    const { keyring, put, read, make } = await aForeignSecret();
    const material = await make();
    put(material, '');
    await read();
    expect({ serving: keyring.serving, ca: keyring.authorities() }).toEqual({ serving: material.serving, ca: '' });
    put(material, material.serving?.cert);
    await read();
    expect(certificatesIn(keyring.authorities()).length).toBe(1);
  });
});
