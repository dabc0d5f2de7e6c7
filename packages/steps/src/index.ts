export type { StepContext, StepLogger } from './context.js';
export * from './engine-pool.js';
export type { EntryDependencies } from './entry.js';
export { failureOf, StepError } from './failure.js';
export { engineOf, enginePoolOf, type StepTools, stepToolsOf } from './job-context.js';
export { prepare } from './prepare.js';
export { type JobDependencies, type JobMeter, runJob } from './run-job.js';
export { runStep } from './run-step.js';
export { chooseSpeech, type SpeechChoice } from './speech-choice.js';
