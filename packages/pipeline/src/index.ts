export { parseRunName, type RunKey, runName } from '@mediajob/contract';
export { findCondition, withConditions } from './conditions.js';
export { decide } from './decide.js';
export type { Action, Decision, JobEvent, StopReason } from './decision.js';
export {
  isLive,
  NO_TALLY,
  type Observed,
  type ObservedRun,
  type PipelinePolicy,
  type RefusedStart,
  type RunState,
  type SpentRun,
  sameKey,
  type Tally,
  type Waiting,
} from './observed.js';
export { STAGE_WORDS } from './stage-status.js';
export { sentence } from './waiting.js';
