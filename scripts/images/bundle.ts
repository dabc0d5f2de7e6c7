import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { ROOT } from '../setup/paths.ts';
import { noticesOf } from './notices.ts';
import { COMMANDS, IMAGE_NAMES, type ImageName, WATCHDOG_THREAD } from './programs.ts';

/** Where Node is in the images. A hash bang needs an absolute path, and so no `env`. */
const NODE = '/usr/local/bin/node';

/** Nest loads these when somebody uses them; nobody here does, and unbundled they are not there either. */
const NOT_THERE = [
  'class-validator',
  'class-transformer',
  '@fastify/static',
  '@nestjs/microservices',
  '@nestjs/microservices/*',
  '@nestjs/websockets',
  '@nestjs/websockets/*',
];

/** What a CommonJS package expects around it. Chunks get it too: which modules are in which is esbuild's affair. */
const COMMONJS = [
  "import{createRequire as _createRequire}from'node:module';",
  "import{fileURLToPath as _fileURLToPath}from'node:url';",
  "import{dirname as _dirname}from'node:path';",
  'const require=_createRequire(import.meta.url),__filename=_fileURLToPath(import.meta.url),__dirname=_dirname(__filename);',
].join('');

/**
 * Of client-node we use the authentication, which its index carries together with 13 MB of generated models. What else the
 * index does is for Node 18.
 */
const authenticationOnly: Plugin = {
  name: 'client-node',
  setup({ onResolve, resolve }) {
    const inside = /node_modules\/@kubernetes\/client-node\/dist/;
    onResolve({ filter: /^@kubernetes\/client-node$/ }, () => ({
      path: join(ROOT, 'node_modules/@kubernetes/client-node/dist/config.js'),
      sideEffects: false,
    }));
    onResolve({ filter: /^\.\.?\// }, async ({ path, importer, pluginData, ...options }) => {
      if (pluginData === 'asked' || !inside.test(importer)) return undefined;
      const found = await resolve(path, { ...options, importer, pluginData: 'asked' });
      return { ...found, sideEffects: false };
    });
  },
};

/** Files of swagger-ui-dist that a browser or @nestjs/swagger asks for; the rest is three times as much. */
const SWAGGER_UI = [
  'LICENSE',
  'absolute-path.js',
  'favicon-16x16.png',
  'favicon-32x32.png',
  'package.json',
  'swagger-ui-bundle.js',
  'swagger-ui-standalone-preset.js',
  'swagger-ui.css',
];

/**
 * Bundles the compiled programs of an image into `<directory>`: package.json (the version), dist/ (a file a command, and
 * chunks that they share), bin/ (what goes on the PATH), what cannot be bundled, and the licences of all that was.
 * The packages must have been compiled, and for main the page built.
 */
export async function bundle(image: ImageName, directory: string): Promise<Metafile> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(directory, 'bin'), { recursive: true });
  const entries = { ...COMMANDS[image], 'watchdog-thread': WATCHDOG_THREAD };
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: entries,
    outdir: join(directory, 'dist'),
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // The names of classes, which Nest and errors go by. Lines stay lines: what a crash prints has to be readable.
    keepNames: true,
    minifySyntax: true,
    legalComments: 'none',
    banner: { js: COMMONJS },
    // Whatever comes first in a chunk: decorators need it before anything else is evaluated.
    inject: [join(ROOT, 'node_modules/reflect-metadata/Reflect.js')],
    plugins: [authenticationOnly],
    external: NOT_THERE,
    metafile: true,
    logLevel: 'warning',
  });
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  writeFileSync(
    join(directory, 'package.json'),
    `${JSON.stringify({ name: `@mediajob/${image}`, version, type: 'module', private: true })}\n`,
  );
  for (const command of Object.keys(COMMANDS[image])) writeLauncher(directory, command);
  if (image !== 'operator') copyPackage('swagger-ui-dist', SWAGGER_UI, directory);
  if (image === 'main') {
    cpSync(join(ROOT, 'services/web/dist'), join(directory, 'web'), { recursive: true });
    mkdirSync(join(directory, 'samples'));
    copyFileSync(join(ROOT, 'samples/jfk.mp3'), join(directory, 'samples/jfk.mp3'));
  }
  writeFileSync(join(directory, 'THIRD-PARTY-NOTICES'), noticesOf(metafile));
  copyFileSync(join(ROOT, 'LICENSE'), join(directory, 'LICENSE'));
  return metafile;
}

/** Bundles every image below `<directory>/<image>`. */
export async function bundleAll(directory: string): Promise<void> {
  // In an image others have to read them.
  process.umask(0o022);
  await Promise.all(IMAGE_NAMES.map((image) => bundle(image, join(directory, image))));
}

function writeLauncher(directory: string, command: string): void {
  const path = join(directory, 'bin', `mediajob-${command}`);
  writeFileSync(path, `#!${NODE}\nimport '/app/dist/${command}.js';\n`);
  chmodSync(path, 0o755);
}

function copyPackage(name: string, files: readonly string[], directory: string): void {
  const from = join(ROOT, 'node_modules', name);
  const to = join(directory, 'node_modules', name);
  for (const file of files) {
    if (!existsSync(join(from, file))) throw new Error(`${name} has no ${file}; has a newer version moved it?`);
    mkdirSync(dirname(join(to, file)), { recursive: true });
    copyFileSync(join(from, file), join(to, file));
  }
}
