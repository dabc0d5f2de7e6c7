import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { MediaJob, Transcript } from '@mediajob/contract';
import { hasEnded, System } from '../../test/system/services.ts';
import { loopedSpeech } from '../../test/system/speech.ts';
import { median, sampleTree } from '../measure.ts';

// An hour of looped speech with pauses: once undisturbed, once with every service killed again and again. The
// transcripts must be the same; memory of each service and its children is sampled, and the quarters of the run compared.
//   npm run bench -- long [MINUTES] [--kill-every 2]
const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'kill-every': { type: 'string', default: '2' } },
});
const MINUTES = Number(positionals[0] ?? 60);
/** Percent of the job's progress between two kills: so the machine's load decides neither their number nor the outcome. */
const KILL_EVERY = Number(given['kill-every']);
const SAMPLE_EVERY_MS = 1000;

const directory = mkdtempSync(join(tmpdir(), 'mediajob-long-'));
const audio = join(directory, 'speech.flac');
loopedSpeech(audio, Math.round((MINUTES * 60) / 13));

interface Outcome {
  job: MediaJob;
  transcript: Transcript;
  seconds: number;
  kills: Record<string, number>;
  memory: Map<string, number[]>;
}

async function run(withKills: boolean): Promise<Outcome> {
  const system = await System.start();
  // What is killed has another process afterwards: memory is measured in the undisturbed run alone.
  const samplers = withKills
    ? new Map()
    : new Map(system.instances.map((it) => [it.name, sampleTree([it.child?.pid as number], SAMPLE_EVERY_MS)]));
  const kills: Record<string, number> = Object.fromEntries(system.instances.map((it) => [it.name, 0]));
  try {
    const started = performance.now();
    const { metadata } = await system.submit(audio);
    let job: MediaJob | undefined;
    let killAt = KILL_EVERY;
    let turn = 0;
    while (!job || !hasEnded(job)) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      job = await system.client.job(metadata.uid).catch(() => job);
      const percent = job?.status.progress?.percent ?? 0;
      if (!job || hasEnded(job) || percent < killAt) continue;
      console.error(`${percent.toFixed(1)} % after ${((performance.now() - started) / 1000).toFixed(0)} s`);
      killAt = percent + KILL_EVERY;
      const instance = system.instances[turn++ % system.instances.length];
      if (!withKills || !instance) continue;
      await system.kill(instance);
      kills[instance.name] = (kills[instance.name] ?? 0) + 1;
      system.launch(instance);
      await system.untilReady(instance);
    }
    const seconds = (performance.now() - started) / 1000;
    if (job.status.phase !== 'Succeeded') throw new Error(job.status.message);
    const transcript = await system.client.transcript(metadata.uid);
    return {
      ...{ job, transcript, seconds, kills },
      memory: new Map([...samplers].map(([name, sampler]) => [name, sampler.series])),
    };
  } finally {
    for (const sampler of samplers.values()) sampler.stop();
    await system.stop();
  }
}

try {
  const calm = await run(false);
  const [load] = loadavg();
  console.log(
    `${cpus()[0]?.model}, ${cpus().length} CPUs, load ${load?.toFixed(1)}; ${MINUTES} min of looped speech with pauses, model base\n`,
  );
  console.log(`undisturbed: ${calm.seconds.toFixed(0)} s (${((MINUTES * 60) / calm.seconds).toFixed(1)} × realtime)`);
  console.log('\n| service, with its children | memory in MiB, median (peak): 1st quarter | 2nd | 3rd | 4th |');
  console.log('|---|---|---|---|---|');
  for (const [name, series] of calm.memory) {
    const quarters = [0, 1, 2, 3].map((it) =>
      series.slice(Math.floor((series.length * it) / 4), Math.floor((series.length * (it + 1)) / 4)),
    );
    console.log(`| ${name} | ${quarters.map((it) => `${median(it)} (${Math.max(...it)})`).join(' | ')} |`);
  }
  const killed = await run(true);
  const same = JSON.stringify(calm.transcript) === JSON.stringify(killed.transcript);
  const count = Object.entries(killed.kills).map(([name, times]) => `${name} ${times}`);
  console.log(
    `\nkilled with SIGKILL (${count.join(', ')}): ${killed.seconds.toFixed(0)} s; ` +
      `transcript of ${calm.transcript.word_segments.length} words ${same ? 'the same' : 'DIFFERENT'}; ` +
      `attempt ${killed.job.status.attempt}`,
  );
  process.exitCode = same ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
