import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../setup/build.ts';
import { CACHE, ROOT } from '../setup/paths.ts';
import { say } from '../setup/step.ts';
import { debootstrapBase } from './base.ts';
import { type Builder, findBuilder, type Tool } from './builder.ts';
import { bundleAll } from './bundle.ts';
import { cpuOfThisMachine, engineOfThisMachine, WHISPER_CPP } from './engine.ts';
import { DOCKERFILES, imageKey } from './inputs.ts';
import { withBuildLock } from './lock.ts';
import { IMAGE_NAMES, type ImageName } from './programs.ts';

export interface ImagesOptions {
  readonly only?: readonly ImageName[];
  /** Left out: whichever is there. */
  readonly tool?: Tool | undefined;
  /** registry: what the Dockerfiles name. debootstrap: a base made here, where no registry can be reached. */
  readonly base?: 'registry' | 'debootstrap';
  /** What comes before `/main` and so on: `mediajob` when left out. */
  readonly repository?: string;
  /** The version of package.json when left out. */
  readonly tag?: string;
  /**
   * Where our programs are compiled and bundled: in a stage of the Dockerfile, or by this checkout, which takes seconds
   * when it has been built. The result is the same.
   */
  readonly programs?: 'inside' | 'outside';
  /**
   * machine: the speech engine that set-up has compiled for the CPU of this machine, for images that stay here. portable, or
   * left out: one for all, compiled in a stage of the Dockerfile, which takes minutes.
   */
  readonly engine?: 'portable' | 'machine';
  /** Further arguments of the Dockerfiles. */
  readonly args?: Readonly<Record<string, string>>;
  readonly debianMirror?: string | undefined;
}

export interface BuiltImage {
  readonly name: ImageName;
  /** Such as `mediajob/main:0.1.0`. */
  readonly reference: string;
  /** A docker-archive, for `docker load`, `podman load`, `ctr images import`. Another file for other contents. */
  readonly archive: string;
  /** Changes with whatever the image is made from. */
  readonly key: string;
  readonly bytes: number;
}

/** Where archives lie; outside of the checkout. */
export const ARCHIVES = join(CACHE, 'images');
/** Archives of an image that are kept: the present one, and the one before for who still reads it. */
const KEEP = 2;

export function versionOfImages(): string {
  return (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;
}

/**
 * Builds images and writes each as an archive, unless one with the same contents is there: then it takes milliseconds.
 * Whoever else builds at the same time is waited for.
 *
 * @throws SetupError
 */
export async function buildImages(options: ImagesOptions = {}): Promise<BuiltImage[]> {
  mkdirSync(ARCHIVES, { recursive: true });
  const wanted = (options.only ?? IMAGE_NAMES).map((name) => planOf(name, options));
  if (wanted.some(({ archive }) => sizeOf(archive) === undefined))
    await withBuildLock(join(ARCHIVES, 'lock'), async () => {
      const missing = wanted.filter(({ archive }) => sizeOf(archive) === undefined);
      if (missing.length === 0) return;
      const builder = findBuilder(options.tool);
      builder.tidy();
      const args = { ...baseOf(builder, options), ...options.args };
      await withStages(options, missing, (stages) => {
        for (const plan of missing) buildOne(builder, plan, args, stages);
      });
      builder.tidy();
      builder.prune();
    });
  return wanted.map((plan) => ({ ...plan, bytes: sizeOf(plan.archive) as number }));
}

type Plan = Omit<BuiltImage, 'bytes'>;

function planOf(name: ImageName, options: ImagesOptions): Plan {
  const { repository = 'mediajob', tag = versionOfImages(), base = 'registry', args = {}, debianMirror = '' } = options;
  const reference = `${repository}/${name}:${tag}`;
  const engine = name === 'transcriber' && options.engine === 'machine' ? cpuOfThisMachine() : 'portable';
  const key = imageKey(name, [reference, base, debianMirror, process.arch, JSON.stringify(args), engine]);
  return { name, reference, key, archive: join(ARCHIVES, `${name}-${key}.tar`) };
}

function baseOf(builder: Builder, { base, debianMirror }: ImagesOptions): Record<string, string> {
  const mirror: Record<string, string> = debianMirror === undefined ? {} : { DEBIAN_MIRROR: debianMirror };
  if (base !== 'debootstrap') return mirror;
  const reference = debootstrapBase(builder, { debianMirror });
  return { ...mirror, NODE_IMAGE: reference, ENGINE_IMAGE: reference };
}

type Stages = Readonly<Record<string, string>>;

/** Makes here what stages of the Dockerfiles would make otherwise. */
async function withStages(
  { programs = 'inside', engine = 'portable' }: ImagesOptions,
  wanted: readonly Plan[],
  work: (stages: Stages) => void,
): Promise<void> {
  const directory = mkdtempSync(join(ARCHIVES, '.programs-'));
  const stages: Record<string, string> = {};
  try {
    if (programs === 'outside') {
      build();
      await bundleAll(join(directory, 'programs'));
      Object.assign(stages, { programs: directory, whisper: join(ROOT, WHISPER_CPP) });
    }
    if (engine === 'machine' && wanted.some(({ name }) => name === 'transcriber')) {
      stages.engine = join(directory, 'engine');
      await engineOfThisMachine(join(stages.engine, 'engine'));
    }
    work(stages);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function buildOne(
  builder: Builder,
  { name, reference, archive }: Plan,
  args: Record<string, string>,
  all: Stages,
): void {
  say(`images: ${reference} (${builder.tool})`);
  const dockerfile = DOCKERFILES[name];
  const text = readFileSync(join(ROOT, dockerfile), 'utf8');
  const known = new Set([...text.matchAll(/^ARG (\w+)/gm)].map((it) => it[1]));
  const stages = Object.fromEntries(Object.entries(all).filter(([stage]) => text.includes(` AS ${stage}\n`)));
  builder.build({
    dockerfile,
    reference,
    stages,
    ...(dockerfile === 'Dockerfile.main' && { target: name }),
    args: Object.fromEntries(
      Object.entries({ VERSION: versionOfImages(), ...args }).filter(([argument]) => known.has(argument)),
    ),
  });
  const partial = `${archive}.partial`;
  rmSync(partial, { force: true });
  builder.save(reference, partial);
  renameSync(partial, archive);
  removeOld(name);
}

function removeOld(name: ImageName): void {
  const mine = readdirSync(ARCHIVES)
    .filter((file) => file.startsWith(`${name}-`))
    .map((file) => join(ARCHIVES, file))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const file of mine.slice(KEEP)) rmSync(file, { force: true });
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}
