import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import type { EngineKind } from './engine-files.js';

export interface CpuBudget {
  /** CPUs this process may use, at least 1; a fraction of a quota is dropped, but a quota below 1 counts as 1. */
  cpus: number;
  /** Memory this process may use. */
  memoryBytes: number;
}

interface Machine {
  /** Directory under which /proc and /sys lie. */
  root?: string;
  cpus?: number;
  memoryBytes?: number;
}

/**
 * What this process may use: the machine's, or what its control groups (v1 or v2) leave of it. Every group from the
 * process's own up to the root counts: a limit of any of them holds. Node's availableParallelism sees CPU sets, but not
 * every version sees quotas, and memory limits are seen by none.
 */
export function cpuBudget({
  root = '/',
  cpus = availableParallelism(),
  memoryBytes = totalmem(),
}: Machine = {}): CpuBudget {
  const groups = groupDirectories(root);
  const quotas = [
    ...groups.unified.map((directory) => quotaV2(directory)),
    ...groups.cpu.map((directory) => quotaV1(directory)),
  ].filter((it) => it !== undefined);
  const limits = [
    ...groups.unified.map((directory) => bytesIn(join(directory, 'memory.max'))),
    ...groups.memory.map((directory) => bytesIn(join(directory, 'memory.limit_in_bytes'))),
  ].filter((it) => it !== undefined);
  return {
    cpus: Math.max(1, Math.floor(Math.min(cpus, ...quotas))),
    memoryBytes: Math.min(memoryBytes, ...limits),
  };
}

/** What an engine needs, in bytes: once, and for each state (whisper.cpp) or worker (CTranslate2) beside it. */
function needsOf(kind: EngineKind, modelBytes: number): { once: number; each: number } {
  const MIB = 1024 * 1024;
  // A state takes about 180 MiB with a base model and grows with the model, a worker 160, most of it for the encoder's attention.
  return kind === 'whispercpp'
    ? { once: modelBytes, each: 130 * MIB + modelBytes * 0.6 }
    : { once: 20 * MIB + modelBytes, each: 120 * MIB + modelBytes * 0.5 };
}

/** Bytes without which there is no use in loading a model: its weights and one state or worker. */
export function leastMemory(kind: EngineKind, modelBytes: number): number {
  const { once, each } = needsOf(kind, modelBytes);
  return Math.ceil(once + each);
}

/** As many as fit: a quarter of the memory is left to everything else. */
function byMemory({ memoryBytes }: CpuBudget, { once, each }: { once: number; each: number }): number {
  return Math.floor((memoryBytes * 0.75 - once) / each);
}

/** How many windows whisper.cpp is to decode at once: one for each `threads` CPUs, as far as memory allows. */
export function statesFor(budget: CpuBudget, { modelBytes, threads }: { modelBytes: number; threads: number }): number {
  const most = byMemory(budget, needsOf('whispercpp', modelBytes));
  return Math.min(64, Math.max(1, Math.min(Math.floor(budget.cpus / threads), most)));
}

/**
 * How a CTranslate2 engine is to be sized: workers over the same weights, one for each `threads` CPUs as far as memory allows,
 * and windows in its hands. Two batches for each worker are: while one is decoded, the next is prepared.
 */
export function replicasFor(
  budget: CpuBudget,
  { modelBytes, threads }: { modelBytes: number; threads: number },
): { replicas: number; states: number } {
  const most = byMemory(budget, needsOf('ctranslate2', modelBytes));
  const replicas = Math.min(32, Math.max(1, Math.min(Math.floor(budget.cpus / threads), most)));
  return { replicas, states: statesOf(replicas) };
}

/** Windows in the hands of an engine with so many workers. */
export function statesOf(replicas: number): number {
  return Math.min(64, replicas * 2 * BATCH);
}

/** Windows that a worker decodes side by side (ct2_backend.cpp). */
const BATCH = 8;

/** Directories of the process's own groups and all above them, by hierarchy. */
function groupDirectories(root: string): { unified: string[]; cpu: string[]; memory: string[] } {
  const result = { unified: [] as string[], cpu: [] as string[], memory: [] as string[] };
  // Inside a container with its own cgroup namespace the path is /; without one it names a group that is mounted elsewhere,
  // and the limits stand at the mount's root: both ends of the walk are looked at.
  for (const line of (textOf(join(root, 'proc/self/cgroup')) ?? '').split('\n')) {
    const [, hierarchy, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (hierarchy === undefined || controllers === undefined || path === undefined) continue;
    const mount = join(root, 'sys/fs/cgroup');
    if (hierarchy === '0' && controllers === '') {
      // Beside v1 hierarchies the unified one is mounted in a directory of its own.
      result.unified.push(...upwards(mount, path), ...upwards(join(mount, 'unified'), path));
      continue;
    }
    const names = controllers.split(',');
    for (const name of ['cpu', 'memory'] as const) {
      if (!names.includes(name)) continue;
      result[name].push(...upwards(join(mount, name), path), ...upwards(join(mount, controllers), path));
    }
  }
  return result;
}

function upwards(mount: string, path: string): string[] {
  const parts = path.split('/').filter((it) => it && it !== '..' && it !== '.');
  return [...parts.map((_, depth) => join(mount, ...parts.slice(0, parts.length - depth))), mount];
}

/** cpu.max: `max 100000` or `150000 100000`, microseconds of CPU in each period. */
function quotaV2(directory: string): number | undefined {
  const [, quota, period] = /^(\d+) (\d+)/.exec(textOf(join(directory, 'cpu.max')) ?? '') ?? [];
  return quota === undefined ? undefined : Number(quota) / Number(period);
}

function quotaV1(directory: string): number | undefined {
  const quota = Number(textOf(join(directory, 'cpu.cfs_quota_us')) ?? -1);
  const period = Number(textOf(join(directory, 'cpu.cfs_period_us')) ?? 0);
  return quota > 0 && period > 0 ? quota / period : undefined;
}

/** A number of bytes; `max`, or v1's page-aligned 2⁶³, is no limit. */
function bytesIn(path: string): number | undefined {
  const text = textOf(path)?.trim();
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  const bytes = Number(text);
  return bytes > 0 && bytes < 2 ** 60 ? bytes : undefined;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // not Linux, or a hierarchy that is not there
  }
}
