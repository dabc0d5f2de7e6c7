import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../run/free-ports.ts';
import { LocalServices } from '../run/services.ts';

/** docs/openapi/<service>.json, as the running services answer it. */
export async function openApiDocuments(): Promise<Record<string, string>> {
  const directory = mkdtempSync(join(tmpdir(), 'mediajob-gen-'));
  const port = await freePorts(3);
  const services = new LocalServices({
    port,
    dataDir: join(directory, 'data'),
    modelsDir: join(directory, 'models'),
    verbose: false,
  });
  try {
    await services.start(AbortSignal.timeout(600_000));
    const documents: Record<string, string> = {};
    for (const [name, offset] of [
      ['main', 0],
      ['transcriber', 1],
      ['converter', 2],
    ] as const) {
      const response = await fetch(`http://127.0.0.1:${port + offset}/openapi.json`);
      if (!response.ok) throw new Error(`${name} answered ${response.status} for /openapi.json`);
      documents[`docs/openapi/${name}.json`] = `${JSON.stringify(await response.json(), null, 2)}\n`;
    }
    return documents;
  } finally {
    await services.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
