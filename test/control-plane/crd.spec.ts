import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MediaJobSpec, MediaJobStatus } from '@mediajob/contract';
import { CRD_NAME, mediaJobCrd } from '@mediajob/contract/crd';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { anySpec } from '../../packages/contract/test/any-spec.ts';
import { CHANGE_CASES, CREATE_CASES, LARGEST_SPEC, NAMES } from '../../packages/contract/test/crd-cases.ts';
import { type Resource, StatusError } from '../cluster/kube-client.ts';
import { aMediaJob, LEAST, MediaJobServer, refusal } from './media-job-server.ts';

const FILE = join(import.meta.dirname, '../../k8s/crd.yaml');
const CRD = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${CRD_NAME}`;

let server: MediaJobServer;
beforeAll(async () => {
  server = await MediaJobServer.start();
});
afterAll(() => server?.stop());

describe('the definition', () => {
  it('is served as it stands in k8s/crd.yaml: nothing is dropped, nothing is warned of', async () => {
    const stored = await server.controlPlane.client.get<Resource & { spec: { versions: { schema: object }[] } }>(CRD);
    const file = parse(readFileSync(FILE, 'utf8')) as ReturnType<typeof mediaJobCrd>;
    expect(file).toEqual(JSON.parse(JSON.stringify(mediaJobCrd())));
    expect(stored.spec.versions[0]).toEqual(file.spec.versions[0]);
    const said = await server.controlPlane.kubectl(['apply', '--server-side', '--force-conflicts', '-f', FILE]);
    expect(said).toBe(`customresourcedefinition.apiextensions.k8s.io/${CRD_NAME} serverside-applied\n`);
  });

  it('is structural, and no rule of it costs too much', async () => {
    const { status } = await server.controlPlane.client.get<Resource & { status: { conditions: { type: string }[] } }>(
      CRD,
    );
    expect(status.conditions.map(({ type }) => type).sort()).toEqual(['Established', 'NamesAccepted']);
  });

  it('takes the largest MediaJob there can be, so that its rules are cheap enough to run', async () => {
    expect(await refusal(server.tryOut(LARGEST_SPEC))).toBeUndefined();
  });
});

describe('what is made', () => {
  it.each(CREATE_CASES)('$field: $says', async ({ field, says, takes, refuses }) => {
    for (const spec of takes) expect(await refusal(server.tryOut(spec)), JSON.stringify(spec)).toBeUndefined();
    for (const spec of refuses) {
      const why = await refusal(server.tryOut(spec));
      expect(why, JSON.stringify(spec)).toContain(says);
      expect(why, JSON.stringify(spec)).toContain(field);
    }
  });

  it.each(NAMES.takes)('may be called %s', async (name) => {
    expect(await refusal(server.tryOut(LEAST, { name }))).toBeUndefined();
  });

  it.each(NAMES.refuses)('may not be called %s', async (name) => {
    expect(await refusal(server.tryOut(LEAST, { name }))).toContain(`metadata.name: Invalid value: ${NAMES.says}`);
  });

  it('may be called by the API server, when there is room for it', async () => {
    const made = await server.tryOut(LEAST, { generateName: 'talk-' });
    expect(made.metadata.name).toMatch(/^talk-[a-z0-9]{5}$/);
    expect(await refusal(server.tryOut(LEAST, { generateName: `${'a'.repeat(36)}-` }))).toContain(NAMES.says);
  });

  it('keeps no field that the contract does not know', async () => {
    const { spec } = await server.create({ ...LEAST, spelt: 'wrong', transcribe: { modle: 'base' } });
    expect(spec).toEqual(MediaJobSpec.parse(LEAST));
  });

  it('has a misspelt field named by kubectl', async () => {
    const manifest = JSON.stringify(aMediaJob({ ...LEAST, transcribe: { modle: 'base' } }, { name: 'misspelt' }));
    await expect(server.controlPlane.kubectl(['create', '-f', '-'], { input: manifest })).rejects.toThrow(
      /unknown field "spec\.transcribe\.modle"/,
    );
  });
});

describe('what is changed', () => {
  it.each(CHANGE_CASES)('$promise', async ({ from, to, forbidden }) => {
    const { metadata } = await server.create(from);
    const changed = { ...aMediaJob(to, { name: metadata.name, resourceVersion: metadata.resourceVersion }) };
    const why = await refusal(server.controlPlane.client.replace(`${server.path}/${metadata.name}`, changed));
    if (forbidden === undefined) return expect(why).toBeUndefined();
    expect(why).toContain(`${forbidden}: Forbidden: `);
    expect(why).toContain('cannot be changed after the MediaJob is made: make a new one');
  });

  it('counts generations by the spec alone', async () => {
    const made = await server.create(LEAST);
    const { name } = made.metadata;
    const seen = await server.applyStatus(name, 'mediajob-operator', { phase: 'Queued' });
    expect(seen.metadata.generation).toBe(1);
    const suspended = await server.controlPlane.client.patch(`${server.path}/${name}`, {
      spec: { suspend: true },
      status: { phase: 'Failed' },
    });
    expect(suspended).toMatchObject({ metadata: { generation: 2 }, status: { phase: 'Queued' } });
  });
});

describe('zod and the API server', () => {
  it('make the same of a spec: the same verdict, and the same defaults', async () => {
    await fc.assert(
      fc.asyncProperty(anySpec(), async (spec) => {
        const parsed = MediaJobSpec.safeParse(spec);
        const answer = await server.tryOut(spec).catch((error: unknown) => {
          if (error instanceof StatusError && error.status === 422) return undefined;
          throw error;
        });
        expect(answer?.spec).toEqual(parsed.data);
      }),
      { numRuns: 300 },
    );
  });

  it('make the same of no status: a MediaJob says that it is pending before any operator has seen it', async () => {
    const made = await server.create(LEAST);
    expect(made.status).toEqual(MediaJobStatus.parse({}));
    expect(made.status).toMatchObject({ phase: 'Pending', progress: { text: '0%' } });
  });
});
