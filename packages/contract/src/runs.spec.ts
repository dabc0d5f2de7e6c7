import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseRunName, runName } from './runs.js';
import { STAGES } from './steps.js';
import { TaskId } from './tasks.js';

const UID = '0b9e5f0c-3c55-4b62-9f3b-6d2f3f1d2a10';

it('a run’s name is a task id, and reads back as the same run', () => {
  const number = fc.integer({ min: 1, max: 99_999 });
  fc.assert(
    fc.property(
      fc.record({
        stage: fc.constantFrom(...STAGES),
        shard: fc.integer({ min: 0, max: 9999 }),
        attempt: number,
        try: number,
      }),
      (key) => {
        const name = runName(UID, key);
        expect(TaskId.parse(name)).toBe(name);
        expect(parseRunName(name)).toEqual({ jobId: UID, key });
      },
    ),
  );
});

it.each(['', 'someone-elses-task', `${UID}-convert-0-1`, `${UID}-unknown-0-1-1`, `x${UID}-convert-0-1-1`])(
  '%j is not ours',
  (name) => {
    expect(parseRunName(name)).toBeUndefined();
  },
);
