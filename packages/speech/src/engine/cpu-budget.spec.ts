import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { cpuBudget, leastMemory, replicasFor, statesFor } from './cpu-budget.js';

const GIB = 1024 ** 3;
const roots: string[] = [];

function machine(files: Record<string, string>) {
  const root = mkdtempSync(join(tmpdir(), 'cgroup-'));
  roots.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return { root, cpus: 16, memoryBytes: 64 * GIB };
}

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

describe('cpuBudget', () => {
  it('is the machine where there are no control groups', () => {
    expect(cpuBudget(machine({}))).toEqual({ cpus: 16, memoryBytes: 64 * GIB });
  });

  it('is the machine where no group sets a limit', () => {
    const files = {
      'proc/self/cgroup': '0::/\n',
      'sys/fs/cgroup/cpu.max': 'max 100000\n',
      'sys/fs/cgroup/memory.max': 'max\n',
    };
    expect(cpuBudget(machine(files))).toEqual({ cpus: 16, memoryBytes: 64 * GIB });
  });

  it('follows a container’s quota and memory limit in version 2', () => {
    const files = {
      'proc/self/cgroup': '0::/\n',
      'sys/fs/cgroup/cpu.max': '400000 100000\n',
      'sys/fs/cgroup/memory.max': `${4 * GIB}\n`,
    };
    expect(cpuBudget(machine(files))).toEqual({ cpus: 4, memoryBytes: 4 * GIB });
  });

  it('takes the tightest limit of all groups above the process', () => {
    const files = {
      'proc/self/cgroup': '0::/system.slice/media.service/worker\n',
      'sys/fs/cgroup/system.slice/cpu.max': '300000 100000\n',
      'sys/fs/cgroup/system.slice/media.service/cpu.max': '600000 100000\n',
      'sys/fs/cgroup/system.slice/media.service/worker/cpu.max': 'max 100000\n',
      'sys/fs/cgroup/system.slice/media.service/memory.max': `${2 * GIB}\n`,
    };
    expect(cpuBudget(machine(files))).toEqual({ cpus: 3, memoryBytes: 2 * GIB });
  });

  it('follows a container’s quota and memory limit in version 1', () => {
    const files = {
      'proc/self/cgroup': '5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n1:name=systemd:/docker/abc\n',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '250000\n',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes': `${3 * GIB}\n`,
    };
    expect(cpuBudget(machine(files))).toEqual({ cpus: 2, memoryBytes: 3 * GIB });
  });

  it('knows version 1’s ways to say that there is no limit', () => {
    const files = {
      'proc/self/cgroup': '5:cpu,cpuacct:/\n4:memory:/\n',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    };
    expect(cpuBudget(machine(files))).toEqual({ cpus: 16, memoryBytes: 64 * GIB });
  });

  it('gives one CPU to a process with half of one', () => {
    const files = { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '50000 100000\n' };
    expect(cpuBudget(machine(files)).cpus).toBe(1);
  });

  it('never leaves the directory of the groups, whatever the path of a group says', () => {
    const files = { 'proc/self/cgroup': '0::/../../../x\n', 'x/cpu.max': '100000 100000\n' };
    expect(cpuBudget(machine(files)).cpus).toBe(16);
  });
});

describe('statesFor', () => {
  const modelBytes = 82_000_000;

  it('gives every CPU a state when memory allows', () => {
    expect(statesFor({ cpus: 8, memoryBytes: 16 * GIB }, { modelBytes, threads: 1 })).toBe(8);
  });

  it('divides the CPUs by the threads of a state', () => {
    expect(statesFor({ cpus: 8, memoryBytes: 16 * GIB }, { modelBytes, threads: 4 })).toBe(2);
  });

  it('takes fewer states when there is little memory, and one at least', () => {
    const few = statesFor({ cpus: 16, memoryBytes: GIB }, { modelBytes, threads: 1 });
    expect(few).toBeGreaterThan(1);
    expect(few).toBeLessThan(8);
    expect(statesFor({ cpus: 16, memoryBytes: 64 * 1024 * 1024 }, { modelBytes, threads: 1 })).toBe(1);
  });
});

describe('replicasFor', () => {
  const modelBytes = 82 * 1024 * 1024;

  it('gives each CPU a worker, and each worker two batches in hand', () => {
    expect(replicasFor({ cpus: 2, memoryBytes: 8 * GIB }, { modelBytes, threads: 1 })).toEqual({
      replicas: 2,
      states: 32,
    });
    expect(replicasFor({ cpus: 8, memoryBytes: 16 * GIB }, { modelBytes, threads: 4 }).replicas).toBe(2);
  });

  it('gives fewer where memory is short, and never more windows than an engine takes', () => {
    expect(replicasFor({ cpus: 16, memoryBytes: GIB / 2 }, { modelBytes, threads: 1 }).replicas).toBe(1);
    expect(replicasFor({ cpus: 64, memoryBytes: 64 * GIB }, { modelBytes, threads: 1 }).states).toBe(64);
  });
});

describe('leastMemory', () => {
  it.each(['whispercpp', 'ctranslate2'] as const)(
    'is what one state or worker of %s takes beside the weights',
    (kind) => {
      const modelBytes = 80 * 1024 ** 2;
      const least = leastMemory(kind, modelBytes);
      expect(least).toBeGreaterThan(modelBytes + 100 * 1024 ** 2);
      expect(least).toBeLessThan(modelBytes + 250 * 1024 ** 2);
      expect(leastMemory(kind, 3 * GIB)).toBeGreaterThan(4 * GIB);
    },
  );
});
