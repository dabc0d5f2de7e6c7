import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../../setup/paths.ts';
import { contract } from '../contract.ts';
import { COMPONENTS, configurable } from './settings.ts';
import type { ChartValue, JsonSchema } from './values.ts';

/** values.schema.json: Helm checks all values by it, before anything is rendered. */
export async function valuesSchema(values: readonly ChartValue[]): Promise<string> {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $comment: 'Generated from values.yaml and packages/contract by "npm run gen".',
    title: 'Values of the chart mediajob',
    ...closed(values),
    $defs: await definitions(),
  };
  // Helm puts `global` there when the chart is a part of another one.
  Object.assign(schema.properties, { global: { type: 'object' } });
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** An object of these values and no other: what is misspelt is refused, not ignored. */
function closed(values: readonly ChartValue[]) {
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(values.map((it) => [it.path.at(-1) as string, schemaOf(it)])),
  };
}

function schemaOf(value: ChartValue): JsonSchema {
  const { description, children, schema } = value;
  const about = description === '' ? {} : { description };
  if (children.length > 0) return { ...about, ...closed(children) };
  if ('$ref' in schema) return { ...about, ...schema };
  return { ...about, ...typeOf(value), ...schema };
}

function typeOf({ default: given, path }: ChartValue): JsonSchema {
  if (Array.isArray(given)) return { type: 'array' };
  if (typeof given === 'number') return { type: Number.isInteger(given) ? 'integer' : 'number' };
  if (typeof given === 'string' || typeof given === 'boolean') return { type: typeof given };
  if (typeof given === 'object' && given !== null) return { type: 'object' };
  throw new Error(`${path.join('.')}: say what it is by @schema`);
}

const word = { type: 'string' };
const words = { type: 'object', additionalProperties: word };
const label = { type: 'string', maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' };
const quantity = {
  type: ['string', 'integer'],
  pattern: '^\\d+(\\.\\d+)?(e\\d{1,2}|[numkMGTPE]|[KMGTPE]i)?$',
  minimum: 1,
};
const objects = { type: 'array', items: { type: 'object' } };
const object = { type: 'object', additionalProperties: true };
const accessModes = {
  type: 'array',
  minItems: 1,
  items: { enum: ['ReadWriteMany', 'ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteOncePod'] },
};
const amounts = { type: 'object', minProperties: 1, additionalProperties: { $ref: '#/$defs/Quantity' } };

/** Shapes that several values have. */
async function definitions(): Promise<JsonSchema> {
  const claim = {
    type: 'object',
    additionalProperties: false,
    properties: {
      create: { type: 'boolean', description: 'false: a claim of that name is there.' },
      size: { $ref: '#/$defs/Quantity' },
      storageClassName: word,
      accessModes: { $ref: '#/$defs/AccessModes' },
      volumeName: word,
      selector: object,
      annotations: words,
      keep: { type: 'boolean' },
    },
  };
  const tenant = {
    type: 'object',
    required: ['namespace'],
    additionalProperties: false,
    properties: {
      namespace: { $ref: '#/$defs/Label' },
      createNamespace: { type: 'boolean', description: 'Made with Pod Security `restricted`, and never removed.' },
      media: { ...claim, description: 'As persistence.media, which it overrides.' },
      models: { ...claim, description: 'As persistence.models, which it overrides.' },
    },
  };
  const pod = {
    type: 'object',
    additionalProperties: false,
    properties: {
      labels: words,
      annotations: words,
      nodeSelector: words,
      tolerations: objects,
      affinity: object,
      topologySpreadConstraints: { ...objects, description: 'Left out: spread over nodes where that is possible.' },
      priorityClassName: word,
      runtimeClassName: word,
      extraEnv: {
        type: 'array',
        items: { type: 'object', required: ['name'], properties: { name: { type: 'string', minLength: 1 } } },
      },
      extraVolumes: objects,
      extraVolumeMounts: objects,
    },
  };
  return {
    Words: words,
    Label: label,
    LabelOrNone: { type: 'string', maxLength: 63, pattern: '^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$' },
    Quantity: quantity,
    AccessModes: accessModes,
    Peers: { type: 'array', items: { type: 'object', minProperties: 1 } },
    IssuerRef: {
      type: 'object',
      additionalProperties: false,
      properties: { name: { type: 'string', minLength: 1 }, kind: { enum: ['Issuer', 'ClusterIssuer'] }, group: word },
      dependentRequired: { kind: ['name'], group: ['name'] },
    },
    Resources: {
      type: 'object',
      additionalProperties: false,
      description: 'Every container has requests and limits.',
      required: ['requests', 'limits'],
      properties: {
        requests: amounts,
        limits: { ...amounts, required: ['memory'] },
        claims: objects,
      },
    },
    Pod: pod,
    Tenant: tenant,
    Model: { enum: await modelNames() },
    Profiles: await profiles(),
    ...(await configs()),
  };
}

/** `config` of each component, and of all together. */
async function configs(): Promise<Record<string, JsonSchema>> {
  const all = await Promise.all(
    COMPONENTS.map(async (component) => [component, settings(await configurable(component))] as const),
  );
  const each = all.map(([component, properties]) => [
    `${component.charAt(0).toUpperCase()}${component.slice(1)}Config`,
    { type: 'object', additionalProperties: false, properties },
  ]);
  const shared = Object.assign({}, ...all.map(([, properties]) => properties)) as JsonSchema;
  return { ...Object.fromEntries(each), Config: { type: 'object', additionalProperties: false, properties: shared } };
}

function settings(descriptions: Readonly<Record<string, string>>): JsonSchema {
  return Object.fromEntries(
    Object.entries(descriptions).map(([name, description]) => [
      name,
      { type: ['string', 'integer', 'boolean'], description },
    ]),
  );
}

/** A map of profiles, as docs/schemas/profiles.json has it. */
async function profiles(): Promise<JsonSchema> {
  const { ProfilesFile } = await contract();
  const { z } = (await import(pathToFileURL(join(ROOT, 'node_modules/zod/index.js')).href)) as typeof import('zod');
  const { properties } = z.toJSONSchema(ProfilesFile, { io: 'input', reused: 'inline' });
  return properties?.profiles as JsonSchema;
}

/** Of the catalog. */
async function modelNames(): Promise<string[]> {
  const { catalog }: typeof import('../../../packages/speech/src/index.ts') = await import(
    join(ROOT, 'packages/speech/dist/index.js')
  );
  return catalog.map(({ name }) => name);
}
