import { createHash } from 'node:crypto';
import { basename, extname } from 'node:path';
import type { MediaJobSpec } from '@mediajob/contract';

const UPLOAD = /^uploads\/([0-9A-HJKMNP-TV-Z]{26})\//;
const LONGEST = 40;

/** Name of a job that was given none: from the upload’s id, or from the file’s name for files of the inbox. */
export function defaultJobName({ source }: Pick<MediaJobSpec, 'source'>): string {
  const { path, url, s3 } = source;
  const [, uploadId] = UPLOAD.exec(path ?? '') ?? [];
  if (uploadId !== undefined) return `job-${uploadId.toLowerCase()}`;
  const where = path ?? url ?? `${s3?.bucket}/${s3?.key}`;
  const slug = basename(where, extname(where))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 20)
    .replace(/^-+|-+$/g, '');
  const hash = createHash('sha256').update(where).digest('hex').slice(0, 8);
  return `${slug === '' ? 'job' : slug}-${hash}`;
}

/** The `number`-th name after a default that is taken: another job of the same file. 1 is the default itself. */
export function numberedName(name: string, number: number): string {
  if (number === 1) return name;
  const suffix = `-${number}`;
  return `${name.slice(0, LONGEST - suffix.length)}${suffix}`;
}
