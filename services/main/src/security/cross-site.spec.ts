import { describe, expect, it } from 'vitest';
import { mayChange, type RequestOrigin } from './cross-site.js';

const request = (over: Partial<RequestOrigin>): RequestOrigin => ({
  method: 'POST',
  host: 'media.example:8000',
  fetchSite: undefined,
  origin: undefined,
  authorization: undefined,
  ...over,
});

describe('mayChange', () => {
  it.each<[string, Partial<RequestOrigin>, boolean]>([
    ['our own page', { fetchSite: 'same-origin' }, true],
    ['the address bar', { fetchSite: 'none' }, true],
    ['a program', {}, true],
    ['an SDK with a token, from anywhere', { fetchSite: 'cross-site', authorization: 'Bearer abc' }, true],
    ['an old browser on our page', { origin: 'http://media.example:8000' }, true],
    ['another site', { fetchSite: 'cross-site' }, false],
    ['another port of the same machine', { fetchSite: 'same-site' }, false],
    ['another site with our Origin forged nowhere', { fetchSite: 'cross-site', origin: 'https://evil.example' }, false],
    ['an old browser on another site', { origin: 'https://evil.example' }, false],
    ['an old browser on another port', { origin: 'http://media.example:9000' }, false],
    ['a sandboxed frame', { origin: 'null' }, false],
    ['a word that Fetch Metadata does not know', { fetchSite: 'friendly' }, false],
    [
      'basic credentials that a browser adds by itself',
      { fetchSite: 'cross-site', authorization: 'Basic YTpi' },
      false,
    ],
  ])('a change by %s', (_, over, wanted) => {
    expect(mayChange(request(over))).toBe(wanted);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'])('refuses %s from another site', (method) => {
    expect(mayChange(request({ method, fetchSite: 'cross-site' }))).toBe(false);
  });

  it.each(['GET', 'HEAD', 'OPTIONS'])('lets %s pass: it changes nothing, and CORS keeps the answer', (method) => {
    expect(mayChange(request({ method, fetchSite: 'cross-site' }))).toBe(true);
  });
});
