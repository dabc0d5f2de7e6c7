import { Problem } from '@mediajob/contract';
import { afterEach, describe, expect, it } from 'vitest';
import { aService, endServices } from './test-service.js';

afterEach(endServices);

describe('a running service', () => {
  it('tells its port in the start line, also when it was asked for a free one', async () => {
    const { service, lines } = await aService();
    const line = lines.find((it) => it.msg === 'listening');
    expect(line).toMatchObject({ port: service.port, metricsPort: service.metricsPort });
    expect(service.port).toBeGreaterThan(0);
  });

  it('answers an unknown address with a problem that carries the request id', async () => {
    const { fetch } = await aService();
    const response = await fetch('/nothing/here', { headers: { 'x-request-id': 'abc-123' } });
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(Problem.parse(await response.json())).toMatchObject({ code: 'not-found', instance: 'abc-123' });
    expect(response.headers.get('x-request-id')).toBe('abc-123');
  });

  it('serves OpenAPI with the schemas of its bodies, and a page to read it', async () => {
    const { fetch } = await aService();
    const document = (await (await fetch('/openapi.json')).json()) as {
      paths: Record<string, Record<string, { requestBody?: unknown; parameters?: unknown; responses: unknown }>>;
    };
    const put = document.paths['/v1/tasks/{id}']?.put;
    expect(JSON.stringify(put?.requestBody)).toContain('transcribe');
    expect(JSON.stringify(put?.responses)).toContain('queued');
    expect(JSON.stringify(put?.responses)).toContain('Problem');
    const page = await fetch('/docs');
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('swagger-ui');
  });
});
