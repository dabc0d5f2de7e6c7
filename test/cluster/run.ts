import { spawn } from 'node:child_process';
import { deathPrefix } from '../../scripts/setup/death-prefix.ts';

export interface RunOptions {
  readonly cwd: string;
  readonly input?: string;
}

/** Runs a program to its end. @returns its stdout. @throws Error with what it printed, when it fails */
export function run(program: string, args: readonly string[], { cwd, input = '' }: RunOptions): Promise<string> {
  const [command, ...rest] = [...deathPrefix('KILL'), program, ...args] as [string, ...string[]];
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest, { cwd, stdio: 'pipe', env: { PATH: process.env.PATH, HOME: cwd, TMPDIR: cwd } });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')}: ${signal ?? `exit code ${code}`}\n${stderr}${stdout}`));
    });
    child.stdin.on('error', () => {}); // it ended without reading all: its exit code says why
    child.stdin.end(input);
  });
}
