import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpKubeApi } from '../../src/client.js';
import type { KubeApiError } from '../../src/error.js';
import { ConfigMaps, Jobs, Pods, TOKEN_REVIEWS } from '../../src/kinds.js';
import { metricValue } from '../metric-value.js';
import { aClient, connected, Ends, theAuthority } from './a-client.js';
import { answer, refuse, type SeenRequest } from './loopback-server.js';

const ends = new Ends();
afterEach(ends.all);

const ref = { namespace: 'x', name: 'a' };
const metadata = {
  namespace: 'x',
  name: 'a',
  uid: 'u',
  resourceVersion: '7',
  creationTimestamp: '2026-01-01T00:00:00Z',
};
const aConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
const aJob = { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { template: { spec: { containers: [] } } } };

async function failureOf(promise: Promise<unknown>): Promise<KubeApiError> {
  try {
    await promise;
  } catch (error) {
    return error as KubeApiError;
  }
  throw new Error('it did not fail');
}

describe('a call', () => {
  const path = '/api/v1/namespaces/x/configmaps';
  it.each<[string, (api: HttpKubeApi) => Promise<unknown>, Partial<SeenRequest> & { type?: string; json?: unknown }]>([
    ['get', (api) => api.get(ConfigMaps, ref), { method: 'GET', path: `${path}/a`, body: '' }],
    [
      'create',
      (api) => api.create(ConfigMaps, aConfigMap),
      { method: 'POST', path, type: 'application/json', json: aConfigMap },
    ],
    ['replace', (api) => api.replace(ConfigMaps, aConfigMap), { method: 'PUT', path: `${path}/a`, json: aConfigMap }],
    [
      'replace of the status',
      (api) => api.replace(Jobs, aJob, { subresource: 'status' }),
      { method: 'PUT', path: '/apis/batch/v1/namespaces/x/jobs/a/status', json: aJob },
    ],
    [
      'merge patch',
      (api) => api.patch(ConfigMaps, ref, { type: 'merge', body: { data: { k: null } } }, { fieldManager: 'me' }),
      {
        method: 'PATCH',
        path: `${path}/a?fieldManager=me`,
        type: 'application/merge-patch+json',
        json: { data: { k: null } },
      },
    ],
    [
      'strategic patch of the status',
      (api) => api.patch(Pods, ref, { type: 'strategic', body: { status: {} } }, { subresource: 'status' }),
      {
        method: 'PATCH',
        path: '/api/v1/namespaces/x/pods/a/status',
        type: 'application/strategic-merge-patch+json',
        json: { status: {} },
      },
    ],
    [
      'JSON patch',
      (api) => api.patch(ConfigMaps, ref, { type: 'json', body: [{ op: 'remove', path: '/data/k' }] }),
      {
        method: 'PATCH',
        path: `${path}/a`,
        type: 'application/json-patch+json',
        json: [{ op: 'remove', path: '/data/k' }],
      },
    ],
    [
      'apply',
      (api) => api.apply(ConfigMaps, aConfigMap, { fieldManager: 'the operator', force: true }),
      {
        method: 'PATCH',
        path: `${path}/a?fieldManager=the+operator&force=true`,
        type: 'application/apply-patch+yaml',
        json: aConfigMap,
      },
    ],
    [
      'apply of the status',
      (api) => api.apply(Jobs, aJob, { fieldManager: 'me', subresource: 'status' }),
      { method: 'PATCH', path: '/apis/batch/v1/namespaces/x/jobs/a/status?fieldManager=me', json: aJob },
    ],
    [
      'delete',
      (api) =>
        api.delete(Jobs, ref, { propagationPolicy: 'Background', preconditions: { uid: 'u' }, gracePeriodSeconds: 0 }),
      {
        method: 'DELETE',
        path: '/apis/batch/v1/namespaces/x/jobs/a',
        type: 'application/json',
        json: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy: 'Background',
          preconditions: { uid: 'u' },
          gracePeriodSeconds: 0,
        },
      },
    ],
    [
      'post',
      (api) => api.post(TOKEN_REVIEWS, { spec: { token: 't' } }),
      { method: 'POST', path: '/apis/authentication.k8s.io/v1/tokenreviews', json: { spec: { token: 't' } } },
    ],
  ])('of the kind %s is sent as the API server wants it, and answered as it comes', async (_, call, wanted) => {
    const { server, api } = await connected(ends, (_request, response) => answer(response, 200, aConfigMap));
    const answered = await call(api);
    const [seen] = server.requests;
    const { type, json, ...rest } = wanted;
    expect(seen).toMatchObject(rest);
    if (type !== undefined) expect(seen?.headers['content-type']).toBe(type);
    if (json !== undefined) expect(JSON.parse(seen?.body ?? '')).toEqual(json);
    expect(seen?.headers).toMatchObject({ accept: 'application/json', authorization: 'Bearer secret-token' });
    expect(seen?.headers['user-agent']).toMatch(/^mediajob-kube \(\w+\/\w+\)$/);
    if (answered !== undefined) expect(answered).toEqual(aConfigMap);
  });

  it('lists one page, and gives items the kind that the server leaves out', async () => {
    const { server, api } = await connected(ends, (_, response) =>
      answer(response, 200, {
        kind: 'JobList',
        metadata: { resourceVersion: '9', continue: 'next', remainingItemCount: 4 },
        items: [{ metadata }],
      }),
    );
    expect(
      await api.list(Jobs, {
        namespace: 'x',
        labelSelector: 'a in (b,c)',
        fieldSelector: 'm=1',
        limit: 1,
        continue: 'p=&',
      }),
    ).toEqual({
      items: [{ apiVersion: 'batch/v1', kind: 'Job', metadata }],
      resourceVersion: '9',
      continue: 'next',
      remainingItemCount: 4,
    });
    expect(Object.fromEntries(server.requests[0]?.url.searchParams ?? [])).toEqual({
      labelSelector: 'a in (b,c)',
      fieldSelector: 'm=1',
      limit: '1',
      continue: 'p=&',
    });
  });

  it('takes a list without items, as Go writes an empty one, and one without more pages', async () => {
    const { api } = await connected(ends, (_, response) =>
      answer(response, 200, { metadata: { resourceVersion: '9', continue: '' }, items: null }),
    );
    expect(await api.list(Pods)).toEqual({ items: [], resourceVersion: '9' });
  });

  it('reads a list of 60 MB', async () => {
    const data = { padding: 'x'.repeat(1_000_000) };
    const items = Array.from({ length: 60 }, () => ({ metadata, data }));
    const { api } = await connected(ends, (_, response) =>
      answer(response, 200, { metadata: { resourceVersion: '9' }, items }),
    );
    expect((await api.list(ConfigMaps)).items.length).toBe(60);
  });

  it('goes below the path of a server that has one', async () => {
    const { server } = await connected(ends, (_, response) => answer(response, 200, aConfigMap));
    const below = aClient(`${server.url}/k8s/clusters/c-1/`, (await theAuthority()).pem);
    ends.add(() => below.close());
    await below.get(ConfigMaps, ref);
    expect(server.requests[0]?.path).toBe('/k8s/clusters/c-1/api/v1/namespaces/x/configmaps/a');
  });

  it.each([
    ['no JSON', '<html>secret</html>', 'is not JSON'],
    ['no object', '"secret"', 'is no object'],
    ['nothing', '', 'is no object'],
  ])('that is answered with 200 and %s fails, quotes nothing, and is not sent again', async (_, body, words) => {
    const { server, api } = await connected(ends, (_request, response) => answer(response, 200, body));
    const error = await failureOf(api.get(ConfigMaps, ref));
    expect(error).toMatchObject({ status: 200, reason: 'InvalidAnswer', message: expect.stringContaining(words) });
    expect(everythingOf(error)).not.toContain('secret');
    expect(server.requests.length).toBe(1);
  });

  it('that is answered with no list, where one was asked for, fails', async () => {
    const { api } = await connected(ends, (_, response) => answer(response, 200, aConfigMap));
    expect(await failureOf(api.list(ConfigMaps))).toMatchObject({ reason: 'InvalidAnswer' });
  });

  it('with an answer that has no end is not read for ever', async () => {
    const { server, api } = await connected(
      ends,
      (_, response) => {
        response.writeHead(200);
        const more = setInterval(() => response.write('x'.repeat(10_000)), 1);
        response.on('close', () => clearInterval(more));
      },
      { maxAnswerBytes: 100_000 },
    );
    expect(await failureOf(api.get(ConfigMaps, ref))).toMatchObject({
      reason: 'InvalidAnswer',
      message: expect.stringContaining('more than 100000 bytes'),
    });
    expect(server.requests.length).toBe(1);
  });

  it('that is larger than the server takes is not sent', async () => {
    const { server, api } = await connected(ends, (_, response) => answer(response, 200, aConfigMap));
    const draft = { ...aConfigMap, data: { k: 'x'.repeat(3 * 2 ** 20) } };
    expect(await failureOf(api.create(ConfigMaps, draft))).toMatchObject({
      status: 413,
      reason: 'RequestEntityTooLarge',
    });
    expect(server.requests).toEqual([]);
  });

  it('tells nothing of headers and bodies when it fails', async () => {
    const { api } = await connected(ends, (_, response) =>
      answer(response, 500, 'the secret of the proxy', { 'x-secret': 'secret' }),
    );
    const error = await failureOf(api.create(ConfigMaps, { ...aConfigMap, data: { k: 'secret' } }));
    expect(error.message).toBe('POST /api/v1/namespaces/x/configmaps was answered with 500 InternalError');
    expect(everythingOf(error)).not.toContain('secret');
  });

  it('is measured: each try by code, a call that waits, and what is sent again', async () => {
    const registry = new Registry();
    const { server, api } = await connected(
      ends,
      (_, response) => {
        if (server.requests.length === 1) refuse(response, 503, 'ServiceUnavailable');
        else if (server.requests.length === 2) response.stream.close();
        else answer(response, 200, aConfigMap);
      },
      { registry },
    );
    await api.get(ConfigMaps, ref);
    const count = (name: string, labels: Record<string, string>) => metricValue(registry, name, labels);
    for (const code of ['503', '<error>', '200']) {
      expect(await count('rest_client_requests_total', { code, method: 'GET' })).toBe(1);
    }
    expect(await count('rest_client_request_retries_total', { code: '503', verb: 'GET' })).toBe(1);
    expect(await count('rest_client_request_retries_total', { code: '<error>', verb: 'GET' })).toBe(1);
    expect(await count('rest_client_request_duration_seconds_count', { verb: 'GET' })).toBe(3);
    expect(await count('rest_client_rate_limiter_duration_seconds_count', { verb: 'GET' })).toBe(1);
  });
});

/** All that a logger might print of it. */
function everythingOf(error: Error): string {
  const parts: string[] = [];
  for (let it: unknown = error; it instanceof Error; it = it.cause) {
    parts.push(it.message, it.stack ?? '', JSON.stringify({ ...it }));
  }
  return parts.join('\n');
}
