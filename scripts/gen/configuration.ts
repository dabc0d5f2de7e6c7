import { contract } from './contract.ts';

interface Row {
  services: string[];
  defaults: Map<string, string>;
  description: string;
}

/** docs/CONFIGURATION.md: every environment variable of every service. */
export async function configurationDocument(): Promise<string> {
  const { ENVIRONMENTS, JobEnv } = await contract();
  const rows = new Map<string, Row>();
  for (const [service, schema] of Object.entries(ENVIRONMENTS)) {
    for (const [name, field] of Object.entries<{ description?: string | undefined }>(schema.shape)) {
      const row: Row = rows.get(name) ?? { services: [], defaults: new Map(), description: field.description ?? '' };
      row.services.push(service);
      row.defaults.set(service, defaultOf(field));
      rows.set(name, row);
    }
  }
  const everywhere: number = Object.keys(ENVIRONMENTS).length;
  const table = (filter: (services: string[]) => boolean): string =>
    [
      '| variable | default | what it does |',
      '|---|---|---|',
      ...[...rows]
        .filter(([, row]) => filter(row.services))
        .map(([name, row]) => {
          const values = new Set(row.defaults.values());
          const text =
            values.size === 1
              ? [...values][0]
              : [...row.defaults].map(([service, value]) => `${service} ${value}`).join(', ');
          return `| \`${name}\` | ${text} | ${row.description} |`;
        }),
    ].join('\n');

  const sections = Object.keys(ENVIRONMENTS).map(
    (service) => `## ${service}\n\n${table((services) => services.includes(service) && services.length < everywhere)}`,
  );
  return `<!-- Generated from packages/contract/src/env.ts by "npm run gen". -->
# Configuration

Services are configured by environment variables alone, read once at the start. A wrong value stops the start with
exit code 64 and a sentence that names it. Sizes are \`500MB\`, \`20GiB\` or bytes; durations \`90s\`, \`15m\`, \`12h\`, \`7d\`.

## All services

${table((services) => services.length === everywhere)}

${sections.join('\n\n')}

## A Job on Kubernetes

The operator sets these, and the settings of converter or transcriber, for the containers of the Jobs it makes.

| variable | what it does |
|---|---|
${Object.entries<{ description?: string | undefined }>(JobEnv.shape)
  .map(([name, field]) => `| \`${name}\` | ${field.description ?? ''} |`)
  .join('\n')}
`;
}

/** The default as somebody would type it: parsed values (bytes, ms) are shown as they stand in the source. */
function defaultOf(field: unknown): string {
  const def = (field as { _zod: { def: { type: string; defaultValue?: unknown; innerType?: unknown } } })._zod.def;
  if (def.defaultValue !== undefined) return `\`${String(def.defaultValue)}\``;
  return def.type === 'optional' ? '–' : def.innerType ? defaultOf(def.innerType) : '–';
}
