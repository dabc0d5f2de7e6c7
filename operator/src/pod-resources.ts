import type { PodProfile } from '@mediajob/contract';
import type { Affinity, NodeSelectorRequirement, ResourceRequirements } from '@mediajob/kube';
import { mebibytes, quantityOf } from './quantity.js';

/** Unless the profile says how much memory a run may get, so many times its limit. */
const MOST_MEMORY_FACTOR = 4;

/**
 * A profile's resources with its memory multiplied, after runs that had too little: never more than the profile allows,
 * and never less than it gives anyway.
 */
export function resourcesOf({ resources, maxMemory }: PodProfile, memoryFactor: number): ResourceRequirements {
  const { requests, limits, claims } = resources;
  const given = limits?.memory ?? requests?.memory;
  const bytes = given === undefined ? undefined : quantityOf(given);
  const most = (maxMemory === undefined ? undefined : quantityOf(maxMemory)) ?? (bytes ?? 0) * MOST_MEMORY_FACTOR;
  const scaled = (entries: Readonly<Record<string, string>> | undefined) => {
    const memory = entries?.memory === undefined ? undefined : quantityOf(entries.memory);
    if (memory === undefined || memoryFactor <= 1) return entries;
    return { ...entries, memory: mebibytes(Math.max(memory, Math.min(memory * memoryFactor, most))) };
  };
  return {
    ...(requests !== undefined && { requests: scaled(requests) }),
    ...(limits !== undefined && { limits: scaled(limits) }),
    ...(claims !== undefined && { claims }),
  };
}

/** A profile's affinity, away from nodes whose device failed. Of several terms one must be met, so each says it. */
export function affinityOf({ affinity }: PodProfile, avoidNodes: readonly string[]): Affinity | undefined {
  const own = affinity as Affinity | undefined;
  if (avoidNodes.length === 0) return own;
  const away: NodeSelectorRequirement = { key: 'kubernetes.io/hostname', operator: 'NotIn', values: [...avoidNodes] };
  const required = own?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const terms = required === undefined || required.nodeSelectorTerms.length === 0 ? [{}] : required.nodeSelectorTerms;
  return {
    ...own,
    nodeAffinity: {
      ...own?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: terms.map((term) => ({
          ...term,
          matchExpressions: [...(term.matchExpressions ?? []), away],
        })),
      },
    },
  };
}
