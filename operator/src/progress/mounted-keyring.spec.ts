import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../../../packages/kube/test/manual-clock.js';
import { RecordedLog } from '../../../packages/kube/test/recorded-log.js';
import { bundleOf, certificatesIn, type KeyMaterial } from './key-material.js';
import { rotated } from './key-rotation.js';
import { MountedKeyring } from './mounted-keyring.js';

const DAY_MS = 86_400_000;

async function aMount() {
  const directory = await mkdtemp(join(tmpdir(), 'mediajob-tls-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const clock = new ManualClock();
  const log = new RecordedLog();
  const keyring = new MountedKeyring({ directory, environment: { clock, random: () => 0.5, log } });
  const put = async (material: KeyMaterial, withAuthority = true) => {
    await writeFile(join(directory, 'tls.crt'), material.serving?.cert ?? '');
    await writeFile(join(directory, 'tls.key'), material.serving?.key ?? '');
    if (withAuthority) await writeFile(join(directory, 'ca.crt'), bundleOf(material));
    else await rm(join(directory, 'ca.crt'), { force: true });
  };
  const aMaterial = () => rotated({ authorities: [] }, ['operator.svc'], clock.now());
  return { directory, clock, log, keyring, put, aMaterial };
}

describe('keys that somebody mounts', () => {
  it('are used as they are, and again when they change', async () => {
    const { keyring, put, aMaterial } = await aMount();
    let changes = 0;
    keyring.onChange(() => {
      changes += 1;
    });
    const first = await aMaterial();
    await put(first);
    await keyring.read();
    await keyring.read();
    expect({ serving: keyring.serving, changes }).toEqual({ serving: first.serving, changes: 1 });
    const second = await aMaterial();
    await put(second);
    await keyring.read();
    expect({ serving: keyring.serving, changes }).toEqual({ serving: second.serving, changes: 2 });
  });

  it('keep an old authority known until it ends', async () => {
    const { keyring, clock, put, aMaterial } = await aMount();
    const first = await aMaterial();
    await put(first);
    await keyring.read();
    await clock.advance(100 * DAY_MS);
    const second = await aMaterial();
    await put(second);
    await keyring.read();
    expect(keyring.authorities()).toBe(bundleOf(second) + bundleOf(first));
    await clock.advance(300 * DAY_MS);
    await keyring.read();
    expect(certificatesIn(keyring.authorities()).length).toBe(1);
    expect(keyring.authorities()).toBe(bundleOf(second));
  });

  it('of an issuer that the system trusts need no authority', async () => {
    const { keyring, put, aMaterial } = await aMount();
    const material = await aMaterial();
    await put(material, false);
    await keyring.read();
    expect(keyring.serving).toEqual(material.serving);
    expect(keyring.authorities()).toBe('');
  });

  it('that do not belong together are left alone until they do', async () => {
    const { directory, keyring, log, put, aMaterial } = await aMount();
    await keyring.read();
    expect(keyring.serving).toBeUndefined();
    const first = await aMaterial();
    await put(first);
    await keyring.read();
    const second = await aMaterial();
    await writeFile(join(directory, 'tls.crt'), second.serving?.cert ?? '');
    await keyring.read();
    await keyring.read();
    expect(keyring.serving).toEqual(first.serving);
    await put(second);
    await keyring.read();
    expect(keyring.serving).toEqual(second.serving);
    // Once for each reason.
    expect(log.lines.map((it) => String(it.fields.why))).toEqual([
      expect.stringMatching(/ENOENT/),
      'tls.crt and tls.key do not belong together',
    ]);
  });
});
