import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConverterEnv, type StageName, TranscriberEnv } from '@mediajob/contract';
import {
  type ChosenEngine,
  chooseEngine,
  cpuBudget,
  installedModel,
  modelMissing,
  openEngine,
  replicasFor,
  statesFor,
  statesOf,
} from '@mediajob/speech';
import { Volume } from '@mediajob/storage';
import type { z } from 'zod';
import type { StepContext, StepLogger } from './context.js';
import { EnginePool } from './engine-pool.js';
import { stepError } from './failure.js';
import { checkMemory } from './memory-check.js';

/** The part of a context that comes from the environment; the rest belongs to one run. */
export type StepTools = Pick<StepContext, 'volume' | 'ffmpeg' | 'engines' | 'reserveBytes'>;

/** There where a container, or the machine, has a GPU of NVIDIA's. */
const NVIDIA_DEVICES = '/dev/nvidiactl';

/** Engines as the transcriber's settings say: states from the cgroup's CPUs and memory unless they are set. */
export function enginePoolOf(env: TranscriberEnv, { log }: { log: StepLogger }): EnginePool {
  const modelsDir = resolve(env.MEDIAJOB_MODELS_DIR ?? `${env.MEDIAJOB_DATA_DIR}/models`);
  return new EnginePool({
    ttlMs: env.MEDIAJOB_MODEL_TTL,
    keepWarm: env.MEDIAJOB_DEFAULT_MODEL,
    async identify(name) {
      const model = await installedModel(modelsDir, name);
      if (model === undefined) throw modelMissing(modelsDir, name);
      return { modelPath: model.path, modelBytes: model.bytes, modelSha256: model.sha256 };
    },
    open: async ({ name, modelPath, modelBytes }) => {
      const chosen = engineOf(env);
      if (chosen.instead !== undefined) log.info({ engine: chosen.kind }, `whisper.cpp decodes: ${chosen.instead}`);
      // On a GPU the weights lie in its own memory, of which only the engine knows.
      if (!existsSync(NVIDIA_DEVICES)) {
        checkMemory({ name, modelBytes }, { kind: chosen.kind, memoryBytes: cpuBudget().memoryBytes });
      }
      const sizes = sizesOf(chosen, env, modelBytes);
      const stallMs = env.MEDIAJOB_STALL_TIMEOUT;
      return await openEngine({ program: chosen.program, modelPath, ...sizes, stallMs, logger: log });
    },
    onError: (error) => log.warn({ err: error }, 'an engine could not be closed properly'),
  });
}

/** The engine that the transcriber's settings mean on this machine. */
export function engineOf(env: Pick<TranscriberEnv, 'MEDIAJOB_SPEECH_ENGINE' | 'MEDIAJOB_ENGINE'>): ChosenEngine {
  return chooseEngine(env.MEDIAJOB_SPEECH_ENGINE, { ...process.env, MEDIAJOB_ENGINE: env.MEDIAJOB_ENGINE });
}

function sizesOf({ kind }: ChosenEngine, env: TranscriberEnv, modelBytes: number) {
  const threads = env.MEDIAJOB_THREADS;
  const wanted = env.MEDIAJOB_STATES;
  if (kind === 'whispercpp') return { threads, states: wanted ?? statesFor(cpuBudget(), { modelBytes, threads }) };
  const sizes =
    wanted === undefined
      ? replicasFor(cpuBudget(), { modelBytes, threads })
      : { replicas: wanted, states: statesOf(wanted) };
  return { threads, ...sizes };
}

/**
 * What a Job's container needs for a stage, from its environment.
 * @throws StepError InvalidArguments naming the setting that is wrong
 */
export function stepToolsOf(stage: StageName, env: NodeJS.ProcessEnv, log: StepLogger): StepTools {
  switch (stage) {
    case 'transcribe':
    case 'finalize': {
      const settings = parseEnv(TranscriberEnv, env);
      return { ...commonOf(settings), engines: enginePoolOf(settings, { log }) };
    }
    case 'convert':
    case 'render':
    case 'cleanup': {
      const settings = parseEnv(ConverterEnv, env);
      const ffmpeg = { path: settings.MEDIAJOB_FFMPEG, stallMs: settings.MEDIAJOB_STALL_TIMEOUT };
      return { ...commonOf(settings), ffmpeg };
    }
  }
}

function commonOf(settings: ConverterEnv | TranscriberEnv) {
  return {
    volume: new Volume(resolve(settings.MEDIAJOB_DATA_DIR)),
    reserveBytes: settings.MEDIAJOB_RESERVE_BYTES,
  };
}

function parseEnv<Schema extends z.ZodType>(schema: Schema, env: NodeJS.ProcessEnv): z.output<Schema> {
  // An empty variable is one that is not set: so do all shells and Kubernetes templates leave it.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
  throw stepError('InvalidArguments', `The environment is not valid: ${wrong.join('; ')}.`, parsed.error);
}
