import { ConverterEnv, MainEnv, TranscriberEnv } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadEnv, unknownSettings } from './config.js';

function errorOf(environment: Record<string, string>): ConfigError {
  try {
    loadEnv(ConverterEnv, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error;
  }
  throw new Error('was accepted');
}

describe('settings', () => {
  it('have defaults that need no environment at all', () => {
    expect(loadEnv(ConverterEnv, {})).toMatchObject({ MEDIAJOB_PORT: 8002, MEDIAJOB_METRICS_PORT: 9102 });
    expect(loadEnv(TranscriberEnv, {})).toMatchObject({ MEDIAJOB_PORT: 8001, MEDIAJOB_METRICS_PORT: 9101 });
    expect(loadEnv(MainEnv, {})).toMatchObject({ MEDIAJOB_PORT: 8000, MEDIAJOB_METRICS_PORT: 9100 });
  });

  it('are turned into numbers, bytes and milliseconds', () => {
    const env = loadEnv(ConverterEnv, {
      MEDIAJOB_PORT: '0',
      MEDIAJOB_RESERVE_BYTES: '5GiB',
      MEDIAJOB_SHUTDOWN_GRACE: '90s',
      MEDIAJOB_LOG_FILES: 'false',
    });
    expect(env).toMatchObject({
      MEDIAJOB_PORT: 0,
      MEDIAJOB_RESERVE_BYTES: 5 * 1024 ** 3,
      MEDIAJOB_SHUTDOWN_GRACE: 90_000,
      MEDIAJOB_LOG_FILES: false,
    });
  });

  it.each([
    ['MEDIAJOB_PORT', 'http'],
    ['MEDIAJOB_PORT', '70000'],
    ['MEDIAJOB_LOG_LEVEL', 'loud'],
    ['MEDIAJOB_RESERVE_BYTES', 'much'],
    ['MEDIAJOB_SHUTDOWN_GRACE', '90'],
    ['MEDIAJOB_LOG_FILES', 'yes'],
    ['MEDIAJOB_INSTANCE', '../../etc'],
  ])('stop the start when %s is %s, naming it and what was given', (name, value) => {
    const error = errorOf({ [name]: value });
    expect(error.exitCode).toBe(64);
    expect(error.message).toContain(`${name}=${JSON.stringify(value)}`);
    expect(error.message).toContain('docs/CONFIGURATION.md');
  });

  it('name every wrong one at once', () => {
    const { message } = errorOf({ MEDIAJOB_PORT: 'x', MEDIAJOB_CONCURRENCY: '0' });
    expect(message).toContain('MEDIAJOB_PORT');
    expect(message).toContain('MEDIAJOB_CONCURRENCY');
  });

  it('count as left out when they are empty, as compose and charts leave them', () => {
    expect(loadEnv(ConverterEnv, { MEDIAJOB_PORT: '', MEDIAJOB_INSTANCE: '' })).toMatchObject({ MEDIAJOB_PORT: 8002 });
  });

  it('of other services are known, misspelt ones are not', () => {
    expect(
      unknownSettings({ MEDIAJOB_CONVERTER_URLS: 'x', MEDIAJOB_MODEL_TTL: 'x', MEDIAJOB_PROT: '1', PATH: '/bin' }),
    ).toEqual(['MEDIAJOB_PROT']);
  });
});
