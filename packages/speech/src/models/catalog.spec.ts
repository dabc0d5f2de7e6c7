import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CatalogModel, catalog, findModel } from './catalog.js';
import { type GgmlType, ggmlTensorBytes } from './ggml-file.js';

/** Size of a file by its dimensions alone; `tokens` are the bytes of the vocabulary, the same for all of one kind. */
function sizeOf({ dimensions: d }: CatalogModel, matrices: GgmlType, tokens: number): number {
  let sum = 48 + 8 + 4 * d.mels * 201 + 4 + tokens;
  const add = (name: string, dims: number[], type: GgmlType) => {
    sum += 12 + 4 * dims.length + name.length + ggmlTensorBytes(type, dims);
  };
  const linear = (name: string, rows: number, columns: number, bias = true) => {
    add(`${name}.weight`, [columns, rows], matrices);
    if (bias) add(`${name}.bias`, [rows], 'f32');
  };
  const norm = (name: string, size: number) => {
    add(`${name}.weight`, [size], 'f32');
    add(`${name}.bias`, [size], 'f32');
  };
  const attention = (name: string, size: number) => {
    for (const it of ['query', 'key', 'value', 'out']) linear(`${name}.${it}`, size, size, it !== 'key');
    norm(`${name}_ln`, size);
  };
  const block = (name: string, size: number, cross: boolean) => {
    attention(`${name}.attn`, size);
    if (cross) attention(`${name}.cross_attn`, size);
    linear(`${name}.mlp.0`, 4 * size, size);
    linear(`${name}.mlp.2`, size, 4 * size);
    norm(`${name}.mlp_ln`, size);
  };
  add('encoder.positional_embedding', [d.audioState, 1500], 'f32');
  add('encoder.conv1.weight', [3, d.mels, d.audioState], 'f16');
  add('encoder.conv1.bias', [1, d.audioState], 'f32');
  add('encoder.conv2.weight', [3, d.audioState, d.audioState], 'f16');
  add('encoder.conv2.bias', [1, d.audioState], 'f32');
  for (let i = 0; i < d.audioLayers; i++) block(`encoder.blocks.${i}`, d.audioState, false);
  norm('encoder.ln_post', d.audioState);
  add('decoder.positional_embedding', [d.textState, 448], 'f32');
  add('decoder.token_embedding.weight', [d.textState, d.vocabulary], matrices);
  for (let i = 0; i < d.textLayers; i++) block(`decoder.blocks.${i}`, d.textState, true);
  norm('decoder.ln', d.textState);
  return sum;
}

describe('the catalog', () => {
  const tokensOf = (model: CatalogModel) => {
    const known = findModel(model.multilingual ? 'base' : 'tiny.en');
    return known.bytes.f16 - sizeOf(known, 'f16', 0);
  };

  it.each(catalog.map((it) => [it.name, it] as const))('gives %s the sizes that its dimensions mean', (_, model) => {
    expect(model.bytes.f16).toBe(sizeOf(model, 'f16', tokensOf(model)));
    expect(model.bytes.q8_0).toBe(sizeOf(model, 'q8_0', tokensOf(model)));
  });

  it('has the checksums that whisper.cpp publishes', async () => {
    const root = dirname(createRequire(import.meta.url).resolve('nodejs-whisper/package.json'));
    const readme = await readFile(join(root, 'cpp/whisper.cpp/models/README.md'), 'utf8');
    for (const { name, sources } of catalog) {
      const published = new RegExp(`^\\| ${name.replace('.', '\\.')} +\\|[^|]+\\| \`([0-9a-f]{40})\``, 'm').exec(
        readme,
      )?.[1];
      const hub = sources.find((it) => it.kind === 'hub');
      expect([name, hub?.sha1]).toEqual([name, published]);
    }
  });

  it('knows what each model can do', () => {
    expect(findModel('base')).toMatchObject({ languages: 99, multilingual: true, translates: true });
    expect(findModel('base.en')).toMatchObject({ languages: 1, multilingual: false, translates: false });
    expect(findModel('large-v3')).toMatchObject({ languages: 100, translates: true });
    expect(findModel('large-v3-turbo')).toMatchObject({ languages: 100, translates: false });
  });

  it('names those that there are when one is asked for that it does not have', () => {
    expect(() => findModel('huge')).toThrow(/no model "huge" .* tiny, .* large-v3/);
    expect(() => findModel('../base')).toThrow(expect.objectContaining({ code: 'unknown-model' }));
  });
});
