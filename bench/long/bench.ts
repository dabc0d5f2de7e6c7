import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MediaJob, Transcript } from '@mediajob/contract';
import { System } from '../../test/system/services.ts';
import { loopedSpeech } from '../../test/system/speech.ts';
import { sampleTree } from '../measure.ts';

// An hour of looped speech with pauses: once undisturbed, once with every service killed again and again. The
// transcripts must be the same; memory of each service is sampled, and its first and last quarter compared.
const MINUTES = Number(process.argv[2] ?? 60);
const KILL_EVERY_MS = 30_000;

const directory = mkdtempSync(join(tmpdir(), 'mediajob-long-'));
const audio = join(directory, 'speech.flac');
loopedSpeech(audio, Math.round((MINUTES * 60) / 13));

interface Outcome {
  job: MediaJob;
  transcript: Transcript;
  seconds: number;
  kills: number;
  memory: Map<string, number[]>;
}

async function run(withKills: boolean): Promise<Outcome> {
  const system = await System.start();
  const samplers = new Map(system.instances.map((it) => [it.name, sampleTree([it.child?.pid as number])]));
  let kills = 0;
  let done = false;
  const killer = (async () => {
    for (let turn = 0; withKills && !done; turn++) {
      await new Promise((resolve) => setTimeout(resolve, KILL_EVERY_MS));
      if (done) break;
      const instance = system.instances[turn % system.instances.length];
      if (!instance) break;
      await system.kill(instance);
      kills++;
      system.launch(instance);
      await system.untilReady(instance);
    }
  })();
  try {
    const started = performance.now();
    const { metadata } = await system.submit(audio);
    let job: MediaJob | undefined;
    while (!job || !['Succeeded', 'Failed', 'Cancelled'].includes(job.status.phase)) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      job = await system.client.job(metadata.uid).catch(() => job);
    }
    const seconds = (performance.now() - started) / 1000;
    done = true;
    await killer;
    if (job.status.phase !== 'Succeeded') throw new Error(job.status.message);
    const transcript = await system.client.transcript(metadata.uid);
    return {
      job,
      transcript,
      seconds,
      kills,
      memory: new Map([...samplers].map(([name, sampler]) => [name, sampler.series])),
    };
  } finally {
    done = true;
    for (const sampler of samplers.values()) sampler.stop();
    await system.stop();
  }
}

try {
  const calm = await run(false);
  const killed = await run(true);
  const same = JSON.stringify(calm.transcript) === JSON.stringify(killed.transcript);
  console.log(`${cpus()[0]?.model}, ${cpus().length} CPUs; ${MINUTES} min of looped speech with pauses, model base\n`);
  console.log(`undisturbed: ${calm.seconds.toFixed(0)} s (${((MINUTES * 60) / calm.seconds).toFixed(1)} × realtime)`);
  console.log(
    `with ${killed.kills} kills: ${killed.seconds.toFixed(0)} s; transcript ${same ? 'the same' : 'DIFFERENT'}; attempt ${killed.job.status.attempt}\n`,
  );
  console.log('| service | memory, first quarter: peak MiB | last quarter: peak MiB |\n|---|---|---|');
  for (const [name, series] of calm.memory) {
    const quarter = Math.floor(series.length / 4);
    console.log(`| ${name} | ${Math.max(...series.slice(0, quarter))} | ${Math.max(...series.slice(-quarter))} |`);
  }
  process.exitCode = same ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
