import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Usage } from '@mediajob/contract';
import { afterEach, describe, expect, it } from 'vitest';
import { processUsage, RunMeter } from '../../src/index.js';

const meters: RunMeter[] = [];
afterEach(() => {
  for (const meter of meters.splice(0)) meter.close();
});

function aMeter(sampleMs = 20): RunMeter {
  const meter = new RunMeter({ sampleMs });
  meters.push(meter);
  return meter;
}

/** A child that burns CPU for about `ms` of CPU time with `mib` MiB resident, by itself or in a child of its own. */
function burn(ms: number, mib = 1, nested = false): Promise<void> {
  const script = `
    const held = Buffer.alloc(${mib} * 1048576, 1);
    const end = process.cpuUsage().user + ${ms} * 1000;
    while (process.cpuUsage().user < end) Math.sqrt(held.length);`;
  const argv = nested
    ? ['-e', `require('node:child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(script)}])`]
    : ['-e', script];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, argv, { stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
}

async function usageOf(meter: RunMeter, work: () => Promise<void>): Promise<Usage | undefined> {
  let usage: () => Usage | undefined = () => undefined;
  await meter.measure(async (ask) => {
    usage = ask;
    await work();
  });
  return usage();
}

describe.skipIf(!existsSync('/proc/self/stat'))('the use of a run', () => {
  it('has the CPU time of its children, also of those that ended between two samples', async () => {
    const usage = await usageOf(aMeter(60_000), () => burn(300));
    expect(usage?.cpuSeconds).toBeGreaterThan(0.25);
  });

  it('has the CPU time of children of children', async () => {
    const usage = await usageOf(aMeter(), () => burn(300, 1, true));
    expect(usage?.cpuSeconds).toBeGreaterThan(0.25);
  });

  it('has the memory of its children', async () => {
    const usage = await usageOf(aMeter(), () => burn(200, 150));
    expect(usage?.maxRssBytes).toBeGreaterThan(150 * 1024 * 1024);
  });

  it('is each run’s own when two run at once', async () => {
    const meter = aMeter();
    const [busy, idle] = await Promise.all([usageOf(meter, () => burn(600)), usageOf(meter, () => burn(0))]);
    expect(busy?.cpuSeconds).toBeGreaterThan(0.5);
    expect(busy?.cpuSeconds ?? 0).toBeGreaterThan((idle?.cpuSeconds ?? 0) + 0.3);
  });

  it('of a shared child is divided among the runs of the moment', async () => {
    const meter = aMeter();
    let done = Promise.resolve();
    const start = async () => {
      meter.asShared(() => {
        done = burn(600);
      });
      await done;
    };
    const [first, second] = await Promise.all([usageOf(meter, start), usageOf(meter, () => done)]);
    const together = (first?.cpuSeconds ?? 0) + (second?.cpuSeconds ?? 0);
    expect(together).toBeGreaterThan(0.4);
    expect(second?.cpuSeconds).toBeGreaterThan(together / 4);
  });

  it('can be asked for while it lasts, however seldom samples are taken', async () => {
    await aMeter(60_000).measure(async (usage) => {
      await burn(300);
      expect(usage()?.cpuSeconds).toBeGreaterThan(0.25);
      expect(usage()?.maxRssBytes).toBeGreaterThan(0);
    });
  });

  it('can be asked for any process', () => {
    const usage = processUsage(process.pid);
    expect(usage?.maxRssBytes).toBeGreaterThan(10 * 1024 * 1024);
    expect(usage?.cpuSeconds).toBeGreaterThan(0);
    expect(processUsage(2 ** 30)).toBeUndefined();
  });
});
