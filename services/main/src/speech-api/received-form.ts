import type { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import type { UploadInfo } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import type { Request } from 'express';
import { readAway } from '../uploads/unread-body.js';

/** What a form with a file brought. */
export interface ReceivedForm {
  /** Values of its fields by name, in order; `name[]` stands under `name`. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly upload: UploadInfo;
}

/** Takes the bytes of the file to the volume while they come. */
export type TakeFile = (bytes: Readable, fileName: string) => Promise<UploadInfo>;

const LIMITS = { fieldNameSize: 100, fieldSize: 64 * 1024, fields: 40, files: 1, parts: 41, headerPairs: 100 };

/**
 * Receives multipart/form-data with one file. The fields may come before or after it.
 *
 * @param name - of the field that holds the file
 * @throws ProblemError invalid-request when it is no such form; whatever `take` throws, with the rest of the body read away
 */
export async function receiveForm(request: Request, name: string, take: TakeFile): Promise<ReceivedForm> {
  const type = request.headers['content-type'] ?? '';
  if (!/^multipart\/form-data\s*;/i.test(type)) {
    throw invalid(`Send the recording as multipart/form-data with a field “${name}”.`);
  }
  const fields = new Map<string, string[]>();
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  let taking: Promise<UploadInfo> | undefined;
  let current: Readable | undefined;
  let form: InstanceType<typeof Busboy>;
  try {
    form = new Busboy({ headers: { ...request.headers, 'content-type': type }, limits: LIMITS });
  } catch (error) {
    throw invalid(`The form cannot be read: ${reasonOf(error)}.`, error);
  }
  form.on('field', (field, value, _nameCut, cut) => {
    if (cut) return reject(invalid(`The field “${field}” is longer than ${LIMITS.fieldSize} bytes.`));
    const key = field.replace(/\[\d*\]$/, '');
    fields.set(key, [...(fields.get(key) ?? []), value]);
  });
  form.on('file', (field, bytes, fileName) => {
    // Whoever destroys it has told the error already.
    bytes.on('error', () => {});
    if (field !== name) {
      bytes.resume();
      return reject(invalid(`The file is in the field “${field}”. Send it in “${name}”.`));
    }
    current = bytes;
    taking = take(bytes, fileName ?? '');
    taking.catch(reject);
  });
  for (const limit of ['filesLimit', 'fieldsLimit', 'partsLimit'] as const) {
    form.on(limit, () => reject(invalid('The form has more than one file, or too many fields.')));
  }
  form.on('error', (error) => reject(invalid(`The form cannot be read: ${reasonOf(error)}.`, error)));
  form.on('finish', () => resolve());
  request.once('close', () => {
    if (!request.complete) reject(invalid('The connection ended in the middle of the form.'));
  });
  request.pipe(form);
  try {
    await done;
    if (taking === undefined) throw invalid(`There is no file in the form. Send it in the field “${name}”.`);
    return { fields, upload: await taking };
  } catch (error) {
    request.unpipe(form);
    current?.destroy(error instanceof Error ? error : undefined);
    request.res?.once('finish', () => readAway(request));
    throw error;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\.$/, '') : 'it is damaged';
}

function invalid(detail: string, cause?: unknown): ProblemError {
  return new ProblemError('invalid-request', detail, cause === undefined ? {} : { cause });
}
