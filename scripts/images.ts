import { parseArgs } from 'node:util';
import { type BuiltImage, buildImages, type ImagesOptions } from './images/build-images.ts';
import { IMAGE_NAMES, type ImageName } from './images/programs.ts';
import { SetupError, say } from './setup/step.ts';
import { setUpImages } from './setup-images.ts';

const USAGE = `npm run images [-- OPTIONS]

Builds the images by Docker or buildah, whichever is there, and writes each as an archive for docker load, podman load or
ctr images import. What has not changed is not built again.

  --only NAME            main, operator, converter or transcriber; may be given several times (default: all)
  --tool docker|buildah  (default: Docker where its daemon answers)
  --base debootstrap     make the base image from Debian and npm packages, where no registry can be reached; needs root
  --programs outside     compile by this checkout instead of in the build: seconds where npm run build has been run
  --engine machine       take the engine that set-up compiles for the CPU of this machine; such an image is not for others
  --setup                first install buildah and debootstrap where they are missing
  --repository NAME      what comes before /main and so on (default: mediajob)
  --tag TAG              (default: the version of package.json)
  --build-arg NAME=VALUE of the Dockerfiles, such as NODE_IMAGE, NPM_CONFIG_REGISTRY or ACCELERATOR; several times
  --debian-mirror URL    where Debian's packages are

Prints a line for each image: its name, size in MB, and archive.
`;

process.exitCode = await main();

async function main(): Promise<number> {
  let asked: ReturnType<typeof parse>;
  try {
    asked = parse(process.argv.slice(2));
  } catch (error) {
    say(`error: ${(error as Error).message}\n\n${USAGE}`);
    return 64;
  }
  if (asked.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  try {
    if (asked.setup) setUpImages();
    for (const image of await buildImages(asked.options)) process.stdout.write(`${lineOf(image)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`\nerror: ${error.message}\nwhat to do: ${error.mend}`);
    return 69;
  }
}

function lineOf({ reference, bytes, archive }: BuiltImage): string {
  return `${reference.padEnd(28)} ${(bytes / 1e6).toFixed(1).padStart(7)} MB  ${archive}`;
}

function parse(argv: string[]): { help: boolean; setup: boolean; options: ImagesOptions } {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: 'string', multiple: true, default: [] },
      tool: { type: 'string' },
      base: { type: 'string', default: 'registry' },
      programs: { type: 'string', default: 'inside' },
      engine: { type: 'string', default: 'portable' },
      setup: { type: 'boolean', default: false },
      repository: { type: 'string', default: 'mediajob' },
      tag: { type: 'string' },
      'build-arg': { type: 'string', multiple: true, default: [] },
      'debian-mirror': { type: 'string' },
      help: { type: 'boolean', default: false, short: 'h' },
    },
  });
  const { tool, base, programs, engine, repository, tag } = values;
  const wrong = values.only.find((name) => !(IMAGE_NAMES as readonly string[]).includes(name));
  if (wrong !== undefined) throw new TypeError(`--only ${wrong}: there are ${IMAGE_NAMES.join(', ')}`);
  if (tool !== undefined && tool !== 'docker' && tool !== 'buildah')
    throw new TypeError(`--tool ${tool}: must be docker or buildah`);
  if (base !== 'registry' && base !== 'debootstrap')
    throw new TypeError(`--base ${base}: must be registry or debootstrap`);
  if (programs !== 'inside' && programs !== 'outside')
    throw new TypeError(`--programs ${programs}: must be inside or outside`);
  if (engine !== 'portable' && engine !== 'machine')
    throw new TypeError(`--engine ${engine}: must be portable or machine`);
  const pairs = values['build-arg'].map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new TypeError(`--build-arg ${pair}: must be NAME=VALUE`);
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  return {
    help: values.help,
    setup: values.setup,
    options: {
      ...(values.only.length > 0 && { only: values.only as ImageName[] }),
      tool,
      base,
      programs,
      engine,
      repository,
      ...(tag !== undefined && { tag }),
      args: Object.fromEntries(pairs),
      debianMirror: values['debian-mirror'],
    },
  };
}
