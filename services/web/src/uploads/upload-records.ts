import type { JobOptions } from '../preferences/preferences.ts';
import { readStored, writeStored } from '../preferences/preferences.ts';

/** What is remembered of an upload, so that it can go on after the page was closed. */
export interface UploadRecord {
  readonly name: string;
  readonly size: number;
  readonly lastModified: number;
  readonly mediaType: string;
  /** Address of the upload on the server. */
  readonly url: string;
  readonly sentBytes: number;
  readonly options: JobOptions;
}

/** Name, size and time of change: what tells whether a file chosen again is the same one. */
export function fileKey(file: { readonly name: string; readonly size: number; readonly lastModified: number }): string {
  return `${file.name}\n${file.size}\n${file.lastModified}`;
}

/** Where records are kept between visits. */
export interface RecordStorage {
  all(): readonly UploadRecord[];
  put(record: UploadRecord): void;
  remove(key: string): void;
}

const KEY = 'mediajob.uploads';

/** Records in localStorage. Every change reads what is there first: another tab may have written, too. */
export const browserRecords: RecordStorage = {
  all: readRecords,
  put: (record) => writeRecords([...readRecords().filter((it) => fileKey(it) !== fileKey(record)), record]),
  remove: (key) => writeRecords(readRecords().filter((it) => fileKey(it) !== key)),
};

function readRecords(): readonly UploadRecord[] {
  try {
    const value: unknown = JSON.parse(readStored(KEY) ?? '[]');
    return Array.isArray(value) ? value.filter(isRecord) : [];
  } catch {
    return [];
  }
}

function writeRecords(records: readonly UploadRecord[]): void {
  writeStored(KEY, JSON.stringify(records));
}

function isRecord(value: unknown): value is UploadRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Partial<Record<keyof UploadRecord, unknown>>;
  return (
    typeof record.name === 'string' &&
    typeof record.size === 'number' &&
    typeof record.lastModified === 'number' &&
    typeof record.url === 'string' &&
    typeof record.sentBytes === 'number' &&
    typeof record.options === 'object' &&
    record.options !== null
  );
}
