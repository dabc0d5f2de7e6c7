export { ACCOUNTS, type PolicyRule, policyRules, type RbacObject, type RbacOptions, rbacObjects } from './objects.js';
export {
  CLUSTER_GRANTS,
  EDIT_GRANTS,
  type Grant,
  KUEUE_GRANTS,
  MAIN_GRANTS,
  NAMESPACE_DELETION_GRANTS,
  ownNamespaceGrants,
  type RbacNames,
  RELEASE_GRANTS,
  type Verb,
  VIEW_GRANTS,
  watchedNamespaceGrants,
} from './rules.js';
