import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Service {
  image: string;
  networks: string[];
  ports?: string[];
  volumes: string[];
  restart: string;
  user: string;
  read_only: boolean;
  cap_drop: string[];
  security_opt: string[];
  environment: Record<string, string>;
  healthcheck?: { test: string[]; interval: string; timeout: string; retries: number; start_period: string };
  deploy: { resources: { limits: { cpus: string; memory: string } } };
  container_name?: string;
}

const compose = parse(readFileSync(join(import.meta.dirname, '../../compose.yaml'), 'utf8'), { merge: true }) as {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  volumes: Record<string, unknown>;
};
const services = Object.entries(compose.services);

describe('compose.yaml', () => {
  it('has the three services and a one-shot that pulls models', () => {
    expect(Object.keys(compose.services).sort()).toEqual(['converter', 'main', 'models', 'transcriber']);
    expect(compose.services.models?.restart).toBe('no');
  });

  it.each(services)('runs %s without privileges, on a read-only root, within limits', (_, service) => {
    expect(service.user).toBe('10001:10001');
    expect(service.read_only).toBe(true);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
    expect(service.deploy.resources.limits).toMatchObject({ cpus: expect.any(String), memory: expect.any(String) });
  });

  it.each(services.filter(([name]) => name !== 'models'))(
    'checks the health of %s by node and starts it again',
    (_, service) => {
      expect(service.healthcheck).toMatchObject({ interval: '30s', timeout: '10s', retries: 3, start_period: '40s' });
      expect(service.healthcheck?.test.slice(0, 3)).toEqual(['CMD', 'node', '-e']);
      expect(service.restart).toBe('unless-stopped');
    },
  );

  it('keeps the workers on an internal network and publishes main alone', () => {
    expect(compose.networks.workers?.internal).toBe(true);
    expect(compose.services.converter?.networks).toEqual(['workers']);
    expect(compose.services.transcriber?.networks).toEqual(['workers']);
    expect(compose.services.main?.networks).toContain('edge');
    expect(services.filter(([, service]) => service.ports).map(([name]) => name)).toEqual(['main']);
  });

  it('lets models be written by the one-shot alone', () => {
    expect(compose.services.transcriber?.volumes).toContain('models:/data/models:ro');
    expect(compose.services.models?.volumes).toEqual(['models:/data/models']);
  });

  it('has named volumes for uploads, outputs, logs and models', () => {
    expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(['uploads', 'outputs', 'logs', 'models']));
  });

  it('allows --scale for both workers: no fixed name, no published port', () => {
    for (const name of ['converter', 'transcriber']) {
      expect(compose.services[name]?.container_name).toBeUndefined();
      expect(compose.services[name]?.ports).toBeUndefined();
    }
  });
});
