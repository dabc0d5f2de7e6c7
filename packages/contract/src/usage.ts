import { z } from 'zod';

export const Usage = z
  .strictObject({
    cpuSeconds: z.number().min(0).describe('CPU time of all runs and their children.'),
    maxRssBytes: z.int().min(0).describe('Largest resident memory of any one run with its children.'),
  })
  .describe('What the work has used.');
export type Usage = z.infer<typeof Usage>;
