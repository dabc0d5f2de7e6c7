export { decide } from './decide.js';
export type { Action, Decision, JobEvent, StopReason } from './decision.js';
export {
  isLive,
  NO_TALLY,
  type Observed,
  type ObservedRun,
  type PipelinePolicy,
  type RunKey,
  type RunState,
  sameKey,
  type Tally,
  type Waiting,
} from './observed.js';
export { parseRunName, runName } from './run-name.js';
