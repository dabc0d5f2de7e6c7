import type { FailureReason } from '@mediajob/contract';
import type { Chance } from './chance.js';
import type { End, Ledger, RunOf } from './ledger.js';

/** How a pod ends by itself. */
export interface Fate {
  readonly kind: End;
  readonly exitCode: number;
  /** Whether it leaves a termination message that can be read. */
  readonly readable: boolean;
  /** What it leaves instead. */
  readonly noise?: string;
  readonly failure?: FailureReason;
  /** What the container runtime says. */
  readonly reason?: string;
  readonly inPrepare?: boolean;
  readonly withoutContainer?: boolean;
}

const DONE: Fate = { kind: 'done', exitCode: 0, readable: true };

const failing = (exitCode: number, failure: FailureReason, kind: End = 'counted'): Fate[] => [
  { kind, exitCode, readable: true, failure },
  { kind, exitCode, readable: false },
];

const COUNTED: readonly Fate[] = [
  ...failing(69, 'DeviceUnavailable'),
  ...failing(70, 'Internal'),
  ...failing(74, 'StorageError'),
  ...failing(75, 'Temporary'),
  { kind: 'counted', exitCode: 137, readable: false, reason: 'OOMKilled' },
  { kind: 'counted', exitCode: 137, readable: true, failure: 'OutOfMemory' },
  { kind: 'counted', exitCode: 137, readable: false },
  { kind: 'counted', exitCode: 255, readable: false, noise: 'Segmentation fault' },
  { kind: 'counted', exitCode: 1, readable: false },
  { kind: 'counted', exitCode: 1, readable: false, withoutContainer: true },
];

/** A finished step that says nothing is run again, and prints its result then. */
const FREE: readonly Fate[] = [
  { kind: 'free', exitCode: 0, readable: false },
  { kind: 'free', exitCode: 0, readable: false, noise: '{"result":{"stage":"conv' },
  { kind: 'free', exitCode: 143, readable: false },
  { kind: 'free', exitCode: 143, readable: true, failure: 'Interrupted' },
  { kind: 'free', exitCode: 137, readable: false, reason: 'ContainerStatusUnknown' },
];

const WAITS: readonly Fate[] = [...failing(73, 'StorageFull', 'waits'), ...failing(78, 'ModelNotFound', 'waits')];

const FATAL: readonly Fate[] = [
  ...failing(64, 'InvalidArguments', 'fatal'),
  ...failing(66, 'InputNotFound', 'fatal').map((it) => ({ ...it, inPrepare: true })),
  { kind: 'fatal', exitCode: 78, readable: true, failure: 'BadChecksum' },
];

/** @param kind nothing fails but what has to */
export function fateOf(
  { uid, stage }: RunOf,
  { chance, ledger }: { chance: Chance; ledger: Ledger },
  kind: boolean,
): Fate {
  if (stage === 'convert' && ledger.natures.get(uid)?.doomed === true) {
    return { kind: 'fatal', exitCode: 65, readable: true, failure: 'UnsupportedMedia' };
  }
  if (kind) return DONE;
  const of = chance.weighted<readonly Fate[]>([
    [70, [DONE]],
    [12, COUNTED],
    [9, FREE],
    [5, WAITS],
    // What removes files has nothing that could be wrong for good.
    [stage === 'cleanup' ? 0 : 1, FATAL],
  ]);
  return chance.pick(of);
}
