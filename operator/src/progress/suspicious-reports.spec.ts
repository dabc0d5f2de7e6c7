import type { ProblemCode } from '@mediajob/contract';
import { ProblemError, type SuspiciousEvent } from '@mediajob/service';
import { expect, it } from 'vitest';
import { ManualClock } from '../../../packages/kube/test/manual-clock.js';
import { SuspiciousReports } from './suspicious-reports.js';

function anAudit() {
  const clock = new ManualClock();
  const said: SuspiciousEvent[] = [];
  const suspicious = new SuspiciousReports({ suspicious: (event) => void said.push(event) }, clock);
  const tell = (code: ProblemCode, address = '10.0.0.7') =>
    suspicious.tell(new ProblemError(code, `${code}.`), address, 'id-1');
  return { clock, said, tell };
}

it.each<[ProblemCode, string | undefined]>([
  ['unauthorized', 'bad-token'],
  ['forbidden', 'foreign-run'],
  ['too-many-requests', 'rate-limited'],
  ['body-too-large', 'malformed-request'],
  ['invalid-request', 'malformed-request'],
  ['validation-failed', 'malformed-request'],
  ['not-found', undefined],
  ['conflict', undefined],
  ['no-leader', undefined],
  ['busy', undefined],
  ['internal', undefined],
])('%s is audited as %s', (code, kind) => {
  const { said, tell } = anAudit();
  tell(code);
  expect(said).toEqual(
    kind === undefined ? [] : [{ kind, actor: '10.0.0.7', detail: { instance: 'id-1', why: `${code}.` } }],
  );
});

it('a flood of one address does not fill the log, and hides nobody else', async () => {
  const { clock, said, tell } = anAudit();
  for (let n = 0; n < 1_000; n++) tell('unauthorized');
  expect(said.length).toBe(10);
  tell('forbidden', '10.0.0.8');
  expect(said.at(-1)).toMatchObject({ kind: 'foreign-run', actor: '10.0.0.8' });
  await clock.advance(10_000);
  for (let n = 0; n < 1_000; n++) tell('unauthorized');
  expect(said.length).toBe(12);
});
