import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { DocumentError, errnoOf, InputNotFoundError, storageErrorOf } from './errors.js';

/**
 * Reads a JSON document and checks it against its schema.
 * @throws InputNotFoundError; DocumentError naming the file, the field and what is wrong; StorageError
 */
export async function readJson<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
  return parseDocument(path, await readText(path), schema);
}

/** {@link readJson}, or undefined when there is no such file. */
export async function readJsonIfExists<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  try {
    return await readJson(path, schema);
  } catch (error) {
    if (error instanceof InputNotFoundError) return undefined;
    throw error;
  }
}

/** Text of a file. An NFS handle that went stale because the file was just replaced is opened once more. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8').catch((error: unknown) => {
      if (errnoOf(error) !== 'ESTALE') throw error;
      return readFile(path, 'utf8');
    });
  } catch (error) {
    throw storageErrorOf(error, 'reading', path);
  }
}

/** @throws DocumentError */
export function parseDocument<Schema extends z.ZodType>(path: string, text: string, schema: Schema): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DocumentError(
      `${path} is not JSON (${text.length} characters): it is damaged and has to be made again.`,
      {
        cause: error,
      },
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.length ? issue.path.join('.') : 'the document';
  throw new DocumentError(
    `${path} is not as it should be: ${field}: ${issue?.message ?? 'not valid'}. It was written by another version, or is damaged.`,
    { cause: parsed.error },
  );
}
