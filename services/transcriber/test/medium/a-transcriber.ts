import { accessSync, constants } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type ConvertResult, type StepRequest, type StepResult, TaskStatus } from '@mediajob/contract';
import { type RunningService, startService } from '@mediajob/service/nest';
import { cacheDir, enginePath } from '@mediajob/speech';
import { runStep } from '@mediajob/steps';
import { prepareVolume, Volume } from '@mediajob/storage';
import { expect, vi } from 'vitest';
import { transcriberService } from '../../src/transcriber.service.js';

export const JOB_ID = '0f3c9a52-1111-4222-8333-444455556666';
const UPLOAD = 'uploads/01JDMEDIAJ0B00000000000001';
const SAMPLE = resolve(import.meta.dirname, '../../../../samples/jfk.mp3');
export const MODELS_DIR = process.env.MEDIAJOB_MODELS_DIR || join(cacheDir(), 'models');

/** Whether the engine and the base model are here; where they are not, says what would bring them (and fails in CI). */
export function speechIsHere(): boolean {
  try {
    accessSync(process.env.MEDIAJOB_ENGINE || enginePath(), constants.X_OK);
    accessSync(join(MODELS_DIR, 'base.bin'), constants.R_OK);
    return true;
  } catch (error) {
    const message = 'The engine or the base model is missing. Bring them by: npm run setup';
    if (process.env.CI === 'true') throw new Error(message, { cause: error });
    console.warn(`skipped: ${message}`);
    return false;
  }
}

export interface Transcriber {
  service: RunningService;
  dataDir: string;
  volume: Volume;
  lines: Record<string, unknown>[];
  fetch(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, body?: unknown): Promise<Response>;
  put(id: string, body: StepRequest): Promise<Response>;
  finished(id: string): Promise<TaskStatus>;
  metrics(): Promise<string>;
}

const running: { service: RunningService; dataDir: string }[] = [];

/** The real transcriber on free ports, with a volume of its own and this machine's models. */
export async function aTranscriber(environment: Record<string, string> = {}): Promise<Transcriber> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mediajob-transcriber-'));
  await prepareVolume(dataDir);
  const lines: Record<string, unknown>[] = [];
  const service = await startService({
    ...transcriberService(),
    environment: {
      MEDIAJOB_ENGINE: process.env.MEDIAJOB_ENGINE,
      MEDIAJOB_MODELS_DIR: MODELS_DIR,
      MEDIAJOB_PORT: '0',
      MEDIAJOB_METRICS_PORT: '0',
      MEDIAJOB_DATA_DIR: dataDir,
      MEDIAJOB_RESERVE_BYTES: '1MB',
      MEDIAJOB_STATES: '1',
      ...environment,
    },
    processMetrics: false,
    stdout: { write: (line) => lines.push(JSON.parse(line)) },
  });
  running.push({ service, dataDir });
  const call = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${service.port}${path}`, init);
  const send = (method: string, path: string, body: unknown) =>
    call(path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body ?? {}) });
  return {
    service,
    dataDir,
    volume: new Volume(dataDir),
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
        { timeout: 100_000, interval: 100 },
      ),
    metrics: async () => (await fetch(`http://127.0.0.1:${service.metricsPort}/metrics`)).text(),
  };
}

export async function endTranscribers(): Promise<void> {
  for (const { service, dataDir } of running.splice(0)) {
    await service.stop('test is over');
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** What the converter would have done: a job's audio and plan, of the bundled speech or of a file made by the caller. */
export async function converted(volume: Volume, source = SAMPLE): Promise<ConvertResult> {
  await mkdir(join(volume.root, UPLOAD), { recursive: true });
  await copyFile(source, join(volume.root, UPLOAD, 'source'));
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const result: StepResult = await runStep(
    {
      stage: 'convert',
      jobId: JOB_ID,
      runId: 'talk-convert-0-1',
      source: `${UPLOAD}/source`,
      audioTrack: 0,
      transcript: true,
      plan: { targetMs: 300_000, windowMs: 30_000 },
      maxDurationMs: 3_600_000,
    },
    {
      volume,
      signal: AbortSignal.timeout(60_000),
      log,
      progress() {},
      ffmpeg: { path: 'ffmpeg', stallMs: 60_000 },
      reserveBytes: 1,
      now: () => new Date(),
    },
  );
  if (result.stage !== 'convert') throw new Error('not converted');
  return result;
}
