import type { StepLogger } from './context.js';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof LEVELS)[number];

/** Logs as JSON, one line an entry: what a Kubernetes Job writes to stderr. */
export function lineLogger(
  write: (line: string) => void,
  options: { level?: string; now?: () => Date } = {},
): StepLogger {
  const least = LEVELS.indexOf((options.level === 'trace' ? 'debug' : (options.level ?? 'info')) as Level);
  const now = options.now ?? (() => new Date());
  const at =
    (level: Level) =>
    (fields: object, message: string): void => {
      if (LEVELS.indexOf(level) < least) return;
      const { err, ...rest } = fields as { err?: unknown };
      const entry = {
        level,
        time: now().toISOString(),
        msg: message,
        ...rest,
        ...(err === undefined ? {} : { err: described(err) }),
      };
      write(`${JSON.stringify(entry)}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function described(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  return { type: name, message, stack, ...(cause === undefined ? {} : { cause: described(cause) }) };
}
