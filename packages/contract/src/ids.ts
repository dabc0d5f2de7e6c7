import { z } from 'zod';

/** A MediaJob's name: a DNS label of at most 40 characters, so that names of child Jobs still fit into 63. */
export const JobName = z
  .string()
  .max(40)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    'must be a DNS label: a-z, 0-9 and -, beginning and ending with a letter or digit',
  )
  .describe('Name of the MediaJob: a DNS label of at most 40 characters.');

/** A MediaJob's UID (a UUID); directories on the volume carry it, never the name, which may be used again. */
export const JobId = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'must be a UUID in lower case')
  .describe('UID of the MediaJob.');
export type JobId = z.infer<typeof JobId>;

/** An upload's id: a ULID made by the server. A person's file name is never part of a path. */
export const UploadId = z
  .string()
  .regex(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'must be a ULID')
  .describe('Id of the upload, a ULID.');
export type UploadId = z.infer<typeof UploadId>;

/** Name of one file in outputs/<jobId>/. */
export const OutputName = z
  .string()
  .max(64)
  .regex(/^[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)*$/, 'must be a plain lower-case file name')
  .describe('Name of a file among the outputs.');
export type OutputName = z.infer<typeof OutputName>;

export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe('SHA-256 in lower-case hexadecimal.');

/**
 * A path on the media volume, relative to its root, with `/` between segments.
 * Syntax only; that it stays inside the volume and crosses no link is checked where it is opened (packages/storage).
 */
export const VolumePath = z
  .string()
  .min(1)
  .max(512)
  .regex(
    /^(?!\/)(?!.*(^|\/)\.{1,2}(\/|$))(?!.*\/(\/|$))[^\p{Cc}\\]+$/u,
    'must be a relative path without ".", ".." or empty segments',
  )
  .describe('Path relative to the root of the media volume.');
export type VolumePath = z.infer<typeof VolumePath>;
