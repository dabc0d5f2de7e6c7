// For the `job` entries, which start for one run: what they need of this package, without all that a server needs.
export { RunMeter } from './core/run-meter.js';
