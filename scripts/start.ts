import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CreateJobInput, MediaJob } from '@mediajob/contract';
import { ApiError, Client } from './run/client.ts';
import { parseOptions, type StartOptions, USAGE } from './run/options.ts';
import { describeJob, ProgressLine } from './run/progress-line.ts';
import { LocalServices } from './run/services.ts';
import { ROOT } from './setup/paths.ts';
import { MODELS_DIR, setUp } from './setup/setup.ts';
import { SetupError, say } from './setup/step.ts';

const DATA_DIR = process.env.MEDIAJOB_DATA_DIR ?? join(ROOT, 'data');
const POLL_MS = 300;

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

process.exitCode = await main().catch((error: unknown) => {
  if (stop.signal.aborted) return 130;
  if (error instanceof SetupError) {
    say(`\nerror: ${error.message}\nwhat to do: ${error.mend}`);
    return 69;
  }
  say(`\nerror: ${error instanceof Error ? error.message : String(error)}`);
  if (process.env.MEDIAJOB_VERBOSE) console.error(error);
  return 1;
});

async function main(): Promise<number> {
  let options: StartOptions;
  try {
    options = parseOptions(process.argv.slice(2), process.env.MEDIAJOB_INVOCATION_DIR ?? process.cwd());
  } catch (error) {
    say(`error: ${(error as Error).message}\n\n${USAGE}`);
    return 64;
  }
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const missing = options.files.filter((file) => !existsSync(file) || !statSync(file).isFile());
  if (missing.length > 0) {
    say(`error: no such file: ${missing.join(', ')}`);
    return 66;
  }

  await setUp({ models: [...new Set(['base', options.model])], signal: stop.signal });
  const services = new LocalServices({
    port: options.port,
    dataDir: DATA_DIR,
    modelsDir: MODELS_DIR,
    verbose: options.verbose,
  });
  const client = new Client(services.mainUrl);
  const alreadyRunning = await client.isMediaJob();
  if (alreadyRunning) say(`MediaJob is already running on ${services.mainUrl}; using it`);
  try {
    if (!alreadyRunning) await services.start(stop.signal);
    if (!options.exit) say(`MediaJob is ready: http://localhost:${options.port}`);
    if (!options.exit && options.files.length === 0 && options.open) openBrowser(`http://localhost:${options.port}`);
    const codes: number[] = [];
    for (const file of options.files) codes.push(await runFile(client, file, options));
    if (!options.exit && !alreadyRunning) {
      say('Ctrl-C stops it; unfinished jobs go on at the next start.');
      await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }));
    }
    return codes.find((code) => code !== 0) ?? 0;
  } finally {
    if (!alreadyRunning) await services.stop();
  }
}

/** Sends one file through the public API, shows how it goes, prints the transcript; resolves to an exit code. */
async function runFile(client: Client, file: string, options: StartOptions): Promise<number> {
  const line = new ProgressLine();
  say(`\n${basename(file)}`);
  try {
    const upload = await client.upload(
      file,
      (fraction) => line.show(`upload ${Math.floor(fraction * 100)}%`, `upload ${Math.floor(fraction * 10)}`),
      stop.signal,
    );
    line.end();
    let job = await client.createJob(jobFor(upload, file, options));
    for (;;) {
      job = await client.job(job.metadata.uid);
      const { text, milestone } = describeJob(job);
      line.show(text, milestone);
      if (['Succeeded', 'Failed', 'Cancelled'].includes(job.status.phase)) break;
      await delay(POLL_MS, undefined, { signal: stop.signal });
    }
    line.end();
    return await report(client, job);
  } catch (error) {
    line.end();
    if (!(error instanceof ApiError)) throw error;
    say(`error: ${error.message}${(error.problem.errors ?? []).map((it) => `\n  ${it.path}: ${it.message}`).join('')}`);
    return error.status === 415
      ? 65
      : error.status === 507
        ? 73
        : error.status === 422 || error.status === 400
          ? 64
          : 1;
  }
}

function jobFor(upload: string, file: string, options: StartOptions): CreateJobInput {
  return {
    metadata: { title: basename(file) },
    spec: {
      source: { path: `uploads/${upload}/source` },
      convert: {
        renditions: options.renditions.map((format) =>
          ['mp4', 'mkv', 'webm'].includes(format) ? { format, subtitles: options.videoSubtitles } : { format },
        ),
      },
      transcribe: {
        model: options.model,
        language: options.language,
        task: options.task,
        quality: options.quality,
        formats: options.formats,
        subtitles: { preset: options.subtitles },
      },
    },
  } as CreateJobInput; // main judges what the command line says, and answers with the field that is wrong
}

async function report(client: Client, job: MediaJob): Promise<number> {
  if (job.status.phase !== 'Succeeded') {
    say(`${job.status.phase}: ${job.status.message}`);
    return job.status.attempts.at(-1)?.exitCode ?? 1;
  }
  const transcript = await client.transcript(job.metadata.uid);
  process.stdout.write(
    `\n${transcript.segments.map((segment) => segment.text.trim()).join('\n') || '(no speech)'}\n\n`,
  );
  const directory = join(DATA_DIR, 'outputs', job.metadata.uid);
  for (const output of job.status.outputs) process.stdout.write(`${join(directory, output.name)}\n`);
  return 0;
}

function openBrowser(url: string): void {
  if (!process.stdout.isTTY || process.env.CI) return;
  const program =
    process.platform === 'darwin'
      ? 'open'
      : process.platform === 'win32'
        ? 'explorer'
        : process.env.DISPLAY || process.env.WAYLAND_DISPLAY
          ? 'xdg-open'
          : undefined;
  if (!program) return;
  spawn(program, [url], { stdio: 'ignore', detached: true })
    .on('error', () => {}) // no browser: the address is printed
    .unref();
}
