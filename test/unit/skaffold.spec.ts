import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Patch {
  op: string;
  path: string;
  value: unknown;
}
interface Skaffold {
  build: { artifacts: { image: string; docker: { dockerfile: string; target?: string } }[] };
  deploy: { helm: { releases: { name: string; chartPath: string; setValueTemplates: Record<string, string> }[] } };
  profiles: { name: string; patches: Patch[] }[];
}

const skaffold = parse(read('skaffold.yaml')) as Skaffold;
const { artifacts } = skaffold.build;
const [release] = skaffold.deploy.helm.releases;
const values = parse(read('charts/mediajob/values.yaml')) as Record<string, unknown>;
const patches = skaffold.profiles.flatMap((profile) => profile.patches);

function at(object: unknown, path: string[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], object);
}

// Its form was held against Skaffold's own schema v4beta13; what it refers to is ours.
describe('skaffold.yaml', () => {
  it('builds every image from a Dockerfile and a target that are there', () => {
    expect(artifacts.map((it) => it.image).sort()).toEqual(
      ['converter', 'main', 'operator', 'transcriber'].map((name) => `mediajob/${name}`),
    );
    for (const { docker } of artifacts)
      if (docker.target !== undefined) expect(read(docker.dockerfile)).toContain(` AS ${docker.target}\n`);
      else expect(existsSync(join(ROOT, docker.dockerfile))).toBe(true);
  });

  it('installs the chart with these images, by values that it has', () => {
    expect(release?.name).toBe('mediajob');
    expect(existsSync(join(ROOT, release?.chartPath ?? '', 'Chart.yaml'))).toBe(true);
    const templates = Object.entries(release?.setValueTemplates ?? {});
    expect(templates).toHaveLength(2 * artifacts.length);
    for (const [path, template] of templates) {
      expect(at(values, path.split('.')), path).toBeTypeOf('string');
      const [component, , what] = path.split('.');
      expect(template).toBe(`{{.IMAGE_${what === 'tag' ? 'TAG' : 'REPO'}_mediajob_${component}}}`);
    }
  });

  it('has profiles for CPUs and GPUs, whose settings and arguments exist', () => {
    expect(skaffold.profiles.map((it) => it.name)).toEqual(['cpu', 'gpu']);
    for (const { path, value } of patches) {
      const parent = path.split('/').slice(1, -1);
      expect(at(skaffold, parent), path).toBeDefined();
      if (path.endsWith('/valuesFiles'))
        for (const file of value as string[]) expect(existsSync(join(ROOT, file)), file).toBe(true);
      if (!path.endsWith('/buildArgs')) continue;
      const artifact = at(skaffold, parent.slice(0, -1)) as Skaffold['build']['artifacts'][number];
      for (const name of Object.keys(value as object))
        expect(read(artifact.docker.dockerfile)).toMatch(new RegExp(`^ARG ${name}\\b`, 'm'));
    }
  });

  it('gives the GPU profile the image that was built for it', () => {
    const template = patches.find(({ path }) => path.includes('setValueTemplates'));
    const path = template?.path.split('/').at(-1)?.split('.') ?? [];
    expect(at(parse(read('charts/mediajob/examples/gpu-nvidia.yaml')), path)).toBeTypeOf('string');
  });
});
