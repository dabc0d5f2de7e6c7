import 'reflect-metadata';
import { createPublicKey, generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

/** PEM texts. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly certificate: string;
}

/** As Kubernetes reads a certificate: the user and the groups. */
export interface Subject {
  readonly user: string;
  readonly groups?: readonly string[];
}

x509.cryptoProvider.set(webcrypto as Crypto);

/** A certificate authority that lives as long as one test: elliptic curves, so that a certificate takes a millisecond. */
export class Authority {
  readonly certificate: string;
  readonly key: string;
  readonly #keys: CryptoKeyPair;
  readonly #name: string;

  private constructor(name: string, keys: CryptoKeyPair, certificate: string, key: string) {
    this.#name = name;
    this.#keys = keys;
    this.certificate = certificate;
    this.key = key;
  }

  static async create(name: string): Promise<Authority> {
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      ...validity(),
      name: `CN=${name}`,
      keys,
      signingAlgorithm: EC,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new Authority(name, keys, certificate.toString('pem'), await privatePem(keys));
  }

  /** For a server that answers at these addresses. */
  server(name: string, addresses: { dns: readonly string[]; ip: readonly string[] }): Promise<KeyAndCertificate> {
    return this.#issue([{ CN: [name] }], x509.ExtendedKeyUsage.serverAuth, [
      new x509.SubjectAlternativeNameExtension([
        ...addresses.dns.map((value) => ({ type: 'dns' as const, value })),
        ...addresses.ip.map((value) => ({ type: 'ip' as const, value })),
      ]),
    ]);
  }

  client({ user, groups = [] }: Subject): Promise<KeyAndCertificate> {
    return this.#issue(
      [...groups.map((group) => ({ O: [group] })), { CN: [user] }],
      x509.ExtendedKeyUsage.clientAuth,
      [],
    );
  }

  async #issue(
    subject: x509.JsonName,
    usage: x509.ExtendedKeyUsage,
    extensions: readonly x509.Extension[],
  ): Promise<KeyAndCertificate> {
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      ...validity(),
      subject,
      issuer: `CN=${this.#name}`,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: EC,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        await x509.AuthorityKeyIdentifierExtension.create(this.#keys.publicKey),
        ...extensions,
      ],
    });
    return { key: await privatePem(keys), certificate: certificate.toString('pem') };
  }
}

/** The pair that signs and checks service account tokens. */
export function signingKeys(): { privateKey: string; publicKey: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privateKey: privateKey.export({ type: 'sec1', format: 'pem' }) as string,
    publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string,
  };
}

function generateKeys(): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']) as Promise<CryptoKeyPair>;
}

async function privatePem(keys: CryptoKeyPair): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
}

/** From yesterday on: a test may set its clock back, and two machines never agree. */
function validity(): { serialNumber: string; notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return {
    serialNumber: randomBytes(16)
      .toString('hex')
      .replace(/^[89a-f]/, '1'),
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + 30 * DAY_MS),
  };
}
