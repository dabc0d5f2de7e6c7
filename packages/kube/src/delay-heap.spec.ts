import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DelayHeap } from './delay-heap.js';

const key = fc.integer({ min: 0, max: 12 }).map((it) => `k${it}`);
const step = fc.oneof(
  fc.record({ type: fc.constant('set' as const), key, at: fc.integer({ min: 0, max: 30 }) }),
  fc.record({ type: fc.constant('remove' as const), key }),
  fc.record({ type: fc.constant('pop' as const) }),
  fc.record({ type: fc.constant('clear' as const) }),
);

describe('the heap of delayed keys', () => {
  it('gives what a sorted list gives', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = new DelayHeap<{ key: string; at: number }>();
        const model = new Map<string, number>();
        for (const it of steps) {
          if (it.type === 'set') {
            heap.set({ key: it.key, at: it.at });
            model.set(it.key, it.at);
          }
          if (it.type === 'remove') {
            expect(heap.remove(it.key)?.at).toBe(model.get(it.key));
            model.delete(it.key);
          }
          if (it.type === 'clear') {
            heap.clear();
            model.clear();
          }
          const head = heap.peek();
          expect(head?.at).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
          if (it.type === 'pop' && head !== undefined) {
            heap.remove(head.key);
            expect(model.get(head.key)).toBe(head.at);
            model.delete(head.key);
          }
          expect(heap.size).toBe(model.size);
          for (const [known, at] of model) expect(heap.get(known)?.at).toBe(at);
        }
      }),
    );
  });
});
