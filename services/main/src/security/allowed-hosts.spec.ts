import { describe, expect, it } from 'vitest';
import { hostNameOf, hostRule } from './allowed-hosts.js';

describe('hostNameOf', () => {
  it.each([
    ['Example.com:8000', 'example.com'],
    ['example.com', 'example.com'],
    ['example.com.', 'example.com'],
    ['127.0.0.1:80', '127.0.0.1'],
    ['[::1]:8000', '::1'],
    ['', undefined],
    [undefined, undefined],
    ['a b', undefined],
    ['evil.example/..', undefined],
    ['user@host', undefined],
  ])('%s is %s', (header, wanted) => {
    expect(hostNameOf(header)).toBe(wanted);
  });
});

describe('hostRule', () => {
  it.each([
    ['127.0.0.1', undefined, 'localhost', true],
    ['127.0.0.1', undefined, '127.0.0.1', true],
    ['::1', undefined, '::1', true],
    ['localhost', undefined, 'app.localhost', true],
    ['127.0.0.1', undefined, 'evil.example', false],
    ['127.0.0.1', undefined, 'localhost.evil.example', false],
    ['127.0.0.1', undefined, '127.0.0.1.evil.example', false],
    ['127.0.0.1', undefined, '192.168.1.5', false],
    ['0.0.0.0', undefined, 'anything.example', true],
    ['0.0.0.0', ['media.example'], 'media.example', true],
    ['0.0.0.0', ['Media.Example:8000'], 'media.example', true],
    ['0.0.0.0', ['media.example'], 'evil.example', false],
    ['127.0.0.1', ['media.example'], 'localhost', false],
    ['127.0.0.1', ['*'], 'anything.example', true],
  ])('listening on %s with %j answers to %s: %s', (listening, configured, host, wanted) => {
    expect(hostRule(listening, configured as string[] | undefined)(host)).toBe(wanted);
  });
});
