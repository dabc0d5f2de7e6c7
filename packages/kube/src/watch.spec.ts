import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WatchEvent } from './api.js';
import { KubeApiError } from './error.js';
import type { KubeObject } from './object.js';
import { lines, watchEvents } from './watch.js';

async function* chunked(bytes: Uint8Array, cuts: readonly number[]) {
  const ends = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  let start = 0;
  for (const end of ends) {
    yield bytes.subarray(start, end);
    start = end;
  }
}

const one = (text: string) => chunked(Buffer.from(text), []);

async function all<V>(values: AsyncIterable<V>): Promise<V[]> {
  const found: V[] = [];
  for await (const value of values) found.push(value);
  return found;
}

async function watched(text: string, maxLineBytes?: number) {
  const events: WatchEvent<KubeObject>[] = [];
  try {
    for await (const event of watchEvents('GET /api/v1/pods', one(text), maxLineBytes)) events.push(event);
    return { events, error: undefined };
  } catch (error) {
    return { events, error };
  }
}

const event = (type: string, resourceVersion: string) =>
  `${JSON.stringify({ type, object: { metadata: { name: 'a', resourceVersion } } })}\n`;

describe('lines', () => {
  it('are the same however chunks cut them, also in the middle of a character', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }).map((it) => it.replaceAll('\n', '␤'))),
        fc.array(fc.nat()),
        async (wanted, cuts) => {
          const bytes = Buffer.from(wanted.map((line) => `${line}\n`).join(''));
          expect(await all(lines(chunked(bytes, cuts), 1000))).toEqual(wanted);
        },
      ),
    );
  });

  it('may do without a last newline', async () => {
    expect(await all(lines(one('a\nb'), 10))).toEqual(['a', 'b']);
  });

  it('of any length are put together, up to the limit', async () => {
    const chunks = async function* () {
      for (let i = 0; i < 1000; i++) yield Buffer.from('0123456789');
    };
    expect((await all(lines(chunks(), 10_000)))[0]?.length).toBe(10_000);
    await expect(all(lines(chunks(), 9_999))).rejects.toThrow(RangeError);
  });
});

describe('the events of a watch', () => {
  it('come in order; empty lines are no events', async () => {
    const text = `${event('ADDED', '1')}\n${event('MODIFIED', '2')}${event('BOOKMARK', '9')}${event('DELETED', '10')}`;
    const { events, error } = await watched(text);
    expect(error).toBeUndefined();
    expect(events.map((it) => (it.type === 'BOOKMARK' ? it : [it.type, it.object.metadata.resourceVersion]))).toEqual([
      ['ADDED', '1'],
      ['MODIFIED', '2'],
      { type: 'BOOKMARK', resourceVersion: '9' },
      ['DELETED', '10'],
    ]);
  });

  it('end with the error that an ERROR line carries', async () => {
    const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 1 (5)' };
    const { events, error } = await watched(
      `${event('ADDED', '1')}${JSON.stringify({ type: 'ERROR', object: status })}\n`,
    );
    expect(events.length).toBe(1);
    expect(error).toBeInstanceOf(KubeApiError);
    expect(error).toMatchObject({
      status: 410,
      reason: 'Expired',
      message: 'GET /api/v1/pods was answered with 410 Expired: too old resource version: 1 (5)',
    });
  });

  it.each([
    ['an ERROR line without an object', '{"type":"ERROR"}\n', { status: 500, reason: 'InternalError' }],
    ['an ERROR line with an odd object', '{"type":"ERROR","object":7}\n', { status: 500, reason: 'InternalError' }],
    ['what is no JSON', 'secret: {\n', { reason: 'InvalidAnswer' }],
    ['a line that the end cuts off', event('ADDED', '2').slice(0, -5), { reason: 'InvalidAnswer' }],
    ['null', 'null\n', { reason: 'InvalidAnswer' }],
    ['an object without a version', '{"type":"ADDED","object":{"metadata":{}}}\n', { reason: 'InvalidAnswer' }],
    ['an event without an object', '{"type":"ADDED"}\n', { reason: 'InvalidAnswer' }],
    ['a type that nobody knows', event('RENAMED', '2'), { reason: 'InvalidAnswer' }],
  ])('end with an error at %s', async (_, text, expected) => {
    const { events, error } = await watched(event('ADDED', '1') + text);
    expect(events.length).toBe(1);
    expect(error).toBeInstanceOf(KubeApiError);
    expect(error).toMatchObject(expected);
    expect(String(error)).not.toContain('secret');
  });

  it('end with an error at one that is too large', async () => {
    const { error } = await watched('x'.repeat(101), 100);
    expect(error).toMatchObject({ reason: 'InvalidAnswer', message: expect.stringContaining('more than 100 bytes') });
  });

  it('pass on what goes wrong with the stream', async () => {
    const odd = new Error('odd');
    const stream = async function* () {
      yield Buffer.from(event('ADDED', '1'));
      throw odd;
    };
    await expect(all(watchEvents('GET', stream()))).rejects.toBe(odd);
  });
});
