import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeRequest } from '../cluster/api-request.ts';
import { actionsOf, readAuditLog } from '../cluster/audit.ts';
import { readKubeconfig, writeKubeconfig } from '../cluster/kubeconfig.ts';
import { ownedDirectory } from '../cluster/owned-directory.ts';
import { kubeProgram } from '../cluster/programs.ts';

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'cluster-rig-'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

describe('a request to the API server', () => {
  it.each([
    ['GET', '/api/v1/pods', { verb: 'list', group: '', resource: 'pods' }],
    ['GET', '/api/v1/pods?watch=true&resourceVersion=7', { verb: 'watch', group: '', resource: 'pods' }],
    ['GET', '/api/v1/pods?watch=0', { verb: 'list', group: '', resource: 'pods' }],
    ['GET', '/api/v1/namespaces', { verb: 'list', group: '', resource: 'namespaces' }],
    ['GET', '/api/v1/namespaces/a', { verb: 'get', group: '', resource: 'namespaces', name: 'a' }],
    ['PUT', '/api/v1/namespaces/a/finalize', { verb: 'update', group: '', resource: 'namespaces/finalize', name: 'a' }],
    ['POST', '/api/v1/namespaces/a/events', { verb: 'create', group: '', resource: 'events', namespace: 'a' }],
    [
      'PATCH',
      '/apis/mediajob.io/v1alpha1/namespaces/a/mediajobs/m/status?fieldManager=x',
      { verb: 'patch', group: 'mediajob.io', resource: 'mediajobs/status', namespace: 'a', name: 'm' },
    ],
    [
      'DELETE',
      '/apis/batch/v1/namespaces/a/jobs/j',
      { verb: 'delete', group: 'batch', resource: 'jobs', namespace: 'a', name: 'j' },
    ],
    [
      'DELETE',
      '/apis/batch/v1/namespaces/a/jobs',
      { verb: 'deletecollection', group: 'batch', resource: 'jobs', namespace: 'a' },
    ],
    ['GET', '/apis/batch/v1', { verb: 'get', group: '' }],
    ['GET', '/version', { verb: 'get', group: '' }],
    [
      'POST',
      '/apis/authentication.k8s.io/v1/tokenreviews',
      {
        verb: 'create',
        group: 'authentication.k8s.io',
        resource: 'tokenreviews',
      },
    ],
  ])('%s %s is told in the words of RBAC', (method, target, wanted) => {
    expect(describeRequest(method, target)).toEqual(wanted);
  });
});

describe('a directory with an owner', () => {
  it('is made new each time, and its own are left alone', () => {
    const [one, other] = [ownedDirectory('rig', home), ownedDirectory('rig', home)];
    expect(one).not.toBe(other);
    expect(existsSync(one)).toBe(true);
  });

  it('takes away those whose owner is gone, and nothing else', () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const names = [`mediajob-rig-${dead}-1-abc`, `mediajob-other-${dead}-1-abc`, 'mediajob-rig-mine', 'else'];
    for (const name of names) mkdirSync(join(home, name));
    ownedDirectory('rig', home);
    expect(readdirSync(home)).not.toContain(names[0]);
    expect(readdirSync(home)).toEqual(expect.arrayContaining(names.slice(1)));
  });

  it.runIf(process.platform === 'linux')('takes away that of an earlier process with the same id', () => {
    const name = `mediajob-rig-${process.pid}-1-abc`;
    mkdirSync(join(home, name));
    ownedDirectory('rig', home);
    expect(readdirSync(home)).not.toContain(name);
  });
});

describe('a kubeconfig', () => {
  it.each([
    ['a token', { token: 't' }],
    ['a certificate', { certificate: 'c', key: 'k' }],
  ])('with %s is read as it was written', async (_, credentials) => {
    const fields = { url: 'https://127.0.0.1:1', ca: 'PEM', credentials, namespace: 'a' };
    expect(await readKubeconfig(await writeKubeconfig(join(home, 'config'), fields))).toEqual(fields);
  });
});

describe('an audit log', () => {
  it('tells each request once, and what a user did', async () => {
    const event = (username: string, verb: string, stage: string, objectRef?: object) =>
      JSON.stringify({ stage, verb, requestURI: '/version', user: { username }, ...(objectRef ? { objectRef } : {}) });
    const path = join(home, 'audit.log');
    writeFileSync(
      path,
      [
        event('anna', 'watch', 'ResponseStarted', { resource: 'pods' }),
        event('anna', 'watch', 'ResponseComplete', { resource: 'pods' }),
        event('anna', 'patch', 'ResponseComplete', { apiGroup: 'batch', resource: 'jobs', subresource: 'status' }),
        event('anna', 'get', 'ResponseComplete'),
        event('boris', 'delete', 'ResponseComplete', { resource: 'pods' }),
        '{"half a li',
      ].join('\n'),
    );
    const events = await readAuditLog(path);
    expect(events).toHaveLength(4);
    expect(actionsOf(events, 'anna')).toEqual(['get /version', 'patch batch/jobs/status', 'watch pods']);
  });
});

describe('the programs of a control plane', () => {
  const program = (directory: string, name: string): string => {
    const path = join(directory, name);
    writeFileSync(path, '#!/bin/sh\n');
    chmodSync(path, 0o755);
    return path;
  };

  it('are those of KUBEBUILDER_ASSETS when that is set', () => {
    vi.stubEnv('KUBEBUILDER_ASSETS', home);
    vi.stubEnv('MEDIAJOB_KUBE_BIN', '/nowhere/kube');
    expect(() => kubeProgram('etcd')).toThrow(/no etcd in it/);
    expect(() => kubeProgram('kube-controller-manager')).toThrow(/npm run test:control-plane/);
    const path = program(home, 'etcd');
    expect(kubeProgram('etcd')).toBe(path);
  });

  it('are else beside MEDIAJOB_KUBE_BIN, and the command that brings it is named when it is not there', () => {
    vi.stubEnv('KUBEBUILDER_ASSETS', '');
    vi.stubEnv('MEDIAJOB_KUBE_BIN', join(home, 'kube'));
    expect(() => kubeProgram('etcd')).toThrow(/npm run setup -- --tests/);
    program(home, 'kube');
    const path = program(home, 'etcd');
    expect(kubeProgram('etcd')).toBe(path);
  });
});
