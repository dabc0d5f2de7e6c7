import { readdirSync, readFileSync } from 'node:fs';

/** What /proc says about one process. */
export interface ProcessSample {
  pid: number;
  parentPid: number;
  /** Clock ticks since boot at which it began: tells a pid from a later process with the same number. */
  startTicks: number;
  /** Seconds of CPU time of its own, user and system. */
  cpuSeconds: number;
  /** The same of its children that ended and were waited for. */
  reapedCpuSeconds: number;
  rssBytes: number;
  /** Largest resident memory so far (VmHWM). */
  peakRssBytes: number;
}

/** USER_HZ: 100 on every architecture that Linux runs Node on, whatever the kernel's own CONFIG_HZ is. */
const TICKS_PER_SECOND = 100;

/** One process, or undefined when it is gone or the system has no /proc. */
export function readProcess(pid: number): ProcessSample | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold spaces and parentheses itself; fields are counted from its end (proc(5)).
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [, parentPid = 0] = fields;
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
    return {
      pid,
      parentPid,
      startTicks: fields[19] ?? 0,
      cpuSeconds: ((fields[11] ?? 0) + (fields[12] ?? 0)) / TICKS_PER_SECOND,
      reapedCpuSeconds: ((fields[13] ?? 0) + (fields[14] ?? 0)) / TICKS_PER_SECOND,
      rssBytes: kib('VmRSS'),
      peakRssBytes: kib('VmHWM'),
    };
  } catch {
    return undefined;
  }
}

/** A process and everything it started that still lives, the process first. Empty where there is no /proc. */
export function readProcessTree(pid: number): ProcessSample[] {
  const root = readProcess(pid);
  if (root === undefined) return [];
  const tree = [root];
  // The list grows while it is walked: children of children.
  for (const parent of tree) {
    for (const child of childrenOf(parent.pid)) {
      const sample = readProcess(child);
      if (sample !== undefined && sample.parentPid === parent.pid) tree.push(sample);
    }
  }
  return tree;
}

function childrenOf(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    // A kernel without CONFIG_PROC_CHILDREN, or a thread that has just ended.
    return scanForChildrenOf(pid);
  }
}

function scanForChildrenOf(pid: number): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((candidate) => readProcess(candidate)?.parentPid === pid);
  } catch {
    return [];
  }
}

/** CPU time and memory of a process with its living children; undefined where there is no /proc. */
export function processUsage(pid: number): { cpuSeconds: number; maxRssBytes: number } | undefined {
  const tree = readProcessTree(pid);
  if (tree.length === 0) return undefined;
  return {
    cpuSeconds: tree.reduce((sum, it) => sum + it.cpuSeconds + it.reapedCpuSeconds, 0),
    maxRssBytes: tree.reduce((sum, it) => sum + it.peakRssBytes, 0),
  };
}
