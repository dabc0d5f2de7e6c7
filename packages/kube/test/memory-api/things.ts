import { kind } from '../../src/kind.js';
import type { Draft, KubeObject } from '../../src/object.js';
import { registerBuiltInKinds } from './built-in-kinds.js';
import { MemoryServer } from './server.js';
import { seeded } from './simulation.js';

/** A custom resource, for the tests of this folder. */
export interface Thing extends KubeObject {
  readonly spec?: { readonly size?: number; readonly tags?: readonly string[]; readonly nested?: object };
  readonly status?: {
    readonly phase?: string;
    readonly message?: string;
    readonly progress?: { readonly percent?: number; readonly eta?: number };
    readonly stages?: readonly { readonly name: string; readonly state?: string; readonly percent?: number }[];
  };
}

export const Things = kind<Thing>({
  group: 'example.com',
  version: 'v1',
  kind: 'Thing',
  plural: 'things',
  namespaced: true,
});

export function aServer(): MemoryServer {
  const server = new MemoryServer({ clock: { now: () => Date.parse('2026-01-01T00:00:00.250Z') }, random: seeded(1) });
  return registerBuiltInKinds(server).register(Things, {
    status: true,
    listKeys: { 'status.stages': ['name'] },
    selectable: ['status.phase'],
    validate: (object) => ((object as Thing).spec?.size === -1 ? 'spec.size: Invalid value: -1' : undefined),
    defaults: (object) => {
      const thing = object as Thing;
      return { ...thing, spec: { size: 1, ...thing.spec } } as KubeObject;
    },
  });
}

export function aThing(name: string, change: Partial<Draft<Thing>> & { metadata?: object } = {}): Draft<Thing> {
  const { metadata, ...rest } = change;
  return { apiVersion: 'example.com/v1', kind: 'Thing', ...rest, metadata: { namespace: 'ns', name, ...metadata } };
}

export const ref = (name: string) => ({ namespace: 'ns', name });
