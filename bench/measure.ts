import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second of /proc/<pid>/stat; 100 on every Linux we know. */
const TICKS = 100;

export interface Measured {
  wallSeconds: number;
  cpuSeconds: number;
  /** Largest sum of resident memory of the process and its descendants, in MiB, sampled every 50 ms. */
  peakRssMiB: number;
  stdout: string;
}

/** Runs a command to its end, or kills it, and measures the whole process. Throws when it fails. Linux only. */
export async function measure(
  program: string,
  args: string[],
  { signal }: { signal?: AbortSignal } = {},
): Promise<Measured> {
  const started = process.hrtime.bigint();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = (): void => void child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  const sampler = sampleTree([child.pid as number]);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const { peakRssMiB, cpuSeconds } = sampler.stop();
  signal?.removeEventListener('abort', kill);
  signal?.throwIfAborted();
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}\n${stderr.slice(-2000)}`);
  return { wallSeconds: Number(process.hrtime.bigint() - started) / 1e9, cpuSeconds, peakRssMiB, stdout };
}

/** Samples memory (MiB) and CPU time of processes and all their descendants until stop(). */
export function sampleTree(
  roots: number[],
  everyMs = 50,
): { stop(): { peakRssMiB: number; cpuSeconds: number }; series: number[] } {
  let peak = 0;
  const cpu = new Map<number, number>();
  const series: number[] = [];
  const sample = (): void => {
    let sum = 0;
    for (const pid of descendants(roots)) {
      const usage = usageOf(pid);
      if (!usage) continue;
      sum += usage.rssBytes;
      cpu.set(pid, usage.cpuSeconds);
    }
    peak = Math.max(peak, sum);
    series.push(Math.round(sum / 2 ** 20));
  };
  const timer = setInterval(sample, everyMs);
  sample();
  return {
    series,
    stop() {
      clearInterval(timer);
      return { peakRssMiB: Math.round(peak / 2 ** 20), cpuSeconds: [...cpu.values()].reduce((sum, it) => sum + it, 0) };
    },
  };
}

function descendants(roots: number[]): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = statFields(Number(name));
      const parent = Number(fields[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // ended meanwhile
    }
  }
  const all: number[] = [];
  const visit = (pid: number): void => {
    all.push(pid);
    for (const child of children.get(pid) ?? []) visit(child);
  };
  for (const root of roots) visit(root);
  return all;
}

/** Fields of /proc/<pid>/stat behind the name, which may hold spaces: [0] state, [1] parent … */
function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function usageOf(pid: number): { rssBytes: number; cpuSeconds: number } | undefined {
  try {
    const fields = statFields(pid);
    return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS, rssBytes: Number(fields[21]) * 4096 };
  } catch {
    return undefined;
  }
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}
