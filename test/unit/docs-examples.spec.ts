import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { API_VERSION, JobName, KIND, MediaJobSpec, PodProfile, Profile, ProfilesFile } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

const text = (name: string): string => readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8');

/** The ```yaml blocks of a document, parsed. */
const examplesOf = (name: string): unknown[] =>
  [...text(name).matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap(([, block = '']) =>
    parseAllDocuments(block).map((document) => document.toJS() as unknown),
  );

describe('docs/PROFILES.md', () => {
  const examples = examplesOf('PROFILES.md');

  it('has an example of each kind of device', () => {
    const names = examples.flatMap((it) => Object.keys((it as ProfilesFile).profiles));
    expect(names).toEqual(['default', 'small', 'gpu', 'mig', 'gpu-shared', 'dra', 'spot']);
  });

  it.each(examples)('has examples that the operator takes: %#', (example) => {
    expect(ProfilesFile.safeParse(example).error?.issues).toBeUndefined();
  });

  it.each([...Object.keys(Profile.shape), ...Object.keys(PodProfile.shape)])('tells of %s', (field) => {
    expect(text('PROFILES.md')).toMatch(new RegExp(`^\\|[^|]*\`${field}\``, 'm'));
  });
});

describe('docs/KUBERNETES.md', () => {
  const examples = examplesOf('KUBERNETES.md') as { kind: string; metadata: { name: string }; spec: unknown }[];

  it.each(examples.filter(({ kind }) => kind === KIND))('has MediaJobs that are taken: $metadata.name', (example) => {
    expect(example).toMatchObject({ apiVersion: API_VERSION });
    expect(JobName.safeParse(example.metadata.name).success).toBe(true);
    expect(MediaJobSpec.safeParse(example.spec).error?.issues).toBeUndefined();
  });
});
