import { contract } from './contract.ts';

interface Setting {
  name: string;
  default: string;
  description: string;
}

/** docs/CONFIGURATION.md: every environment variable of every service. */
export async function configurationDocument(): Promise<string> {
  const { ENVIRONMENTS, JobEnv } = await contract();
  const services = Object.entries(ENVIRONMENTS).map(([service, { shape }]) => ({
    service,
    settings: settingsOf(shape),
  }));
  /** Services that have a setting of this name. */
  const having = (name: string): string =>
    services
      .filter(({ settings }) => settings.some((it) => it.name === name))
      .map(({ service }) => service)
      .join();
  const everywhere = services.map(({ service }) => service).join();
  const volume = having('MEDIAJOB_DATA_DIR');
  /** Settings that this very group of services has, with the default of each where they differ. */
  const sharedBy = (group: string): Setting[] =>
    (services[0]?.settings ?? [])
      .filter(({ name }) => having(name) === group)
      .map((setting) => {
        const values = services.flatMap(({ service, settings }) =>
          settings.filter(({ name }) => name === setting.name).map((it) => ({ service, value: it.default })),
        );
        const same = new Set(values.map(({ value }) => value)).size === 1;
        return same
          ? setting
          : { ...setting, default: values.map(({ service, value }) => `${service} ${value}`).join(', ') };
      });
  const sections = services.map(
    ({ service, settings }) =>
      `## ${service}\n\n${table(settings.filter(({ name }) => having(name) !== everywhere && having(name) !== volume))}`,
  );
  return `<!-- Generated from packages/contract/src/env.ts by "npm run gen". -->
# Configuration

Services are configured by environment variables alone, read once at the start. A wrong value stops the start with
exit code 64 and a sentence that names it. Sizes are \`500MB\`, \`20GiB\` or bytes; durations \`90s\`, \`15m\`, \`12h\`, \`7d\`.

## All services

${table(sharedBy(everywhere))}

## Services that work on the media volume: ${volume.replaceAll(',', ', ')}

${table(sharedBy(volume))}

${sections.join('\n\n')}

## A Job on Kubernetes

The operator sets these, and the settings of converter or transcriber, for the containers of the Jobs it makes.

| variable | what it does |
|---|---|
${settingsOf(JobEnv.shape)
  .map(({ name, description }) => `| \`${name}\` | ${description} |`)
  .join('\n')}
`;
}

function settingsOf(shape: object): Setting[] {
  return Object.entries(shape as Record<string, { description?: string | undefined }>).map(([name, field]) => ({
    name,
    default: defaultOf(field),
    description: field.description ?? '',
  }));
}

function table(settings: readonly Setting[]): string {
  return [
    '| variable | default | what it does |',
    '|---|---|---|',
    ...settings.map((it) => `| \`${it.name}\` | ${it.default} | ${it.description} |`),
  ].join('\n');
}

/** The default as somebody would type it: parsed values (bytes, ms) are shown as they stand in the source. */
function defaultOf(field: unknown): string {
  const def = (field as { _zod: { def: { type: string; defaultValue?: unknown; innerType?: unknown } } })._zod.def;
  if (def.defaultValue !== undefined) return `\`${String(def.defaultValue)}\``;
  if (def.type === 'optional') return '–';
  return def.innerType === undefined ? 'must be set' : defaultOf(def.innerType);
}
