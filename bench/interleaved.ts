import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname } from 'node:path';

export interface Run {
  wallSeconds: number;
  cpuSeconds: number;
  peakRssMiB: number;
  /** 0 to 1. */
  wordErrorRate: number;
}

/** What one contestant did. */
export interface Results<Of extends Run = Run> {
  runs: Of[];
  /** Runs that were given up at the limit. */
  unfinished: number;
}

export interface Interleaved<Of extends Run> {
  contestants: ReadonlyMap<string, (signal: AbortSignal) => Promise<Of>>;
  rounds: number;
  /** For one run. */
  limitMs: number;
  /** Keeps what was measured, so that a run that was stopped goes on. */
  file: string;
  /** Figures under another description are thrown away. */
  about: string;
  fresh: boolean;
  /** @param loads of the machine, one at the beginning of each run */
  print(results: ReadonlyMap<string, Results<Of>>, loads: readonly number[]): void;
}

interface Stored<Of extends Run> {
  about: string;
  loads: number[];
  results: Record<string, Results<Of>>;
}

/** Runs all contestants again and again, in turn; every other round backwards. Prints after each round, and when it is stopped. */
export async function interleaved<Of extends Run>(bench: Interleaved<Of>): Promise<void> {
  const stored = bench.fresh ? undefined : read<Of>(bench.file);
  const kept = stored?.about === bench.about ? stored : undefined;
  const loads = kept?.loads ?? [];
  const results = new Map<string, Results<Of>>(
    [...bench.contestants.keys()].map((name) => [name, kept?.results[name] ?? { runs: [], unfinished: 0 }]),
  );
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => stop.abort(new DOMException(signal, 'AbortError')));
  try {
    for (let round = 1; round <= bench.rounds; round++) {
      const order = [...bench.contestants];
      for (const [name, run] of round % 2 ? order : order.reverse()) {
        const of = results.get(name) as Results<Of>;
        if (of.runs.length + of.unfinished >= round) continue;
        stop.signal.throwIfAborted();
        loads.push(loadavg()[0] ?? 0);
        const limit = AbortSignal.timeout(bench.limitMs);
        try {
          const it = await run(AbortSignal.any([stop.signal, limit]));
          of.runs.push(it);
          console.error(`round ${round}: ${name}: ${it.wallSeconds.toFixed(1)} s, CPU ${it.cpuSeconds.toFixed(1)} s`);
        } catch (error) {
          if (!limit.aborted || stop.signal.aborted) throw error;
          of.unfinished++;
          console.error(`round ${round}: ${name}: not ended within ${bench.limitMs / 1000} s`);
        }
        write(bench.file, { about: bench.about, loads, results: Object.fromEntries(results) });
      }
      if (round < bench.rounds) bench.print(results, loads);
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    console.error('stopped; the same command goes on from here');
    process.exitCode = 130;
  } finally {
    if (loads.length > 0) bench.print(results, loads);
  }
}

function read<Of extends Run>(file: string): Stored<Of> | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Stored<Of>;
  } catch {
    return undefined;
  }
}

function write(file: string, stored: Stored<Run>): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.partial`, JSON.stringify(stored));
  renameSync(`${file}.partial`, file);
}
