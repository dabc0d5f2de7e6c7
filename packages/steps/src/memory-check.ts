import { catalog, EngineError, type EngineKind, leastMemory } from '@mediajob/speech';
import { formatBytes } from '@mediajob/storage';

/**
 * Refuses a model for which there is no memory, before anything of it is read: the kernel would otherwise kill the process
 * half-way, and nobody would know why.
 * @throws EngineError out-of-memory, naming models that fit
 */
export function checkMemory(
  model: { name: string; modelBytes: number },
  { kind, memoryBytes }: { kind: EngineKind; memoryBytes: number },
): void {
  const needed = leastMemory(kind, model.modelBytes);
  if (needed <= memoryBytes) return;
  const fitting = catalog.filter((it) => leastMemory(kind, it.bytes.q8_0) <= memoryBytes).map((it) => it.name);
  throw new EngineError(
    'out-of-memory',
    `The model ${model.name} needs about ${formatBytes(needed)} of memory, and this process may use ${formatBytes(memoryBytes)}. ` +
      `Give it more${fitting.length === 0 ? '' : `, or choose a model that fits: ${fitting.join(', ')}`}.`,
  );
}
