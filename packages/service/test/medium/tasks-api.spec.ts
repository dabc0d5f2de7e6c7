import { Problem, TaskList, TaskStatus } from '@mediajob/contract';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { aHeldRun, aService, cleaned, cleanupRequest, endServices } from './test-service.js';

afterEach(endServices);

const problemOf = async (response: Response) => Problem.parse(await response.json());
const statusOf = async (response: Response) => TaskStatus.parse(await response.json());

/** The value of the one sample that has these labels among others. */
function sampleOf(metrics: string, name: string, labels: Record<string, string>): number | undefined {
  const lines = metrics
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`))
    .filter((line) => Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)));
  return lines.length === 1 ? Number(lines[0]?.split(' ').at(-1)) : undefined;
}

describe('the tasks API', () => {
  it('answers 201 to a new task, 200 to the same again, 409 to another of that id', async () => {
    const { put } = await aService();
    const first = await put('a-cleanup-0-1', cleanupRequest());
    expect(first.status).toBe(201);
    const again = await put('a-cleanup-0-1', cleanupRequest());
    expect(again.status).toBe(200);
    const other = await put('a-cleanup-0-1', cleanupRequest('another'));
    expect(other.status).toBe(409);
    expect((await problemOf(other)).code).toBe('task-differs');
  });

  it('tells instance, result and times of a task that has finished', async () => {
    const { put, fetch, service } = await aService();
    await put('a', cleanupRequest());
    const status = await vi.waitFor(async () => {
      const got = await statusOf(await fetch('/v1/tasks/a'));
      expect(got.state).toBe('succeeded');
      return got;
    }, 30_000);
    expect(status).toMatchObject({ instance: service.context.instance, result: cleaned, stage: 'cleanup' });
    expect(Date.parse(status.startedAt ?? '')).toBeLessThanOrEqual(Date.parse(status.finishedAt ?? ''));
    const list = TaskList.parse(await (await fetch('/v1/tasks')).json());
    expect(list).toMatchObject({ capacity: 1, running: 0, queued: 0, draining: false, tasks: [] });
  });

  it('answers 404 for a task that this instance does not know, naming the instance', async () => {
    const { fetch, service } = await aService();
    const response = await fetch('/v1/tasks/unknown');
    expect(response.status).toBe(404);
    const problem = await problemOf(response);
    expect(problem.code).toBe('task-not-found');
    expect(problem.detail).toContain(service.context.instance);
    expect((await fetch('/v1/tasks/unknown/events')).status).toBe(404);
    expect((await fetch('/v1/tasks/unknown', { method: 'DELETE' })).status).toBe(404);
  });

  it('names the fields of a request that are wrong', async () => {
    const { put } = await aService();
    const response = await put('a', { stage: 'cleanup', jobId: 'x', runId: 'UPPER' });
    expect(response.status).toBe(422);
    const problem = await problemOf(response);
    expect(problem.errors?.map((it) => it.path).sort()).toEqual(['jobId', 'runId']);
  });

  it('refuses a stage that is not served here with 422, and a body that is no JSON with 400', async () => {
    const { put, fetch } = await aService();
    const render = {
      stage: 'render',
      jobId: cleanupRequest().jobId,
      runId: 'r',
      source: 'uploads/x/source',
      audioTrack: 0,
      renditions: [{ format: 'mp3' }],
      maxDurationMs: 1000,
    };
    const response = await put('a', render);
    expect(response.status).toBe(422);
    expect((await problemOf(response)).errors).toEqual([
      { path: 'stage', message: expect.stringContaining('cleanup') },
    ]);
    const noJson = await fetch('/v1/tasks/a', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"stage":',
    });
    expect(noJson.status).toBe(400);
    expect((await problemOf(noJson)).code).toBe('invalid-request');
  });

  it('cancels a running task: its run is aborted', async () => {
    const held = aHeldRun();
    const { put, fetch } = await aService({ run: held.run });
    await put('a', cleanupRequest());
    await held.started;
    expect((await fetch('/v1/tasks/a', { method: 'DELETE' })).status).toBe(200);
    await vi.waitFor(async () => expect((await statusOf(await fetch('/v1/tasks/a'))).state).toBe('cancelled'), 30_000);
    expect(held.aborted()).toBe(true);
  });

  it('streams the status at each change and ends with the run', async () => {
    const held = aHeldRun();
    const { put, fetch } = await aService({
      run: async (request, context) => {
        context.progress({ fraction: 0.5 });
        return held.run(request, context);
      },
    });
    await put('a', cleanupRequest());
    const response = await fetch('/v1/tasks/a/events');
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (text.includes('"fraction":0.5')) held.release();
    }
    const states = [...text.matchAll(/^data: (.*)$/gm)].map((it) => TaskStatus.parse(JSON.parse(it[1] ?? '')).state);
    expect(states[0]).toBe('running');
    expect(states.at(-1)).toBe('succeeded');
    expect(text).toContain('retry: ');
  });

  it('writes each start and cancel to the audit log with the request that asked for it', async () => {
    const { service, lines, url } = await aService();
    await fetch(`${url}/v1/tasks/a`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', 'x-request-id': 'from-main-1' },
      body: JSON.stringify(cleanupRequest()),
    });
    const audit = lines.find((it) => it.category === 'audit');
    expect(audit).toMatchObject({
      action: 'task.start',
      outcome: 'success',
      object: 'tasks/a',
      requestId: 'from-main-1',
      instance: service.context.instance,
    });
    await vi.waitFor(
      () =>
        expect(lines).toContainEqual(
          expect.objectContaining({ task: 'a', msg: 'cleanup succeeded', requestId: 'from-main-1' }),
        ),
      30_000,
    );
  });

  it('notes an attempt to leave the media volume as suspicious', async () => {
    const { put, lines, fetch, metrics } = await aService();
    const request = {
      ...cleanupRequest(),
      stage: 'render',
      source: '../../etc/passwd',
      audioTrack: 0,
      maxDurationMs: 1000,
    };
    expect((await put('a', { ...request, renditions: [{ format: 'mp3' }] })).status).toBe(422);
    expect((await fetch('/v1/tasks/..%2f..%2fetc')).status).toBe(422);
    expect(lines.filter((it) => it.category === 'suspicious' && it.kind === 'path-traversal')).toHaveLength(2);
    expect(sampleOf(await metrics(), 'suspicious_events_total', { kind: 'path-traversal' })).toBe(2);
  });
});

describe('metrics', () => {
  it('count requests by route template, never by id', async () => {
    const { put, fetch, metrics } = await aService();
    await put('secret-id-1', cleanupRequest());
    await fetch('/v1/tasks/secret-id-1');
    await fetch('/no/such/address-7');
    const text = await vi.waitFor(async () => {
      const got = await metrics();
      expect(sampleOf(got, 'media_task_seconds_count', { stage: 'cleanup', outcome: 'succeeded' })).toBe(1);
      return got;
    }, 30_000);
    const route = '/v1/tasks/:id';
    expect(sampleOf(text, 'http_requests_total', { method: 'PUT', route, status: '201' })).toBe(1);
    expect(sampleOf(text, 'http_requests_total', { method: 'GET', route, status: '200' })).toBe(1);
    expect(sampleOf(text, 'http_requests_total', { method: 'GET', route: 'unmatched', status: '404' })).toBe(1);
    expect(sampleOf(text, 'http_request_duration_seconds_count', { method: 'PUT', route })).toBe(1);
    expect(sampleOf(text, 'media_tasks', { state: 'running' })).toBe(0);
    expect(text).not.toContain('secret-id-1');
    expect(text).not.toContain('address-7');
  });

  it('are not served on the port of the API', async () => {
    const { fetch } = await aService();
    expect((await fetch('/metrics')).status).toBe(404);
  });
});
