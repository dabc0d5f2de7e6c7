import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { CreateJobInput } from '@mediajob/contract';
import { ApiError, Client } from './run/client.ts';

const SAMPLE = join(import.meta.dirname, '../samples/jfk.mp3');
const SENTENCE = 'ask not what your country can do for you';
const POLL_MS = 500;
const USAGE = `mediajob-smoke --url URL [--model NAME] [--timeout SECONDS] [--keep]

Sends the bundled speech to a MediaJob through its public API, waits for the transcript and looks for its sentence.

  --url URL          where main answers, such as http://main:8000
  --model NAME       of the catalog (default: base)
  --timeout SECONDS  how long all of it may take (default: 600)
  --keep             leave the job there; otherwise it is deleted at the end

Exit codes: 0 the sentence is there, 1 it is not or something failed, 64 wrong arguments.
`;

process.exitCode = await main();

async function main(): Promise<number> {
  let options: ReturnType<typeof parse>;
  try {
    options = parse(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n\n${USAGE}`);
    return 64;
  }
  if (options.help) {
    say(USAGE);
    return 0;
  }
  const signal = AbortSignal.timeout(options.timeoutMs);
  try {
    return await smoke(new Client(options.url), options, signal);
  } catch (error) {
    const late = signal.aborted ? `not done within ${options.timeoutMs / 1000} s` : undefined;
    const told = error instanceof ApiError || !(error instanceof Error) ? String(error) : (error.cause ?? error);
    process.stderr.write(`error: ${late ?? String(told)}\n`);
    return 1;
  }
}

function parse(argv: string[]) {
  const { values } = parseArgs({
    args: argv,
    options: {
      url: { type: 'string' },
      model: { type: 'string', default: 'base' },
      timeout: { type: 'string', default: '600' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false, short: 'h' },
    },
  });
  const { url = '', model, timeout, keep, help } = values;
  if (!help && !URL.canParse(url)) throw new TypeError('--url must name the address of main');
  if (!/^[1-9]\d{0,5}$/.test(timeout)) throw new TypeError(`--timeout ${timeout} is no number of seconds`);
  return { url, model, timeoutMs: Number(timeout) * 1000, keep, help };
}

async function smoke(client: Client, options: ReturnType<typeof parse>, signal: AbortSignal): Promise<number> {
  const upload = await client.upload(SAMPLE, () => undefined, signal);
  const created = await client.createJob({
    metadata: { title: 'smoke test' },
    spec: { source: { path: `uploads/${upload}/source` }, transcribe: { model: options.model } },
  } as CreateJobInput);
  const id = created.metadata.uid;
  say(`job ${created.metadata.name} is there`);
  let job = created;
  for (let told = ''; !['Succeeded', 'Failed', 'Cancelled'].includes(job.status.phase); ) {
    await delay(POLL_MS, undefined, { signal });
    job = await client.job(id);
    const line = [job.status.phase, job.status.message].filter(Boolean).join(': ');
    if (line !== told) say(line);
    told = line;
  }
  const text = job.status.phase === 'Succeeded' ? textOf(await client.transcript(id)) : '';
  const heard = text.toLowerCase().replaceAll(/[^a-z ]/g, '');
  // What failed stays, to be looked at.
  if (job.status.phase === 'Succeeded' && !options.keep) await client.deleteJob(id);
  if (heard.includes(SENTENCE)) {
    say(`ok: ${text}`);
    return 0;
  }
  process.stderr.write(`error: "${SENTENCE}" is not in the transcript: ${JSON.stringify(text)}\n`);
  return 1;
}

function textOf({ segments }: { segments: readonly { text: string }[] }): string {
  return segments.map(({ text }) => text.trim()).join(' ');
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
