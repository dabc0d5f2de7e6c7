import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { bundleAll } from '../../scripts/images/bundle.ts';
import { ROOT } from '../../scripts/setup/paths.ts';

// npm run bench -- start [TIMES]: how long each program takes until it serves, and what memory it has then; as the images
// run it, bundled, and as the checkout does, by its packages.
const times = Number(process.argv[2] ?? 5);
const work = mkdtempSync(join(tmpdir(), 'mediajob-bench-start-'));
const TICK_MS = 10;

const PROGRAMS = {
  main: { bundled: 'main/dist/server.js', plain: 'services/main/dist/server.js', ready: 'listening' },
  converter: { bundled: 'converter/dist/server.js', plain: 'services/converter/dist/server.js', ready: 'listening' },
  transcriber: {
    bundled: 'transcriber/dist/server.js',
    plain: 'services/transcriber/dist/server.js',
    ready: 'listening',
  },
  // It has no cluster here: it is put together, says that it starts, and waits.
  operator: { bundled: 'operator/dist/operator.js', plain: 'operator/dist/server.js', ready: 'the operator starts' },
};

interface Start {
  wallMs: number;
  cpuMs: number;
  rssMiB: number;
}

async function start(program: string, ready: string): Promise<Start> {
  const began = performance.now();
  const child = spawn(process.execPath, [program], {
    cwd: work,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      KUBECONFIG: join(work, 'kubeconfig'),
      MEDIAJOB_DATA_DIR: join(work, 'data'),
      MEDIAJOB_PORT: '0',
      MEDIAJOB_METRICS_PORT: '0',
      MEDIAJOB_PROGRESS_PORT: '0',
      MEDIAJOB_CONVERTER_IMAGE: 'converter',
      MEDIAJOB_TRANSCRIBER_IMAGE: 'transcriber',
      MEDIAJOB_LEADER_ELECTION: 'false',
    },
  });
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      if ((JSON.parse(line) as { msg: string }).msg !== ready) continue;
      const wallMs = performance.now() - began;
      const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      const cpuMs = (Number(stat[11]) + Number(stat[12])) * TICK_MS;
      child.stdout.resume();
      await delay(2000);
      const rss = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
      return { wallMs, cpuMs, rssMiB: Number(rss) / 1024 };
    }
    throw new Error(`${program} did not start`);
  } finally {
    child.kill('SIGKILL');
  }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

try {
  writeFileSync(
    join(work, 'kubeconfig'),
    JSON.stringify({
      'current-context': 'none',
      contexts: [{ name: 'none', context: { cluster: 'none', user: 'none' } }],
      clusters: [{ name: 'none', cluster: { server: 'https://127.0.0.1:9' } }],
      users: [{ name: 'none', user: { token: 'none' } }],
    }),
  );
  await bundleAll(join(work, 'bundle'));
  console.log('| program | | until it serves, ms | CPU, ms | memory, MiB |\n|---|---|---|---|---|');
  for (const [name, { bundled, plain, ready }] of Object.entries(PROGRAMS))
    for (const [kind, program] of [
      ['bundled', join(work, 'bundle', bundled)],
      ['by packages', join(ROOT, plain)],
    ] as const) {
      const starts: Start[] = [];
      for (let i = 0; i < times; i++) starts.push(await start(program, ready));
      const of = (field: keyof Start): string => median(starts.map((it) => it[field])).toFixed(0);
      console.log(`| ${name} | ${kind} | ${of('wallMs')} | ${of('cpuMs')} | ${of('rssMiB')} |`);
    }
} finally {
  rmSync(work, { recursive: true, force: true });
}
