import type { JobId } from '@mediajob/contract';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Fault, lostAfter, lostBefore, unanswered } from '../../../../packages/kube/test/memory-api/index.js';
import { type ClusterMain, ClusterWorld, request } from '../../test/kubernetes/cluster-world.js';
import { requestOf } from './media-job-kind.js';

/** One file that somebody wants a job of, and what they were answered. */
interface Wish {
  readonly path: string;
  /** Ids of jobs that they were told of. */
  readonly ids: Set<JobId>;
  /** Of these, they were told that they are deleted. */
  readonly deleted: Set<JobId>;
  asked: boolean;
  /** A deletion was sent, and may be done whatever was answered: whether there is a job is not certain any more. */
  haunted: boolean;
}

/** Two mains over one volume and one API server, where everything that can go wrong does, until it stops. */
class Havoc {
  readonly world: ClusterWorld;
  readonly wishes: Wish[];
  readonly mains: ClusterMain[] = [];
  #away = false;
  #calm = false;

  constructor(seed: number) {
    this.world = new ClusterWorld({ seed });
    this.wishes = Array.from({ length: 6 }, (_, i) => ({
      path: `inbox/${i}.mp3`,
      ids: new Set(),
      deleted: new Set(),
      asked: false,
      haunted: false,
    }));
    this.world.faults = () => this.#fault();
  }

  chance(percent: number): boolean {
    return this.world.world.simulation.random() * 100 < percent;
  }

  pick<T>(things: readonly T[]): T {
    return things[Math.floor(this.world.world.simulation.random() * things.length)] as T;
  }

  start(): void {
    const main = this.world.start();
    this.mains.push(main);
    main.effect = () => {
      if (this.#calm || !this.chance(4)) return 'go-on';
      this.mains.splice(this.mains.indexOf(main), 1);
      return this.chance(50) ? 'die-before' : 'die-after';
    };
  }

  /** One thing that people do, or that happens to the cluster. Nobody waits for its end. */
  happen(): void {
    while (this.mains.length < 2) this.start();
    if (this.chance(25)) this.#away = !this.#away;
    const wish = this.pick(this.wishes);
    const main = this.pick(this.mains);
    const [id] = [...wish.ids];
    if (this.chance(60) || id === undefined) this.#create(main, wish);
    else if (this.chance(50)) void main.service.cancel(this.pick([...wish.ids])).catch(() => undefined);
    else this.#delete(main, wish, this.pick([...wish.ids]));
  }

  async calm(): Promise<void> {
    this.#calm = true;
    this.#away = false;
    while (this.mains.length < 2) this.start();
    await this.world.pass(300_000);
  }

  #create(main: ClusterMain, wish: Wish): void {
    wish.asked = true;
    const sent = main.service.create(request({ source: { path: wish.path } }));
    void sent.then(({ job }) => wish.ids.add(job.metadata.uid)).catch(() => undefined);
  }

  #delete(main: ClusterMain, wish: Wish, id: JobId): void {
    wish.haunted = true;
    void main.service.delete(id).then(
      () => wish.deleted.add(id),
      () => undefined,
    );
  }

  #fault(): Fault | undefined {
    if (this.#calm) return undefined;
    if (this.#away) return lostBefore;
    return this.chance(15) ? this.pick([lostBefore, lostAfter, unanswered]) : undefined;
  }
}

async function anUproar(seed: number): Promise<void> {
  const havoc = new Havoc(seed);
  for (let i = 0; i < 25; i++) {
    havoc.happen();
    await havoc.world.pass(havoc.chance(50) ? 500 : 8_000);
  }
  await havoc.calm();
  const jobs = havoc.world.jobs();
  const madeOf = (path: string) =>
    jobs.filter(({ spec }) => (spec as { source: { path: string } }).source.path === path).length;
  for (const { path, ids, deleted, asked, haunted } of havoc.wishes) {
    expect(madeOf(path), `jobs of ${path}`).toBeLessThanOrEqual(asked ? 1 : 0);
    if (ids.size > 0 && !haunted) expect(madeOf(path), `jobs of ${path}, which was accepted`).toBe(1);
    const wanted = jobs.flatMap((job) => [job.metadata.uid, requestOf(job)]);
    expect(
      wanted.filter((id) => deleted.has(id ?? '')),
      `deleted jobs of ${path}`,
    ).toEqual([]);
  }
  expect(new Set(jobs.map(requestOf)).size, 'requests').toBe(jobs.length);
  expect([...havoc.world.disk.entries.keys(), ...havoc.world.disk.discarded.keys()], 'what is still kept').toEqual([]);
  const names = jobs.map(({ metadata }) => metadata.name).sort();
  for (const main of havoc.mains) {
    expect(
      main
        .listed()
        .map(({ metadata }) => metadata.name)
        .sort(),
      main.process.name,
    ).toEqual(names);
  }
}

it('whatever fails and whoever dies, a job that was accepted is made once, and one that nobody wants is not', async () => {
  const numRuns = Number(process.env.MAIN_SEEDS ?? 60);
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1 }), anUproar), { numRuns, endOnFailure: true });
}, 600_000);
