export { jobName } from './job-name.js';
export { FieldManager, JobAnnotation, Label, MEDIAJOB_FINALIZER, RUN_SELECTOR } from './labels.js';
export { type MediaJobObject, MediaJobs } from './media-job-kind.js';
export { type OperatorConfig, operatorConfig } from './operator-config.js';
export { ProgressBook, type RunProgress } from './progress-book.js';
export { createOperator, type Operator, type OperatorOptions, startOperator } from './start-operator.js';
