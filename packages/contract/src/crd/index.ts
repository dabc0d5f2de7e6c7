export { CRD_NAME, mediaJobCrd, mediaJobSchema, PLURAL } from './mediajob-crd.js';
export { IMMUTABLE_FIELDS, MEDIAJOB_EXTENSIONS } from './rules.js';
export {
  type FieldExtension,
  type FieldExtensions,
  StructuralError,
  type StructuralSchema,
  structuralSchema,
  type ValidationRule,
} from './structural.js';
