import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@mediajob/kube';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProfileFile, parseProfiles, profilesOf } from './profiles.js';

const cpu = (text: string) => ({ resources: { requests: { cpu: text } } });
const cpuOf = (profiles: ReturnType<typeof profilesOf>, name: string, stage: Parameters<typeof profiles.pod>[1]) =>
  profiles.pod(name, stage)?.resources.requests?.cpu;

describe('profiles', () => {
  it('always have a default', () => {
    const profiles = profilesOf({ profiles: {} });
    expect(profiles.names).toEqual(['default']);
    for (const stage of ['convert', 'transcribe', 'finalize', 'render', 'cleanup'] as const) {
      expect(profiles.pod('default', stage)?.resources.limits?.memory, stage).toMatch(/i$/);
    }
    expect(profiles.pod('gpu', 'convert')).toBeUndefined();
  });

  it('take what they leave out from the default, and renditions are a conversion', () => {
    const profiles = profilesOf(
      parseProfiles(
        JSON.stringify({
          profiles: { default: { convert: cpu('3') }, gpu: { transcribe: cpu('8') }, big: { convert: cpu('9') } },
        }),
      ),
    );
    expect(cpuOf(profiles, 'gpu', 'convert')).toBe('3');
    expect(cpuOf(profiles, 'gpu', 'render')).toBe('3');
    expect(cpuOf(profiles, 'gpu', 'transcribe')).toBe('8');
    expect(cpuOf(profiles, 'big', 'render')).toBe('9');
  });

  it('never give finalize or cleanup the GPU of transcribe', () => {
    const profiles = profilesOf(
      parseProfiles('profiles: {gpu: {transcribe: {resources: {limits: {nvidia.com/gpu: "1"}}}}}'),
    );
    expect(profiles.pod('gpu', 'finalize')?.resources.limits).not.toHaveProperty('nvidia.com/gpu');
    expect(profiles.pod('gpu', 'cleanup')?.resources.limits).not.toHaveProperty('nvidia.com/gpu');
  });

  it.each([
    ['a field that there is not', 'profiles: {gpu: {transcribe: {gpus: 1}}}', /profiles\.gpu\.transcribe/],
    [
      'a quantity that is none',
      'profiles: {gpu: {convert: {resources: {limits: {memory: 4 GB}}}}}',
      /limits\.memory.*quantity/,
    ],
    [
      'a volume of the node',
      'profiles: {gpu: {convert: {volumes: [{name: x, mountPath: /x, hostPath: /}]}}}',
      /volumes/,
    ],
    ['a name that is none', 'profiles: {"GPU!": {}}', /GPU!/],
    ['no profiles at all', 'gpu: {}', /profiles/],
  ])('say what is wrong: %s', (_, text, want) => expect(() => parseProfiles(text)).toThrow(want));
});

describe('the file of profiles', () => {
  let directory: string;
  let path: string;
  const lines: string[] = [];
  const say = (_fields: object, message: string) => void lines.push(message);
  const log = { debug: say, info: say, warn: say, error: say };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'profiles-'));
    path = join(directory, 'profiles.yaml');
    lines.length = 0;
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is read again when it changes, and those who wait are told once', async () => {
    const file = new ProfileFile({ path, clock: systemClock, log });
    let changes = 0;
    file.onChange(() => changes++);
    await writeFile(path, 'profiles: {gpu: {}}');
    await file.read();
    await file.read();
    expect(file.names).toEqual(['default', 'gpu']);
    expect(changes).toBe(1);
    await writeFile(path, 'profiles: {}');
    await file.read();
    expect(file.pod('gpu', 'convert')).toBeUndefined();
    expect(changes).toBe(2);
  });

  it('keeps the last that could be read, and says what is wrong', async () => {
    const file = new ProfileFile({ path, clock: systemClock, log });
    await writeFile(path, 'profiles: {gpu: {}}');
    await file.read();
    await writeFile(path, 'profiles: [');
    await file.read();
    await rm(path);
    await file.read();
    expect(file.names).toEqual(['default', 'gpu']);
    expect(lines.filter((line) => line.includes('cannot be read'))).toHaveLength(2);
  });

  it('knows the default before there is one', async () => {
    const file = new ProfileFile({ path, clock: systemClock, log });
    await file.read();
    expect(file.names).toEqual(['default']);
  });

  it('is watched until the signal says no', async () => {
    const file = new ProfileFile({ path, clock: systemClock, log, everyMs: 5 });
    const stop = new AbortController();
    const seen = new Promise<void>((resolve) => file.onChange(resolve));
    const watching = file.watch(stop.signal);
    await writeFile(path, 'profiles: {late: {}}');
    await seen;
    stop.abort();
    await watching;
    expect(file.names).toContain('late');
  });
});
