import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { aJob } from '../../test/mock/jobs.ts';
import { jobYaml } from './job-yaml.ts';

it('writes a manifest that YAML reads back as the same job, whatever stands in it', () => {
  const job = aJob({
    title: 'no: "yes" # Лекция\n- 7',
    spec: {
      transcribe: { model: 'base', language: 'no', prompt: 'true: {a}, [b]' },
      convert: { renditions: [{ format: 'mp4', height: 720 }, { format: 'mp3' }] },
      activeDeadlineSeconds: 3600,
    },
  });
  expect(parse(jobYaml(job))).toEqual({
    apiVersion: 'mediajob.io/v1alpha1',
    kind: 'MediaJob',
    metadata: { name: job.metadata.name, annotations: { 'mediajob.io/title': 'no: "yes" # Лекция\n- 7' } },
    spec: job.spec,
  });
});
