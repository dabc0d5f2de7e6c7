import { issueServing, makeAuthority } from './certificate.js';
import { type Authority, factsOf, isIssuedBy, type KeyMaterial } from './key-material.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How long certificates last and when the next one is made, in ms. */
export const ROTATION = {
  /** A certificate is valid from a little before it is made: clocks differ. */
  backdated: HOUR_MS,
  serving: 90 * DAY_MS,
  servingRenewLeft: 30 * DAY_MS,
  authority: 365 * DAY_MS,
  /** The next authority is made when the newest has so much left; more than `announced` and `serving` together. */
  authorityRenewLeft: 120 * DAY_MS,
  /** An authority is told to Jobs for so long before it signs anything: a Job knows only those of its own beginning. */
  announced: 30 * DAY_MS,
} as const;

/** A renewal that would gain less is none: what an authority signs ends with it. */
const LEAST_GAIN_MS = DAY_MS;

/**
 * What the key material should be from now on; the very same object when nothing has to change.
 *
 * Jobs get the authorities of the moment in which they are made, and are never touched again. So a new authority is
 * announced long before it signs, an old one stays known until it ends, and only its key is thrown away, once another
 * one signs. Without any that is valid a new one signs at once: then Jobs that run lose their progress, and nothing else.
 *
 * A clock that is behind never drops what is of the future for it: another replica's was right when it made that.
 *
 * @param now ms of the epoch
 * @param names DNS names of the server
 */
export async function rotated(material: KeyMaterial, names: readonly string[], now: number): Promise<KeyMaterial> {
  let authorities = material.authorities.filter((it) => now < factsOf(it.cert).notAfter);
  const newest = Math.max(...authorities.filter(canSign).map((it) => factsOf(it.cert).notAfter));
  if (newest - now < ROTATION.authorityRenewLeft) {
    const validity = { notBefore: now - ROTATION.backdated, notAfter: now + ROTATION.authority };
    authorities = [await makeAuthority(validity), ...authorities];
  }
  const signer = signerOf(authorities, now);
  const { serving } = material;
  const renewed = serving === undefined || isDue(serving.cert, signer, names, now);
  const kept = authorities.map((it) => (mayStillSign(it, signer) ? it : { cert: it.cert }));
  if (!renewed && sameAuthorities(kept, material.authorities)) return material;
  return { authorities: kept, serving: renewed ? await servingBy(signer, names, now) : serving };
}

type Signer = Required<Authority>;

function canSign(authority: Authority): authority is Signer {
  return authority.key !== undefined;
}

/** The newest that was announced long enough; without one the oldest, which is known best. */
function signerOf(authorities: readonly Authority[], now: number): Signer {
  const able = authorities.filter(canSign).sort((a, b) => factsOf(b.cert).notBefore - factsOf(a.cert).notBefore);
  const signer = able.find((it) => now - factsOf(it.cert).notBefore >= ROTATION.announced) ?? able.at(-1);
  if (signer === undefined) throw new TypeError('there is no authority that can sign');
  return signer;
}

/** The one that signs, and those that come after it. */
function mayStillSign(authority: Authority, signer: Signer): boolean {
  return factsOf(authority.cert).notBefore >= factsOf(signer.cert).notBefore;
}

function isDue(cert: string, signer: Signer, names: readonly string[], now: number): boolean {
  const facts = factsOf(cert);
  const left = facts.notAfter - now;
  if (left <= 0 || !isIssuedBy(cert, signer)) return true;
  if (names.some((name) => !facts.names.includes(name)) || facts.names.length !== names.length) return true;
  return left < ROTATION.servingRenewLeft && endOfServing(signer, now) - facts.notAfter >= LEAST_GAIN_MS;
}

function servingBy(signer: Signer, names: readonly string[], now: number) {
  return issueServing(signer, names, { notBefore: now - ROTATION.backdated, notAfter: endOfServing(signer, now) });
}

function endOfServing(signer: Signer, now: number): number {
  return Math.min(now + ROTATION.serving, factsOf(signer.cert).notAfter);
}

function sameAuthorities(a: readonly Authority[], b: readonly Authority[]): boolean {
  return a.length === b.length && a.every((it, index) => it.cert === b[index]?.cert && it.key === b[index]?.key);
}
