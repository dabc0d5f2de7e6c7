export type { StepContext, StepLogger } from './context.js';
export * from './engine-pool.js';
export { failureOf, StepError } from './failure.js';
export { enginePoolOf, type StepTools, stepToolsOf } from './job-context.js';
export { type JobDependencies, runJob } from './run-job.js';
export { runStep } from './run-step.js';
export { chooseSpeech, type SpeechChoice } from './speech-choice.js';
