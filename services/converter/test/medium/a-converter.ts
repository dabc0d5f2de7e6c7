import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type StepRequest, TaskStatus } from '@mediajob/contract';
import { type RunningService, startService } from '@mediajob/service/nest';
import { expect, vi } from 'vitest';
import { converterService } from '../../src/converter.service.js';

export const JOB_ID = '0f3c9a52-1111-4222-8333-444455556666';
/** A ULID; what an upload of that id would be. */
export const SOURCE = 'uploads/01JDMEDIAJ0B00000000000001/source';

export interface Converter {
  service: RunningService;
  dataDir: string;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, body: unknown): Promise<Response>;
  put(id: string, body: StepRequest): Promise<Response>;
  /** The status of a task once it has finished. */
  finished(id: string): Promise<TaskStatus>;
  /** Log lines so far, parsed. */
  lines: Record<string, unknown>[];
}

const running: { service: RunningService; dataDir?: string }[] = [];

/** The real converter on free ports; with a volume of its own unless one is given. */
export async function aConverter(
  options: { dataDir?: string; environment?: Record<string, string> } = {},
): Promise<Converter> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'mediajob-converter-')));
  await mkdir(join(dataDir, 'uploads', '01JDMEDIAJ0B00000000000001'), { recursive: true });
  const lines: Record<string, unknown>[] = [];
  const service = await startService({
    ...converterService(),
    environment: {
      MEDIAJOB_PORT: '0',
      MEDIAJOB_METRICS_PORT: '0',
      MEDIAJOB_DATA_DIR: dataDir,
      MEDIAJOB_RESERVE_BYTES: '1MB',
      ...options.environment,
    },
    processMetrics: false,
    stdout: { write: (line) => lines.push(JSON.parse(line)) },
  });
  running.push(options.dataDir === undefined ? { service, dataDir } : { service });
  const call = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${service.port}${path}`, init);
  const send = (method: string, path: string, body: unknown) =>
    call(path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return {
    service,
    dataDir,
    lines,
    fetch: call,
    post: (path, body) => send('POST', path, body),
    put: (id, body) => send('PUT', `/v1/tasks/${id}`, body),
    finished: (id) =>
      vi.waitFor(
        async () => {
          const status = TaskStatus.parse(await (await call(`/v1/tasks/${id}`)).json());
          expect(status.finishedAt).toBeDefined();
          return status;
        },
        { timeout: 60_000, interval: 50 },
      ),
  };
}

export async function endConverters(): Promise<void> {
  for (const { service, dataDir } of running.splice(0)) {
    await service.stop('test is over');
    if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true });
  }
}

/** Writes a real file by ffmpeg, given what follows `-y`. */
export function ffmpeg(...argv: string[]): void {
  execFileSync('ffmpeg', ['-nostdin', '-loglevel', 'error', '-y', ...argv]);
}

/** A tone of so many seconds as MP3. */
export function aTone(path: string, seconds: number): void {
  ffmpeg('-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`, '-f', 'mp3', path);
}

/** The same tone for hours, quickly: long enough that a test can stop what works on it. */
export function aLongTone(path: string, hours: number): void {
  const minute = `${path}.minute`;
  aTone(minute, 60);
  ffmpeg('-stream_loop', String(hours * 60 - 1), '-i', minute, '-c', 'copy', '-f', 'mp3', path);
}
