import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  bundleOf,
  certificatesIn,
  factsOf,
  isUsable,
  type KeyMaterial,
  materialOf,
  secretDataOf,
} from './key-material.js';
import { ROTATION, rotated } from './key-rotation.js';

const NAMES = ['mediajob-operator.mediajob-system.svc'];
const START = Date.parse('2026-01-01T00:00:00Z');
const DAY_MS = 86_400_000;
const NOTHING: KeyMaterial = { authorities: [] };

/** Whether somebody who knows these authorities believes a server that shows this certificate at that time. */
function believes(bundle: string, serving: string, now: number): boolean {
  const facts = factsOf(serving);
  const certificate = new X509Certificate(serving);
  const issuer = certificatesIn(bundle).find((it) => certificate.checkIssued(it) && certificate.verify(it.publicKey));
  if (issuer === undefined || now < facts.notBefore || now >= facts.notAfter) return false;
  return now >= issuer.validFromDate.getTime() && now < issuer.validToDate.getTime();
}

const through = (material: KeyMaterial) => materialOf(secretDataOf(material));

describe('the keys of the receiver', () => {
  it('over three years: every Job of the last 30 days verifies every server, each day', async () => {
    let material = NOTHING;
    const bundles: string[] = [];
    const servings = new Set<string>();
    for (let day = 0; day < 3 * 365; day++) {
      const now = START + day * DAY_MS;
      const before = material;
      material = await rotated(material, NAMES, now);
      // What is in the Secret is all that the next one knows.
      if (material !== before) material = through(material);
      bundles.push(bundleOf(material));
      const serving = material.serving?.cert ?? '';
      servings.add(serving);
      for (const bundle of new Set(bundles.slice(-30)))
        expect([day, believes(bundle, serving, now)]).toEqual([day, true]);
      expect(factsOf(serving).notAfter - now).toBeGreaterThan(ROTATION.servingRenewLeft - DAY_MS);
      expect(material.authorities.length).toBeLessThanOrEqual(3);
      expect(material.authorities.filter((it) => it.key !== undefined).length).toBeLessThanOrEqual(2);
    }
    // About every 60 days a new certificate, and every 245 a new authority, which signs anew 30 days later.
    expect(servings.size).toBeGreaterThanOrEqual(18);
    expect(servings.size).toBeLessThanOrEqual(26);
  });

  it('do not change while nothing is due', async () => {
    const material = await rotated(NOTHING, NAMES, START);
    expect(await rotated(material, NAMES, START + 59 * DAY_MS)).toBe(material);
    const read = through(material);
    expect(await rotated(read, NAMES, START + 59 * DAY_MS)).toBe(read);
  });

  it('of the server are renewed with 30 days left, by the same authority', async () => {
    const material = await rotated(NOTHING, NAMES, START);
    const later = await rotated(material, NAMES, START + 61 * DAY_MS);
    expect(later.authorities).toEqual(material.authorities);
    expect(later.serving?.cert).not.toBe(material.serving?.cert);
    expect(factsOf(later.serving?.cert ?? '').notAfter).toBe(START + (61 + 90) * DAY_MS);
  });

  it('are made for the names of the server, and anew when these change', async () => {
    const material = await rotated(NOTHING, NAMES, START);
    expect(factsOf(material.serving?.cert ?? '').names).toEqual(NAMES);
    const more = [...NAMES, 'progress.example.org'];
    const renamed = await rotated(material, more, START);
    expect(factsOf(renamed.serving?.cert ?? '').names).toEqual(more);
    expect(renamed.authorities).toEqual(material.authorities);
    const fewer = await rotated(renamed, NAMES, START);
    expect(factsOf(fewer.serving?.cert ?? '').names).toEqual(NAMES);
  });

  it('after nobody was there for two years are made anew at once', async () => {
    const old = await rotated(NOTHING, NAMES, START);
    const now = START + 730 * DAY_MS;
    const material = await rotated(old, NAMES, now);
    expect(material.authorities.length).toBe(1);
    expect(believes(bundleOf(material), material.serving?.cert ?? '', now)).toBe(true);
  });

  it('after nobody was there until shortly before the authority ends, serve with it until then, once', async () => {
    const old = await rotated(NOTHING, NAMES, START);
    const now = START + 350 * DAY_MS;
    const material = await rotated(old, NAMES, now);
    expect(material.authorities.length).toBe(2);
    expect(believes(bundleOf(old), material.serving?.cert ?? '', now)).toBe(true);
    expect(await rotated(material, NAMES, now + DAY_MS)).toBe(material);
    const after = await rotated(material, NAMES, START + 366 * DAY_MS);
    expect(believes(bundleOf(material), after.serving?.cert ?? '', START + 366 * DAY_MS)).toBe(true);
  });

  it('are not thrown away by a clock that is behind', async () => {
    const material = await rotated(NOTHING, NAMES, START);
    expect(await rotated(material, NAMES, START - 7 * DAY_MS)).toBe(material);
  });

  it('lose the key of an authority as soon as the next one signs', async () => {
    let material = await rotated(NOTHING, NAMES, START);
    const first = material.authorities[0];
    for (const day of [246, 260, 277]) material = await rotated(material, NAMES, START + day * DAY_MS);
    expect(material.authorities.map((it) => [it.cert === first?.cert, it.key !== undefined])).toEqual([
      [false, true],
      [true, false],
    ]);
    expect(secretDataOf(material)['ca.key']).not.toContain(Buffer.from(first?.key ?? '').toString('base64'));
  });
});

describe('what a Secret holds', () => {
  it('is read as it was written', async () => {
    const material = await rotated(NOTHING, NAMES, START);
    expect(through(material)).toEqual(material);
    expect(isUsable(material.serving ?? { cert: '', key: '' })).toBe(true);
  });

  it('is mended where it is damaged, and only there', async () => {
    const material = await rotated(NOTHING, NAMES, START);
    const other = await rotated(NOTHING, NAMES, START);
    const data = secretDataOf(material);
    const damaged: [what: string, data: Record<string, string>, authorityStays: boolean][] = [
      ['no serving key', { ...data, 'tls.key': '' }, true],
      ['the key of another', { ...data, 'tls.key': secretDataOf(other)['tls.key'] ?? '' }, true],
      ['half a certificate', { ...data, 'tls.crt': (data['tls.crt'] ?? '').slice(0, 200) }, true],
      ['no base64', { ...data, 'tls.crt': '%%%' }, true],
      ['the certificate of another authority', { ...data, ...servingOf(other) }, true],
      ['no authority’s key', { ...data, 'ca.key': '' }, true],
      ['no authority', { ...data, 'ca.crt': '' }, false],
    ];
    for (const [what, spoilt, authorityStays] of damaged) {
      const mended = await rotated(materialOf(spoilt), NAMES, START);
      const [first] = material.authorities;
      expect([what, bundleOf(mended).includes(first?.cert ?? '')]).toEqual([what, authorityStays]);
      expect([what, believes(bundleOf(mended), mended.serving?.cert ?? '', START)]).toEqual([what, true]);
    }
    expect(materialOf(undefined)).toEqual({ authorities: [] });
  });
});

function servingOf(material: KeyMaterial): Record<string, string> {
  const { 'tls.crt': cert = '', 'tls.key': key = '' } = secretDataOf(material);
  return { 'tls.crt': cert, 'tls.key': key };
}
