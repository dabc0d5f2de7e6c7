export { parseRunName, type RunKey, runName } from '@mediajob/contract';
export { decide } from './decide.js';
export type { Action, Decision, JobEvent, StopReason } from './decision.js';
export {
  isLive,
  NO_TALLY,
  type Observed,
  type ObservedRun,
  type PipelinePolicy,
  type RunState,
  sameKey,
  type Tally,
  type Waiting,
} from './observed.js';
