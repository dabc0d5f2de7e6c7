import { expect, it } from 'vitest';
import { SpeedMeter } from './speed-meter.ts';

it('tells nothing before it has measured for half a second', () => {
  const meter = new SpeedMeter();
  meter.add(0, 0);
  meter.add(400, 4_000);
  expect(meter.bytesPerSecond).toBeUndefined();
});

it('follows a line that becomes slower within seconds', () => {
  const meter = new SpeedMeter();
  for (let second = 0; second <= 60; second += 1) meter.add(second * 1000, second * 1_000_000);
  for (let second = 1; second <= 10; second += 1) meter.add((60 + second) * 1000, 60_000_000 + second * 1_000);
  expect(meter.bytesPerSecond).toBeLessThan(2_000);
});

it('starts anew when a part is sent again', () => {
  const meter = new SpeedMeter();
  meter.add(0, 0);
  meter.add(1_000, 9_000_000);
  meter.add(2_000, 1_000_000);
  meter.add(3_000, 2_000_000);
  expect(meter.bytesPerSecond).toBe(1_000_000);
});
