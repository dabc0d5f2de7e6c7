import { expect, it } from 'vitest';
import { leaderOf } from './progress-service.js';

const held = { signal: new AbortController().signal, holds: () => true };
const address = { 'mediajob.io/address': '10.0.0.2:8443' };

it.each<[what: string, elector: Parameters<typeof leaderOf>[0], wanted: ReturnType<typeof leaderOf>]>([
  ['alone, it leads itself', undefined, { self: true }],
  ['with the Lease, it leads itself', { leadership: held, holder: undefined }, { self: true }],
  [
    'without it, the holder does, at the address on the Lease',
    { leadership: undefined, holder: { identity: 'other', annotations: address } },
    { self: false, address: '10.0.0.2:8443' },
  ],
  [
    'a holder that tells no address cannot be reached',
    { leadership: undefined, holder: { identity: 'older', annotations: {} } },
    { self: false },
  ],
  ['with a Lease that nobody holds, nobody does', { leadership: undefined, holder: undefined }, { self: false }],
])('%s', (_what, elector, wanted) => {
  expect(leaderOf(elector)).toEqual(wanted);
});
