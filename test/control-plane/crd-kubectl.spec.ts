import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mediaJobCrd, type StructuralSchema } from '@mediajob/contract/crd';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aMediaJob, LEAST, MediaJobServer } from './media-job-server.ts';

const DOCUMENT = readFileSync(join(import.meta.dirname, '../../docs/KUBERNETES.md'), 'utf8');

let server: MediaJobServer;
beforeAll(async () => {
  server = await MediaJobServer.start();
});
afterAll(() => server?.stop());

describe('kubectl', () => {
  const FIELDS = Object.entries(fieldsOf('mediajob', mediaJobCrd().spec.versions[0]?.schema.openAPIV3Schema));

  beforeAll(async () => {
    const talk = await server.create(
      { ...LEAST, transcribe: { model: 'base' }, profile: 'l4' },
      { name: 'talk', namespace: 'default' },
    );
    await server.applyStatus(talk.metadata.name, 'mediajob-operator', {
      phase: 'Transcribing',
      language: 'en',
      durationText: '1:02:03',
      progress: { percent: 63.4, text: '63%', etaText: '1m 16s' },
    });
    await server.create({ source: LEAST.source, convert: { renditions: [{ format: 'mp3' }] } }, { name: 'video' });
    await server.applyStatus('video', 'mediajob-operator', {
      phase: 'Queued',
      message: 'The conversion waits for a node with room.',
    });
  });

  const rows = async (...args: string[]): Promise<string[][]> => {
    const text = await server.controlPlane.kubectl(['get', ...args]);
    return text
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/).map((cell) => cell.trim()));
  };
  const only = (lines: string[][], ...wanted: string[]) => lines.filter(([name]) => wanted.includes(name ?? ''));

  it('get mj shows what people ask first', async () => {
    const [header, ...lines] = await rows('mj', 'talk', 'video');
    expect(header).toEqual(['NAME', 'PHASE', 'PROGRESS', 'MODEL', 'LANGUAGE', 'DURATION', 'AGE']);
    expect(only(lines, 'talk')[0]?.slice(0, 6)).toEqual(['talk', 'Transcribing', '63%', 'base', 'en', '1:02:03']);
    expect(only(lines, 'video')[0]?.slice(0, 3)).toEqual(['video', 'Queued', '0%']);
  });

  it('get mj -o wide shows what is left, and what it waits for', async () => {
    const [header, ...lines] = await rows('mj', '-o', 'wide', 'talk', 'video');
    expect(header?.slice(6)).toEqual(['ETA', 'AGE', 'MESSAGE']);
    expect(only(lines, 'talk')[0]?.[6]).toBe('1m 16s');
    expect(only(lines, 'video')[0]?.at(-1)).toBe('The conversion waits for a node with room.');
  });

  it.each([
    ['status.phase=Transcribing', ['mediajob.mediajob.io/talk']],
    ['spec.profile=l4', ['mediajob.mediajob.io/talk']],
    ['spec.profile=l4,status.phase=Queued', []],
  ])('get mj --field-selector %s finds them', async (selector, wanted) => {
    const text = await server.controlPlane.kubectl(['get', 'mj', '--field-selector', selector, '-o', 'name']);
    expect(text.split('\n').filter(Boolean)).toEqual(wanted);
  });

  it('get media shows all that this project has', async () => {
    expect(await server.controlPlane.kubectl(['get', 'media', '-o', 'name'])).toContain('mediajob.mediajob.io/talk\n');
  });

  it.each(FIELDS)('explain %s says what each of its fields is', async (path, fields) => {
    const text = await server.controlPlane.kubectl(['explain', path]);
    expect(text).not.toContain('<empty>');
    const explained = text
      .split(/^FIELDS:\n/m)[1]
      ?.split(/\n(?= {2}\S+\t<)/)
      .map((it) => it.trim().split('\n'));
    const described = explained
      ?.filter(([, first]) => first !== undefined && first.trim() !== '')
      .map(([head]) => head?.split('\t')[0]);
    expect(described?.sort()).toEqual([...fields].sort());
  });

  it('says what is wrong, with the field, as docs/KUBERNETES.md shows it', async () => {
    const wrong = aMediaJob(
      {
        source: { path: '../etc/passwd' },
        transcribe: { language: 'tlh' },
        convert: { renditions: [{ format: 'mp3', height: 720 }] },
      },
      { name: 'talk' },
    );
    const said = await server.controlPlane
      .kubectl(['create', '-f', '-'], { input: JSON.stringify(wrong) })
      .catch((error: Error) => error.message);
    const lines = said.split('\n').filter((line) => line.startsWith('* '));
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(DOCUMENT).toContain(`${line}\n`);
  });

  it('prints what docs/KUBERNETES.md shows', async () => {
    const plain = (text: string) => text.trimEnd().replace(/[ ]+$/gm, '');
    const explained = await server.controlPlane.kubectl(['explain', 'mediajob.spec']);
    expect(DOCUMENT).toContain(`$ kubectl explain mediajob.spec\n${plain(explained)}\n\`\`\`\n`);
    for (const args of [['mj'], ['mj', '-o', 'wide']]) {
      const [header] = await rows(...args);
      const shown = DOCUMENT.split(`$ kubectl get ${args.join(' ')}\n`)[1]?.split('\n', 1)[0];
      expect(shown?.split(/ {2,}/)).toEqual(header);
    }
  });

  it('explain shows the words that a field may have', async () => {
    expect(await server.controlPlane.kubectl(['explain', 'mediajob.spec.transcribe.quality'])).toMatch(
      /ENUM:\s+fast\s+balanced\s+best\s/,
    );
  });
});

/** Path of each object → its fields. */
function fieldsOf(path: string, schema: StructuralSchema | undefined): Record<string, string[]> {
  const object = schema?.items ?? schema;
  if (object?.properties === undefined || Object.keys(object.properties).length === 0) return {};
  const own: Record<string, string[]> = path === 'mediajob' ? {} : { [path]: Object.keys(object.properties) };
  for (const [name, child] of Object.entries(object.properties)) {
    if (name !== 'metadata') Object.assign(own, fieldsOf(`${path}.${name}`, child));
  }
  return own;
}
