import type { Condition, ConditionReason, ConditionType } from '@mediajob/contract';

export interface ConditionUpdate {
  readonly type: ConditionType;
  readonly status: Condition['status'];
  readonly reason: ConditionReason;
  readonly message: string;
}

/**
 * Merges updates into the conditions of before. `lastTransitionTime` moves only when the status turns, as Kubernetes has it;
 * conditions that are not named stay as they are.
 */
export function withConditions(
  before: readonly Condition[],
  updates: readonly ConditionUpdate[],
  generation: number,
  now: string,
): Condition[] {
  const merged = new Map(before.map((condition) => [condition.type, condition]));
  for (const update of updates) {
    const old = merged.get(update.type);
    merged.set(update.type, {
      type: update.type,
      status: update.status,
      reason: update.reason,
      message: update.message.slice(0, 1024),
      lastTransitionTime: old !== undefined && old.status === update.status ? old.lastTransitionTime : now,
      observedGeneration: generation,
    });
  }
  return [...merged.values()];
}

export function findCondition(conditions: readonly Condition[], type: ConditionType): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}
