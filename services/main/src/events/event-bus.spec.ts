import { expect, it } from 'vitest';
import { EventBus } from './event-bus.js';

const gone = (id: string) => ({ type: 'upload-deleted' as const, id });

it('numbers events, and gives a reader who comes back what it missed', () => {
  const bus = new EventBus(undefined, 'e');
  const seen: string[] = [];
  const end = bus.subscribe(({ id }) => seen.push(id));
  bus.publish(gone('1'));
  end();
  bus.publish(gone('2'));
  bus.publish(gone('3'));
  expect(seen).toEqual(['e-1']);
  expect(bus.replay('e-1')?.map(({ id }) => id)).toEqual(['e-2', 'e-3']);
  expect(bus.replay(bus.lastId)).toEqual([]);
});

it.each(['other-1', 'e-99', 'e-', '', 'e-1x', '1'])('%j: nobody knows what was missed', (id) => {
  const bus = new EventBus(undefined, 'e');
  bus.publish(gone('1'));
  expect(bus.replay(id)).toBeUndefined();
});

it('keeps the last two thousand; who missed more loads anew', () => {
  const bus = new EventBus(undefined, 'e');
  for (let i = 0; i < 2001; i++) bus.publish(gone(String(i)));
  expect(bus.replay('e-0')).toBeUndefined();
  expect(bus.replay('e-1')).toHaveLength(2000);
});

it('calls every listener although one throws', () => {
  const errors: unknown[] = [];
  const bus = new EventBus((error) => errors.push(error));
  let called = 0;
  bus.subscribe(() => {
    throw new Error('broken pipe');
  });
  bus.subscribe(() => called++);
  bus.publish(gone('1'));
  expect(called).toBe(1);
  expect(errors).toHaveLength(1);
});
