import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const BLOCK = 512;

export interface ArchivedFile {
  /** Without a leading slash. */
  readonly path: string;
  readonly content: Buffer;
}

/**
 * An image of one layer with executable files and nothing else, as `docker save` writes it: for programs that need no
 * system around them, where neither a registry nor an image builder is at hand.
 */
export function dockerArchive(
  name: string,
  files: readonly ArchivedFile[],
  { entrypoint, user = '65535:65535' }: { entrypoint: readonly string[]; user?: string },
): Buffer {
  const layer = tar(files, 0o755);
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: { Entrypoint: entrypoint, User: user },
      rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    }),
  );
  const configPath = `${sha256(config)}.json`;
  const manifest = Buffer.from(JSON.stringify([{ Config: configPath, RepoTags: [name], Layers: ['layer.tar'] }]));
  return tar(
    [
      { path: configPath, content: config },
      { path: 'layer.tar', content: layer },
      { path: 'manifest.json', content: manifest },
    ],
    0o644,
  );
}

export function archivedFile(path: string, source: string): ArchivedFile {
  return { path, content: readFileSync(source) };
}

/** POSIX ustar; no times and no owners, so that the same files make the same image. */
function tar(files: readonly ArchivedFile[], mode: number): Buffer {
  const parts: Buffer[] = [];
  for (const { path, content } of files) {
    if (Buffer.byteLength(path) > 100) throw new Error(`${path} is too long a name for a tar header`);
    const header = Buffer.alloc(BLOCK);
    header.write(path, 0);
    header.write(octal(mode, 7), 100);
    header.write(octal(0, 7), 108);
    header.write(octal(0, 7), 116);
    header.write(octal(content.length, 11), 124);
    header.write(octal(0, 11), 136);
    header.write(' '.repeat(8), 148); // the checksum is taken over blanks in its own place
    header.write('0', 156);
    header.write('ustar\u000000', 257);
    header.write(
      `${octal(
        header.reduce((sum, byte) => sum + byte, 0),
        6,
      )}\u0000 `,
      148,
    );
    parts.push(header, content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');
const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
