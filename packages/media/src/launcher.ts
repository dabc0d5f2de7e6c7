import { execFile } from 'node:child_process';

/** Prefix of a command line; empty where nothing is needed. */
export type Launcher = readonly string[];

let found: Promise<Launcher> | undefined;

/**
 * How a child is started so that it dies with this process, even when this process is killed by SIGKILL and can tidy up nothing:
 * `setpriv --pdeathsig KILL` (util-linux ≥ 2.33) sets PR_SET_PDEATHSIG and then becomes the program.
 * Empty where there is no such setpriv (macOS, busybox): then only the ordinary shutdown stops children.
 */
export function deathLauncher(): Promise<Launcher> {
  found ??= new Promise((resolve) => {
    if (process.platform !== 'linux') {
      resolve([]);
      return;
    }
    const launcher = ['setpriv', '--pdeathsig', 'KILL', '--'];
    execFile('setpriv', [...launcher.slice(1), 'true'], { timeout: 5000, env: childEnvironment() }, (error) => {
      resolve(error === null ? launcher : []);
    });
  });
  return found;
}

/**
 * Environment of a child: enough to be found and to load its libraries, and nothing that steers it (FFREPORT writes files) or is secret.
 * The C locale keeps messages in English, which the reading of errors needs.
 */
export function childEnvironment(): Record<string, string> {
  const environment: Record<string, string> = { LC_ALL: 'C', AV_LOG_FORCE_NOCOLOR: '1' };
  for (const name of ['PATH', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'TMPDIR']) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
