import { describe, expect, it } from 'vitest';
import { contextOfHeaders, outgoingHeaders, requestContext, withRequestContext } from './request-context.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';

describe('the request context', () => {
  it('keeps a caller’s request id and trace, with a span of its own', () => {
    const context = contextOfHeaders({ requestId: 'r-1', traceparent: `00-${TRACE}-b7ad6b7169203331-00` });
    expect(context.requestId).toBe('r-1');
    expect(context.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
    expect(context.traceparent).not.toContain('b7ad6b7169203331');
  });

  it.each([
    ['a line break', 'a\nb'],
    ['nothing', ''],
    ['a path', '../../x'],
    ['too much', 'x'.repeat(129)],
  ])('makes a new request id instead of %s', (_what, requestId) => {
    expect(contextOfHeaders({ requestId }).requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    'ff-x-y-z',
    `01-${TRACE}-b7ad6b7169203331-01-x`,
  ])('makes a new trace instead of the invalid %s', (traceparent) => {
    const made = contextOfHeaders({ traceparent }).traceparent;
    expect(made).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(made).not.toContain(TRACE);
  });

  it('follows asynchronous work and goes along with calls to other services', async () => {
    const context = contextOfHeaders({ requestId: 'r-2' });
    await withRequestContext(context, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      expect(requestContext()).toBe(context);
      const headers = outgoingHeaders();
      expect(headers['x-request-id']).toBe('r-2');
      expect(headers.traceparent?.slice(0, 35)).toBe(context.traceparent.slice(0, 35));
    });
    expect(outgoingHeaders()).toEqual({});
  });
});
