import { expect, it } from 'vitest';
import { expandAddresses } from './worker-addresses.js';

const names: Record<string, { address: string; family: number }[]> = {
  transcriber: [
    { address: '10.0.0.1', family: 4 },
    { address: 'fd00::2', family: 6 },
  ],
};
const resolve = async (host: string) => {
  const found = names[host];
  if (found === undefined) throw new Error('ENOTFOUND');
  return found;
};

it.each([
  ['a name is all instances behind it', ['http://transcriber:8001'], ['http://10.0.0.1:8001', 'http://[fd00::2]:8001']],
  ['a path stays', ['http://transcriber:8001/a/'], ['http://10.0.0.1:8001/a', 'http://[fd00::2]:8001/a']],
  [
    'an address is itself',
    ['http://10.1.1.1:8001/', 'http://[::1]:8001'],
    ['http://10.1.1.1:8001', 'http://[::1]:8001'],
  ],
  ['localhost is one machine', ['http://localhost:8001'], ['http://localhost:8001']],
  ['https keeps the name of its certificate', ['https://transcriber:8001'], ['https://transcriber:8001']],
  ['an unknown name stands for itself', ['http://nobody:8001'], ['http://nobody:8001']],
  [
    'what is named twice is there once',
    ['http://transcriber:1', 'http://10.0.0.1:1'],
    ['http://10.0.0.1:1', 'http://[fd00::2]:1'],
  ],
])('%s', async (_, urls, wanted) => {
  expect(await expandAddresses(urls, resolve)).toEqual(wanted);
});
