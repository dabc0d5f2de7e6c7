export { jobName } from './job-name.js';
export { FieldManager, JobAnnotation, Label, MEDIAJOB_FINALIZER, RUN_SELECTOR } from './labels.js';
export { ProgressBook, type RunProgress } from './progress-book.js';
