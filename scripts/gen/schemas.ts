import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../setup/paths.ts';
import { contract } from './contract.ts';

/** docs/schemas/*.json: JSON Schema of what people write or read, for editors and other languages. */
export async function schemaDocuments(): Promise<Record<string, string>> {
  const schemas = await contract();
  const { z } = (await import(pathToFileURL(join(ROOT, 'node_modules/zod/index.js')).href)) as typeof import('zod');
  const documents = {
    mediajob: schemas.MediaJob,
    'mediajob-spec': schemas.MediaJobSpec,
    'step-request': schemas.StepRequest,
    'step-outcome': schemas.StepOutcome,
    manifest: schemas.Manifest,
    plan: schemas.ChunkPlan,
    part: schemas.Part,
    transcript: schemas.Transcript,
    problem: schemas.Problem,
    profiles: schemas.ProfilesFile,
  };
  return Object.fromEntries(
    Object.entries(documents).map(([name, schema]) => [
      `docs/schemas/${name}.json`,
      `${JSON.stringify({ title: name, ...z.toJSONSchema(schema, { io: 'input', reused: 'inline' }) }, null, 2)}\n`,
    ]),
  );
}
