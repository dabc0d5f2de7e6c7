export { type CatalogModel, catalog, findModel, type ModelSource } from './catalog.js';
export { ModelError, type ModelErrorCode } from './model-error.js';
export { type PullOptions, type PullProgress, type PullStep, pullModel } from './pull.js';
export {
  type InstalledModel,
  installedModel,
  missing as modelMissing,
  modelPath,
  modelStatus,
  removeModel,
  verifyModel,
} from './store.js';
