import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aTurn } from '../../../test/fixtures/a-cue.js';
import { elementsOf, readXml, textIn } from '../../../test/fixtures/read-xml.js';
import { readZip } from '../../../test/fixtures/read-zip.js';
import type { Turn } from '../turns.js';
import { type DocumentHead, docxBody, docxEntries, md, tsv, txt, type Writer, zipOf } from './index.js';

const plain: DocumentHead = { language: 'en', rtl: false, wordTimes: true, speakers: [] };
const hebrew = { ...plain, language: 'he', rtl: true };
const written = ({ head, item, tail }: Writer<Turn>, ...turns: readonly Turn[]): string =>
  head + turns.map((it, place) => item(it, place, turns[place + 1])).join('') + (tail ?? '');
const said = [aTurn(500, 1250, 'Hello there.', 'Anna'), aTurn(61_230, 62_000, 'And on.', 'Anna', false)];

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}
async function zipped(entries: Parameters<typeof zipOf>[0]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of zipOf(entries)) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('TXT', () => {
  it('has one segment a line, and a name where a turn begins', () => {
    expect(written(txt(), ...said)).toBe('Anna: Hello there.\nAnd on.\n');
    expect(written(txt(), aTurn(0, 1, 'שלום עולם'))).toBe('שלום עולם\n');
  });

  it('marks the direction of a line that begins with a foreign word', () => {
    expect(written(txt(), aTurn(0, 1, 'IBM אמר'), aTurn(1, 2, 'אמר IBM'))).toBe('\u200fIBM אמר\nאמר IBM\n');
  });
});

describe('TSV', () => {
  it('has whole ms, and a name in each row', () => {
    expect(written(tsv(), ...said)).toBe(
      'start\tend\ttext\n500\t1250\tAnna: Hello there.\n61230\t62000\tAnna: And on.\n',
    );
  });
});

describe('Markdown', () => {
  it('has a paragraph with its time, and who speaks where a turn begins', () => {
    expect(written(md(), ...said)).toBe('**00:00:00 Anna:** Hello there.\n\n**00:01:01** And on.\n');
  });

  it('takes no text for markup', () => {
    const text = '# *a* _b_ `c` [d](e) <f> &amp; ~~g~~ $h$ 1\\. | --> {i}';
    const file = written(md(), aTurn(0, 1, text, 'A*B'));
    expect(file).not.toMatch(/(?<!\\)[`_[\]<>&~$|]/);
    expect(file).toContain('**00:00:00 A\\*B:** ');
    expect(file.slice(file.indexOf(':** ') + 4, -1).replace(/\\([!-/:-@[-`{-~])/g, '$1')).toBe(text);
  });
});

describe('DOCX', () => {
  const documentOf = async (head: DocumentHead, ...turns: Turn[]) => {
    const files = await readZip(await zipped(docxEntries(head, once(written(docxBody(head), ...turns)))));
    for (const [name, text] of files) expect(() => readXml(text), name).not.toThrow();
    return { files, document: readXml(files.get('word/document.xml') ?? '') };
  };
  const texts = (document: ReturnType<typeof readXml>) => elementsOf(document, 'w:t').map(textIn);

  it('is a package whose parts are all declared and related', async () => {
    const { files } = await documentOf(plain, ...said);
    const types = readXml(files.get('[Content_Types].xml') ?? '');
    for (const { attributes } of elementsOf(types, 'Override'))
      expect(files.has((attributes.PartName ?? '').slice(1)), attributes.PartName).toBe(true);
    expect([...files.keys()][0]).toBe('[Content_Types].xml');
    const [main] = elementsOf(readXml(files.get('_rels/.rels') ?? ''), 'Relationship');
    expect(main?.attributes.Target).toBe('word/document.xml');
    const [styles] = elementsOf(readXml(files.get('word/_rels/document.xml.rels') ?? ''), 'Relationship');
    expect(files.has(`word/${styles?.attributes.Target}`)).toBe(true);
  });

  it('has a paragraph with its time and who speaks', async () => {
    const { document } = await documentOf(plain, ...said);
    expect(texts(document)).toEqual(['00:00:00 ', 'Anna: ', 'Hello there.', '00:01:01 ', 'And on.']);
  });

  it('runs from right to left where the language does, but for figures', async () => {
    const { files, document } = await documentOf(hebrew, aTurn(0, 1, 'שלום & <עולם>', 'חנה'));
    const rtl = elementsOf(document, 'w:r').map((run) => elementsOf(run, 'w:rtl').length);
    expect(rtl).toEqual([0, 1, 1]);
    expect(texts(document).at(-1)).toBe('שלום & <עולם>');
    expect(elementsOf(readXml(files.get('word/styles.xml') ?? ''), 'w:bidi')).toHaveLength(1);
  });

  it('is well-formed whatever is said', async () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(text, text, async (line, speaker) => {
        await documentOf(plain, aTurn(0, 1, line, speaker));
      }),
      { numRuns: 30 },
    );
  });
});

describe('a ZIP file', () => {
  it('is the same however its texts come, and reads back', async () => {
    const text = 'Что было сказано. '.repeat(20_000);
    async function* inPieces(size: number): AsyncGenerator<string> {
      for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
    }
    const whole = await zipped([
      { name: 'a.txt', pieces: once(text) },
      { name: 'й/b.txt', pieces: once('') },
    ]);
    const cut = await zipped([
      { name: 'a.txt', pieces: inPieces(777) },
      { name: 'й/b.txt', pieces: inPieces(text.length + 1) },
    ]);
    expect([...(await readZip(whole))]).toEqual([
      ['a.txt', text],
      ['й/b.txt', ''],
    ]);
    expect((await readZip(cut)).get('a.txt')).toBe(text);
    const one = await zipped([{ name: 'a.txt', pieces: once(text) }]);
    expect(one.equals(await zipped([{ name: 'a.txt', pieces: inPieces(777) }]))).toBe(true);
  });

  it('fails as its texts fail', async () => {
    async function* broken(): AsyncGenerator<string> {
      yield 'a';
      throw new Error('the part is gone');
    }
    await expect(zipped([{ name: 'a', pieces: broken() }])).rejects.toThrow('the part is gone');
  });
});
