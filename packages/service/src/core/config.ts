import {
  type ConverterEnv,
  ENVIRONMENTS,
  ExitCode,
  JobEnv,
  type MainEnv,
  type TranscriberEnv,
} from '@mediajob/contract';
import type { z } from 'zod';

/** The settings that every service has. */
export type ServiceEnv = Pick<ConverterEnv, keyof ConverterEnv & keyof TranscriberEnv & keyof MainEnv>;

/** A setting is wrong: the process must not start. `message` is what a person reads: one line a setting. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'bad-config';
  /** What the process ends with. */
  readonly exitCode = ExitCode.InvalidArguments;
}

/**
 * Reads the settings of one service from the environment: once, at the start; nothing else reads process.env.
 * An empty value counts as left out, because `${NAME:-}` in compose files and unset chart values give empty ones.
 *
 * @throws ConfigError that names each wrong setting, its value and what it must be
 */
export function loadEnv<Schema extends z.ZodType>(
  schema: Schema,
  environment: Readonly<Record<string, string | undefined>>,
): z.output<Schema> {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => name.startsWith('MEDIAJOB_') && value !== ''),
  );
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => {
    const name = String(issue.path[0] ?? 'The environment');
    const value = given[name];
    return value === undefined ? `${name} ${issue.message}.` : `${name}=${JSON.stringify(value)}: ${issue.message}.`;
  });
  throw new ConfigError(
    `${lines.join('\n')}\nMend this in the environment and start again; docs/CONFIGURATION.md lists every setting.`,
  );
}

/** Variables of the set-up and of the model commands. */
const OTHER_VARIABLES = [
  'MEDIAJOB_CACHE_DIR',
  'MEDIAJOB_CHROMIUM',
  'MEDIAJOB_INVOCATION_DIR',
  'MEDIAJOB_MODEL_SOURCE',
  'MEDIAJOB_VERBOSE',
];

/**
 * Variables with our prefix that no service knows: most likely misspelt.
 * A warning, not an error: a newer set-up may be started with an older image.
 */
export function unknownSettings(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(OTHER_VARIABLES);
  for (const { shape } of [...Object.values(ENVIRONMENTS), JobEnv])
    for (const name of Object.keys(shape)) known.add(name);
  return Object.keys(environment).filter((name) => name.startsWith('MEDIAJOB_') && !known.has(name));
}
