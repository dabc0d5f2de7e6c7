import {
  type ApplyOptions,
  HttpKubeApi,
  type KubeApi,
  KubeApiError,
  kubeConfigAccess,
  type ObjectRef,
  systemClock,
} from '@mediajob/kube';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inOrder, World } from '../../packages/kube/test/memory-api/index.ts';
import { type Thing, Things } from '../../packages/kube/test/memory-api/things.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';

const number = { type: 'integer' };
const text = { type: 'string' };
const object = (properties: object) => ({ type: 'object', properties });

const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${Things.plural}.${Things.group}` },
  spec: {
    group: Things.group,
    scope: 'Namespaced',
    names: { kind: Things.kind, plural: Things.plural, singular: 'thing' },
    versions: [
      {
        name: Things.version,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: object({
            spec: object({
              size: number,
              tags: { type: 'array', items: text },
              nested: object({ a: number, b: number }),
            }),
            status: object({
              phase: text,
              message: text,
              progress: object({ percent: number, eta: number }),
              stages: {
                type: 'array',
                'x-kubernetes-list-type': 'map',
                'x-kubernetes-list-map-keys': ['name'],
                items: { ...object({ name: text, state: text, percent: number }), required: ['name'] },
              },
            }),
          }),
        },
      },
    ],
  },
};

/** One write, as a function of the API and of the object as it was at some time before. */
interface Operation {
  readonly label: string;
  /** Whether a new owner of a field, which no reader sees, counts as a change of the object. */
  readonly changesOwners?: boolean;
  run(api: KubeApi, ref: ObjectRef, seen: readonly Thing[]): Promise<unknown>;
}

const few = fc.integer({ min: 0, max: 2 });
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const spec = fc.record(
  { size: few, tags: fc.subarray(['x', 'y']), nested: fc.oneof(fc.record({ a: few }), fc.record({ a: few, b: few })) },
  { requiredKeys: [] },
);
const stage = fc.record(
  { name: fc.constantFrom('one', 'two', 'three'), state: fc.constantFrom('s', 't'), percent: few },
  { requiredKeys: ['name'] },
);
const stages = fc.uniqueArray(stage, { selector: (it) => it.name, minLength: 1, maxLength: 3 });
const status = fc.record(
  {
    phase: fc.constantFrom('p', 'q'),
    message: fc.constantFrom('m', 'n'),
    progress: fc.oneof(fc.record({ eta: few }), fc.record({ percent: few, eta: few })),
    stages,
  },
  { requiredKeys: [] },
);
const labels = fc.dictionary(fc.constantFrom('k', 'l'), fc.constantFrom('1', '2'), { minKeys: 1, maxKeys: 2 });
const finalizers = fc.shuffledSubarray(['example.com/f', 'example.com/g', 'example.com/h'], { minLength: 1 });
const metadata = fc.record({ labels, finalizers }, { requiredKeys: [] });
const subresource = fc.constantFrom(undefined, 'status' as const);
const base = { apiVersion: Things.apiVersion, kind: Things.kind };
const show = (name: string, ...more: unknown[]) => `${name} ${more.map((it) => JSON.stringify(it)).join(' ')}`;
const sub = (it: 'status' | undefined) => (it === undefined ? {} : { subresource: it });
const given = (values: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** Which object, or which state of it, is meant: as it was so many writes ago. */
const condition = fc.option(fc.record({ of: fc.constantFrom('uid', 'another uid', 'resourceVersion'), age: few }), {
  nil: undefined,
});
const meant = (seen: readonly Thing[], condition: { readonly of: string; readonly age: number } | undefined) => {
  const { uid, resourceVersion } = seen.at(-1 - (condition?.age ?? 0))?.metadata ?? {};
  if (condition === undefined || uid === undefined) return {};
  if (condition.of === 'another uid') return { uid: '00000000-0000-4000-8000-000000000000' };
  return condition.of === 'uid' ? { uid } : { resourceVersion };
};

const create = fc.record({ metadata, spec: optional(spec), status: optional(status) }).map(
  ({ metadata, ...rest }): Operation => ({
    label: show('create', metadata, rest),
    run: (api, ref) => api.create(Things, { ...base, ...given(rest), metadata: { ...ref, ...metadata } }),
  }),
);

const replace = fc.record({ metadata, spec: optional(spec), status: optional(status), subresource, age: few }).map(
  ({ metadata, subresource, age, ...rest }): Operation => ({
    label: show('replace', metadata, rest, subresource, age),
    run: async (api, ref, seen) => {
      const before = seen.at(-1 - age) ?? (await api.get(Things, ref));
      const {
        labels: _,
        finalizers: __,
        managedFields: ___,
        ...kept
      } = before.metadata as Thing['metadata'] & {
        managedFields?: unknown;
      };
      const thing = { ...base, ...given(rest), metadata: { ...kept, ...metadata } } as Thing;
      return api.replace(Things, thing, sub(subresource));
    },
  }),
);

const mergeBody = fc.record(
  {
    metadata: fc.record(
      {
        labels: fc.dictionary(fc.constantFrom('k', 'l'), fc.constantFrom('1', null), { maxKeys: 2 }),
        finalizers,
      },
      { requiredKeys: [] },
    ),
    spec: fc.oneof(spec, fc.constant(null), fc.constant({ size: null })),
    status: fc.oneof(status, fc.constant({ phase: null, progress: { eta: null } })),
  },
  { requiredKeys: [] },
);
const merge = fc.record({ body: mergeBody, subresource, condition }).map(
  ({ body, subresource, condition }): Operation => ({
    label: show('merge', body, subresource, condition),
    run: (api, ref, seen) => {
      const metadata = { ...body.metadata, ...meant(seen, condition) };
      return api.patch(Things, ref, { type: 'merge', body: { ...body, metadata } }, sub(subresource));
    },
  }),
);

const jsonOperation = fc.constantFrom(
  { op: 'add', path: '/spec/size', value: 7 },
  { op: 'replace', path: '/spec/size', value: 8 },
  { op: 'remove', path: '/spec/size' },
  { op: 'test', path: '/spec/size', value: 1 },
  { op: 'add', path: '/spec/tags/-', value: 'z' },
  { op: 'remove', path: '/spec/tags/0' },
  { op: 'remove', path: '/metadata/finalizers/0' },
  { op: 'add', path: '/metadata/labels/k', value: '3' },
);
const json = fc.array(jsonOperation, { minLength: 1, maxLength: 2 }).map(
  (body): Operation => ({
    label: show('json', body),
    run: (api, ref) => api.patch(Things, ref, { type: 'json', body }),
  }),
);

interface Applied {
  readonly metadata: object;
  readonly spec: object | undefined;
  readonly status: object | undefined;
  readonly subresource: 'status' | undefined;
}

const holdsSomething = ({ metadata, spec = {}, status = {}, subresource }: Applied) =>
  [...(subresource === undefined ? [metadata, spec] : [status])].some((it) => Object.keys(it).length > 0);

/** By a manager who applies something, or takes everything back. */
const applyOf = (which: (applied: Applied) => boolean) =>
  fc
    .record({
      applied: fc
        .record({ metadata, spec: optional(spec), status: optional(status), subresource })
        .filter((it) => which(it)),
      manager: fc.constantFrom('m', 'n'),
      force: fc.boolean(),
      condition,
    })
    .map(({ applied: { metadata, subresource, ...rest }, manager, force, condition }): Operation => {
      const options: ApplyOptions = { fieldManager: manager, force, ...sub(subresource) };
      return {
        label: show('apply', metadata, rest, subresource, manager, force, condition),
        changesOwners: true,
        run: (api, ref, seen) => {
          const all = { ...ref, ...metadata, ...meant(seen, condition) };
          return api.apply(Things, { ...base, ...given(rest), metadata: all }, options);
        },
      };
    });
const apply = applyOf(holdsSomething);
/** Whether a manager that owns nothing is noted, and so makes a new version, has too many ifs: it comes last. */
const takeBack = applyOf((it) => !holdsSomething(it));

const remove = fc.record({ age: optional(few) }).map(
  ({ age }): Operation => ({
    label: show('delete', age),
    run: (api, ref, seen) => {
      const { uid, resourceVersion } = (age === undefined ? undefined : seen.at(-1 - age))?.metadata ?? {};
      const preconditions = given({ uid, resourceVersion });
      return api.delete(Things, ref, { propagationPolicy: 'Background', preconditions });
    },
  }),
);

const operations = fc
  .tuple(
    fc.array(
      fc.oneof(
        { arbitrary: create, weight: 2 },
        { arbitrary: apply, weight: 6 },
        { arbitrary: replace, weight: 2 },
        { arbitrary: merge, weight: 3 },
        { arbitrary: json, weight: 1 },
        { arbitrary: remove, weight: 1 },
      ),
      { minLength: 1, maxLength: 10 },
    ),
    optional(takeBack),
  )
  .map(([all, last]) => [...all, ...(last === undefined ? [] : [last])]);

/** What a reader sees, without what is made up anew at each run. */
const told = (thing: Thing | undefined) => {
  if (thing === undefined) return 'gone';
  const { labels = {}, finalizers = [], generation, deletionTimestamp } = thing.metadata;
  const deleting = deletionTimestamp !== undefined;
  return { labels, finalizers, generation, deleting, spec: thing.spec, status: thing.status };
};

/** Runs operations against one API, and says what came of each. */
class Side {
  readonly #api: KubeApi;
  readonly #ref: ObjectRef;
  readonly #seen: Thing[] = [];

  constructor(api: KubeApi, ref: ObjectRef) {
    this.#api = api;
    this.#ref = ref;
  }

  async run(operation: Operation) {
    const before = await this.#read();
    let outcome = 'done';
    try {
      await operation.run(this.#api, this.#ref, this.#seen);
    } catch (error) {
      if (!(error instanceof KubeApiError)) throw error;
      outcome = error.reason;
    }
    const after = await this.#read();
    if (after !== undefined) this.#seen.push(after);
    const written = before?.metadata.resourceVersion !== after?.metadata.resourceVersion;
    return { outcome, thing: told(after), ...(operation.changesOwners === true ? {} : { written }) };
  }

  async #read(): Promise<Thing | undefined> {
    try {
      return await this.#api.get(Things, this.#ref);
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return undefined;
      throw error;
    }
  }
}

let controlPlane: ControlPlane;
let api: HttpKubeApi;
const log = { debug() {}, info() {}, warn() {}, error() {} };

beforeAll(async () => {
  controlPlane = await startControlPlane({ definitions: [definition], controllers: false });
  const access = await kubeConfigAccess({ file: controlPlane.kubeconfig, clock: systemClock, log });
  api = new HttpKubeApi({ access, environment: { clock: systemClock, random: Math.random, log }, userAgent: 'test' });
  await controlPlane.namespace('ns');
});
afterAll(async () => {
  await api?.close();
  await controlPlane?.stop();
});

/** The API in memory, whose steps are done as soon as they are there. */
function inMemory(): KubeApi {
  const world = new World({ choose: inOrder });
  world.server.register(Things, { status: true, listKeys: { 'status.stages': ['name'] } });
  const { api } = world.process('test');
  const now =
    <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      const answer = call.apply(api, args);
      answer.catch(() => {});
      await world.simulation.run();
      return answer;
    };
  for (const verb of ['get', 'create', 'replace', 'patch', 'apply', 'delete'] as const) {
    Object.assign(api, { [verb]: now(api[verb] as (...args: unknown[]) => Promise<unknown>) });
  }
  return api;
}

describe('the API server in memory', () => {
  it('does what a real one does, write by write', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(operations, async (steps) => {
        const ref = { namespace: 'ns', name: `thing-${++runs}` };
        const [real, memory] = [new Side(api, ref), new Side(inMemory(), ref)];
        const done: string[] = [];
        for (const step of steps) {
          done.push(step.label);
          const want = await real.run(step);
          expect(await memory.run(step), done.join('\n')).toEqual(want);
        }
      }),
      { numRuns: Number(process.env.KUBE_SEEDS ?? 100) },
    );
  });
});
