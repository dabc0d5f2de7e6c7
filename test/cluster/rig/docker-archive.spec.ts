import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerArchive } from './docker-archive.ts';

describe('dockerArchive', () => {
  const files = [{ path: 'bin/program', content: Buffer.from('#!/bin/sh\n'.repeat(100)) }];
  const archive = dockerArchive('k8s.local/x:1', files, { entrypoint: ['/bin/program'] });
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'archive-'));
    writeFileSync(join(directory, 'image.tar'), archive);
    for (const name of ['image.tar', 'layer.tar']) execFileSync('tar', ['-xf', name], { cwd: directory });
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('is a tar that holds the files as programs', () => {
    const program = join(directory, 'bin/program');
    expect(readFileSync(program)).toEqual(files[0]?.content);
    expect(statSync(program).mode & 0o777).toBe(0o755);
  });

  it('names its configuration and its layer by what they hold', () => {
    const [image] = JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8'));
    expect(image).toMatchObject({ RepoTags: ['k8s.local/x:1'], Layers: ['layer.tar'] });
    const sha256 = (name: string): string =>
      createHash('sha256')
        .update(readFileSync(join(directory, name)))
        .digest('hex');
    expect(image.Config).toBe(`${sha256(image.Config)}.json`);
    const config = JSON.parse(readFileSync(join(directory, image.Config), 'utf8'));
    expect(config.rootfs.diff_ids).toEqual([`sha256:${sha256('layer.tar')}`]);
    expect(config.config).toEqual({ Entrypoint: ['/bin/program'], User: '65535:65535' });
  });

  it('is the same for the same files', () => {
    expect(dockerArchive('k8s.local/x:1', files, { entrypoint: ['/bin/program'] }).equals(archive)).toBe(true);
  });
});
