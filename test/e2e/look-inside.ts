/**
 * Runs in a container of ours by `node -e`: what it finds there, as one line of JSON. Plain JavaScript of built-ins, since
 * nothing else is there.
 */
export const LOOK_INSIDE = `
const { readdirSync, statSync, writeFileSync, constants } = require('node:fs');
const { spawnSync } = require('node:child_process');
const { join } = require('node:path');

const programs = [];
const setuid = [];
const visit = (directory) => {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (!['/proc', '/sys', '/dev', '/data', '/models', '/run'].includes(path)) visit(path);
    } else if (entry.isFile()) {
      const { mode } = statSync(path);
      if (mode & 0o6000) setuid.push(path);
      if (mode & constants.S_IXUSR) programs.push(path);
    }
  }
};
visit('/');

const writes = {};
for (const directory of ['/', '/app', '/etc', '/usr/bin', '/data', '/models', '/tmp']) {
  try {
    writeFileSync(join(directory, '.look-inside'), '');
    writes[directory] = 'written';
  } catch (error) {
    writes[directory] = error.code;
  }
}

const commands = {};
for (const line of JSON.parse(process.env.COMMANDS)) {
  const { status, stdout, stderr, error } = spawnSync(line[0], line.slice(1), { encoding: 'utf8', timeout: 60000 });
  commands[line.join(' ')] = { status, said: error ? String(error) : stdout + stderr };
}
const env = Object.keys(process.env);
process.stdout.write(JSON.stringify({ uid: process.getuid(), gid: process.getgid(), programs, setuid, writes, commands, env }));
`;

export interface Inside {
  readonly uid: number;
  readonly gid: number;
  /** Absolute paths of all executable files. */
  readonly programs: readonly string[];
  readonly setuid: readonly string[];
  /** By directory: `written`, or the code of the error. */
  readonly writes: Readonly<Record<string, string>>;
  /** By command line. */
  readonly commands: Readonly<Record<string, { status: number | null; said: string }>>;
}
