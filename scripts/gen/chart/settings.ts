import { contract } from '../contract.ts';

export type Component = 'main' | 'converter' | 'transcriber' | 'operator';

const EVERYWHERE = ['HOST', 'PORT', 'METRICS_PORT', 'INSTANCE', 'LOG_LEVEL', 'SHUTDOWN_GRACE'];

/**
 * Settings that the chart makes itself, from values with names of their own. All others can be given by `config`, so that
 * a setting is never to be had in two ways, and none not at all. A test renders the chart and compares.
 */
const MADE: Record<Component, readonly string[]> = {
  main: [
    ...EVERYWHERE,
    'DATA_DIR',
    'RUNTIME',
    'NAMESPACE',
    'CONVERTER_URLS',
    'TRANSCRIBER_URLS',
    'DEFAULT_MODEL',
    'TRUST_PROXY',
    'ALLOWED_HOSTS',
  ],
  converter: [...EVERYWHERE, 'DATA_DIR'],
  transcriber: [...EVERYWHERE, 'DATA_DIR', 'MODELS_DIR', 'MODELS_WRITABLE', 'DEFAULT_MODEL'],
  operator: [
    ...EVERYWHERE,
    'NAMESPACE',
    'POD_NAME',
    'POD_IP',
    'WATCH_NAMESPACES',
    'LEADER_ELECTION',
    'LEASE',
    'CONVERTER_IMAGE',
    'TRANSCRIBER_IMAGE',
    'IMAGE_PULL_POLICY',
    'IMAGE_PULL_SECRETS',
    'MEDIA_CLAIM',
    'MODELS_CLAIM',
    'JOB_SERVICE_ACCOUNT',
    'JOB_LOG_LEVEL',
    'PROFILES_FILE',
    'KUEUE',
    'PROGRESS_TLS',
    'PROGRESS_PORT',
    'PROGRESS_SECRET',
    'PROGRESS_URL',
  ],
};

export const COMPONENTS = Object.keys(MADE) as Component[];

/** Names with their prefix. */
export function madeByChart(component: Component): readonly string[] {
  return MADE[component].map((name) => `MEDIAJOB_${name}`);
}

/** Names of the settings that `config` may have, with their descriptions. */
export async function configurable(component: Component): Promise<Record<string, string>> {
  const { ENVIRONMENTS } = await contract();
  const made = madeByChart(component);
  const shape = ENVIRONMENTS[component].shape as Record<string, { description?: string | undefined }>;
  return Object.fromEntries(
    Object.entries(shape)
      .filter(([name]) => !made.includes(name))
      .map(([name, { description = '' }]) => [name, description]),
  );
}

/** templates/_settings.tpl: which component knows which setting. */
export async function settingsTemplate(): Promise<string> {
  const texts = await Promise.all(
    COMPONENTS.map(
      async (component) =>
        `{{- define "mediajob.settings.${component}" -}}\n${JSON.stringify(Object.keys(await configurable(component)), null, 2)}\n{{- end }}\n`,
    ),
  );
  return `{{- /* Generated from packages/contract by "npm run gen". */ -}}\n${texts.join('\n')}`;
}
