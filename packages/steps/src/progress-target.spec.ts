import { describe, expect, it } from 'vitest';
import { progressTargetOf } from './progress-target.js';

function targetOf(env: NodeJS.ProcessEnv) {
  const said: object[] = [];
  const log = { debug: () => undefined, info: () => undefined, error: () => undefined };
  const target = progressTargetOf(env, { ...log, warn: (fields) => void said.push(fields) });
  return { target, said };
}

const good = { MEDIAJOB_PROGRESS_URL: 'https://operator:8443', MEDIAJOB_PROGRESS_TOKEN_FILE: '/token' };

describe('where progress is reported', () => {
  it('is nowhere unless somebody asks for it', () => {
    expect(targetOf({})).toEqual({ target: undefined, said: [] });
    expect(targetOf({ ...good, MEDIAJOB_PROGRESS_URL: '' })).toEqual({ target: undefined, said: [] });
  });

  it.each([
    ['https://operator:8443', 'https://operator:8443/v1/progress'],
    ['https://operator:8443/', 'https://operator:8443/v1/progress'],
    ['https://gateway/mediajob', 'https://gateway/mediajob/v1/progress'],
  ])('%s is reported to at %s', (url, wanted) => {
    const { target } = targetOf({ ...good, MEDIAJOB_PROGRESS_URL: url, MEDIAJOB_PROGRESS_CA: 'PEM' });
    expect(target).toEqual({ url: new URL(wanted), tokenFile: '/token', ca: 'PEM' });
  });

  it('without certificates of its own trusts those of the system', () => {
    expect(targetOf({ ...good, MEDIAJOB_PROGRESS_CA: '' }).target).toMatchObject({ ca: undefined });
  });

  it.each([
    [
      'an address without TLS',
      { ...good, MEDIAJOB_PROGRESS_URL: 'http://operator:8443' },
      /MEDIAJOB_PROGRESS_URL must be/,
    ],
    ['no address', { ...good, MEDIAJOB_PROGRESS_URL: 'operator' }, /MEDIAJOB_PROGRESS_URL must be/],
    ['no token', { ...good, MEDIAJOB_PROGRESS_TOKEN_FILE: '' }, /MEDIAJOB_PROGRESS_TOKEN_FILE is not set/],
  ])('with %s is nowhere, and the log says why: no step fails for it', (_what, env, why) => {
    expect(targetOf(env)).toEqual({ target: undefined, said: [{ why: expect.stringMatching(why) }] });
  });
});
