import type { Clock, Environment, KubeLogger } from '../../src/environment.js';
import { registerBuiltInKinds } from './built-in-kinds.js';
import { MemoryClient } from './client.js';
import { MemoryServer } from './server.js';
import { Simulation, type SimulationOptions } from './simulation.js';

/** A program under test, with its own clock, and its own way to the server. */
export interface Process {
  readonly name: string;
  readonly api: MemoryClient;
  readonly clock: Clock;
  readonly environment: Environment;
}

export interface ProcessOptions {
  /** By how much its clock is wrong, in ms. */
  readonly offsetMs?: number;
  /** How fast its clock goes; 1 when left out. */
  readonly rate?: number;
  readonly log?: KubeLogger;
}

const silent: KubeLogger = { debug() {}, info() {}, warn() {}, error() {} };

/** An API server, the processes around it, and what decides on the order of all that happens. */
export class World {
  readonly simulation: Simulation;
  readonly server: MemoryServer;

  constructor(options: SimulationOptions = {}) {
    this.simulation = new Simulation(options);
    const { random } = this.simulation;
    this.server = registerBuiltInKinds(new MemoryServer({ clock: { now: () => this.simulation.now }, random }));
  }

  /** Begins a process; a name is used once. */
  process(name: string, options: ProcessOptions = {}): Process {
    const clock = this.simulation.clock(name, options);
    const api = new MemoryClient(name, this.server, {
      scheduler: this.simulation,
      clock,
      now: () => this.simulation.now,
    });
    return { name, api, clock, environment: { clock, random: this.simulation.random, log: options.log ?? silent } };
  }

  /** Ends a process between two steps of it. Its requests that are on their way arrive all the same. */
  kill({ name, api }: Process): void {
    api.kill();
    this.simulation.kill(name);
  }
}
