import { testWorlds } from '../test/simulation/worlds.js';

testWorlds(1);
