import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyPair } from './certificate.js';

/** A certificate that vouches for servers, with its key while it may still sign. */
export interface Authority {
  readonly cert: string;
  readonly key?: string;
}

/** All of the Secret: authorities, the newest first, and what servers show. */
export interface KeyMaterial {
  readonly authorities: readonly Authority[];
  readonly serving?: KeyPair;
}

/** Keys of the Secret's data; those of `kubernetes.io/tls` where there is one, as cert-manager has them, too. */
export const SecretKey = { cert: 'tls.crt', key: 'tls.key', authorities: 'ca.crt', authorityKeys: 'ca.key' } as const;

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const PRIVATE_KEYS = /-----BEGIN (?:EC )?PRIVATE KEY-----[^-]+-----END (?:EC )?PRIVATE KEY-----/g;

/** The certificates in a PEM text that can be read; others are left out. */
export function certificatesIn(pem: string): X509Certificate[] {
  return (pem.match(CERTIFICATES) ?? []).flatMap((text) => readable(() => new X509Certificate(text)) ?? []);
}

/**
 * Reads what a Secret holds; its data is base64. What cannot be read, or does not belong together, counts as not there:
 * then it is made anew.
 */
export function materialOf(data: Readonly<Record<string, string>> | undefined): KeyMaterial {
  const text = (key: string) => Buffer.from(data?.[key] ?? '', 'base64').toString('utf8');
  const keys = text(SecretKey.authorityKeys).match(PRIVATE_KEYS) ?? [];
  const authorities = certificatesIn(text(SecretKey.authorities))
    .filter((it) => it.ca)
    .map((it): Authority => {
      const key = keys.find((candidate) => belongs(candidate, it));
      return { cert: pemOf(it), ...(key !== undefined && { key: `${key}\n` }) };
    });
  const serving = { cert: text(SecretKey.cert), key: text(SecretKey.key) };
  return { authorities, ...(isUsable(serving) && { serving }) };
}

/**
 * Reads what somebody else (cert-manager) keeps in a Secret. It has only the newest authority, so those that were seen
 * before stay known until they end: Jobs began under them. An authority is whatever stands in `ca.crt`: of a certificate
 * that is signed by itself, that very certificate.
 *
 * @param known PEM of the authorities known until now
 * @param now ms of the epoch
 */
export function foreignMaterialOf(
  data: Readonly<Record<string, string>> | undefined,
  known: string,
  now: number,
): KeyMaterial {
  const { serving } = materialOf(data);
  const newest = Buffer.from(data?.[SecretKey.authorities] ?? '', 'base64').toString('utf8');
  const all = new Map([...certificatesIn(newest), ...certificatesIn(known)].map((it) => [it.fingerprint256, it]));
  const authorities = [...all.values()]
    .filter((it) => now < it.validToDate.getTime())
    .map((it) => ({ cert: pemOf(it) }));
  return { authorities, ...(serving !== undefined && { serving }) };
}

/** The inverse of {@link materialOf}: the data of a Secret. */
export function secretDataOf({ authorities, serving }: KeyMaterial): Record<string, string> {
  const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64');
  return {
    [SecretKey.authorities]: base64(bundleOf({ authorities })),
    [SecretKey.authorityKeys]: base64(authorities.map((it) => it.key ?? '').join('')),
    ...(serving !== undefined && {
      [SecretKey.cert]: base64(serving.cert),
      [SecretKey.key]: base64(serving.key),
    }),
  };
}

/** PEM of all authorities, for whoever verifies. */
export function bundleOf({ authorities }: KeyMaterial): string {
  return authorities.map((it) => it.cert).join('');
}

export interface CertificateFacts {
  /** ms of the epoch */
  readonly notBefore: number;
  readonly notAfter: number;
  /** DNS names. */
  readonly names: readonly string[];
}

export function factsOf(pem: string): CertificateFacts {
  const certificate = new X509Certificate(pem);
  return {
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    names: (certificate.subjectAltName ?? '').split(', ').flatMap((it) => /^DNS:(.*)$/.exec(it)?.[1] ?? []),
  };
}

export function isIssuedBy(pem: string, authority: Authority): boolean {
  const issuer = new X509Certificate(authority.cert);
  const certificate = new X509Certificate(pem);
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** Whether a server can show it: a certificate, and its own key. */
export function isUsable({ cert, key }: KeyPair): boolean {
  const certificate = readable(() => new X509Certificate(cert));
  return certificate !== undefined && belongs(key, certificate);
}

function belongs(key: string, certificate: X509Certificate): boolean {
  return readable(() => certificate.checkPrivateKey(createPrivateKey(key))) === true;
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString().trim()}\n`;
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
