import { isRightToLeft } from '../direction.js';
import { plainText } from '../scripts.js';
import type { Turn } from '../turns.js';
import { wholeSeconds } from './clock.js';
import type { DocumentHead, Writer } from './writer.js';
import { XML_HEAD, xmlText } from './xml.js';
import type { ZipEntry } from './zip.js';

const WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';
const RELATIONS = 'http://schemas.openxmlformats.org/package/2006/relationships';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const TYPES = 'application/vnd.openxmlformats-officedocument.wordprocessingml';

/** The smallest package that Word, LibreOffice and Pages take for a document (ECMA-376, part 1, 11.3). */
const CONTENT_TYPES = `${XML_HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/word/document.xml" ContentType="${TYPES}.document.main+xml"/>
<Override PartName="/word/styles.xml" ContentType="${TYPES}.styles+xml"/>
</Types>
`;
const PACKAGE_RELATIONS = `${XML_HEAD}<Relationships xmlns="${RELATIONS}">
<Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="word/document.xml"/>
</Relationships>
`;
const DOCUMENT_RELATIONS = `${XML_HEAD}<Relationships xmlns="${RELATIONS}">
<Relationship Id="rId1" Type="${OFFICE}/styles" Target="styles.xml"/>
</Relationships>
`;

function styles({ language, rtl }: DocumentHead): string {
  const tag = xmlText(language);
  return `${XML_HEAD}<w:styles ${WORD}>
<w:docDefaults>
<w:rPrDefault><w:rPr><w:sz w:val="22"/><w:szCs w:val="22"/><w:lang w:val="${tag}" w:eastAsia="${tag}" w:bidi="${tag}"/></w:rPr></w:rPrDefault>
<w:pPrDefault><w:pPr><w:spacing w:after="160" w:line="276" w:lineRule="auto"/></w:pPr></w:pPrDefault>
</w:docDefaults>
<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/>${rtl ? '<w:pPr><w:bidi/></w:pPr>' : ''}</w:style>
<w:style w:type="character" w:customStyle="1" w:styleId="Time"><w:name w:val="Time"/><w:rPr><w:color w:val="767676"/><w:sz w:val="18"/><w:szCs w:val="18"/></w:rPr></w:style>
<w:style w:type="character" w:customStyle="1" w:styleId="Speaker"><w:name w:val="Speaker"/><w:rPr><w:b/><w:bCs/></w:rPr></w:style>
</w:styles>
`;
}

/** word/document.xml: a paragraph with its time and, where a turn begins, who speaks. */
export function docxBody({ rtl }: Pick<DocumentHead, 'rtl'>): Writer<Turn> {
  const run = (text: string, style: string, letters: boolean): string => {
    // Figures run from left to right in every script.
    const properties = `${style === '' ? '' : `<w:rStyle w:val="${style}"/>`}${letters ? '<w:rtl/>' : ''}`;
    return `<w:r>${properties === '' ? '' : `<w:rPr>${properties}</w:rPr>`}<w:t xml:space="preserve">${xmlText(text)}</w:t></w:r>`;
  };
  return {
    head: `${XML_HEAD}<w:document ${WORD}><w:body>\n`,
    item({ startMs, text, language, speaker, begins }) {
      const letters = isRightToLeft(language);
      const own = letters === rtl ? '' : `<w:pPr><w:bidi w:val="${letters ? 1 : 0}"/></w:pPr>`;
      const name = begins && speaker !== undefined ? run(`${plainText(speaker)}: `, 'Speaker', letters) : '';
      return `<w:p>${own}${run(`${wholeSeconds(startMs)} `, 'Time', false)}${name}${run(plainText(text), '', letters)}</w:p>\n`;
    },
    // A body has at least one paragraph: an empty transcript is an empty page.
    tail: '<w:p/><w:sectPr><w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1134" w:right="1134" w:bottom="1134" w:left="1134" w:header="709" w:footer="709" w:gutter="0"/></w:sectPr></w:body></w:document>\n',
  };
}

/** The files of a document whose body is `body`. */
export function docxEntries(head: DocumentHead, body: AsyncIterable<string>): ZipEntry[] {
  return [
    { name: '[Content_Types].xml', pieces: once(CONTENT_TYPES) },
    { name: '_rels/.rels', pieces: once(PACKAGE_RELATIONS) },
    { name: 'word/_rels/document.xml.rels', pieces: once(DOCUMENT_RELATIONS) },
    { name: 'word/styles.xml', pieces: once(styles(head)) },
    { name: 'word/document.xml', pieces: body },
  ];
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}
