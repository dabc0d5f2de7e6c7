import type { Cue } from '../cues.js';
import { isRightToLeft } from '../direction.js';
import { plainText } from '../scripts.js';
import { clock } from './clock.js';
import type { DocumentHead, Writer } from './writer.js';
import { XML_HEAD, xmlText } from './xml.js';

const NAMESPACES = [
  'xmlns="http://www.w3.org/ns/ttml"',
  'xmlns:ttm="http://www.w3.org/ns/ttml#metadata"',
  'xmlns:ttp="http://www.w3.org/ns/ttml#parameter"',
  'xmlns:tts="http://www.w3.org/ns/ttml#styling"',
].join(' ');
const PROFILE = 'ttp:contentProfiles="http://www.w3.org/ns/ttml/profile/imsc1.1/text"';

/** TTML in the text profile of IMSC 1.1, https://www.w3.org/TR/ttml-imsc1.1/: what broadcasters and Netflix take. */
export function ttml({ language, rtl, speakers }: Omit<DocumentHead, 'wordTimes'>): Writer<Cue> {
  const agents = speakers.map(
    (name, i) =>
      `      <ttm:agent xml:id="speaker${i}" type="person"><ttm:name type="alias">${xmlText(plainText(name))}</ttm:name></ttm:agent>\n`,
  );
  const direction = rtl ? ' tts:direction="rtl" tts:unicodeBidi="embed"' : '';
  return {
    head: `${XML_HEAD}<tt ${NAMESPACES} ${PROFILE} ttp:timeBase="media" xml:lang="${xmlText(language)}">
  <head>
    <metadata>
      <ttm:title>Transcript</ttm:title>
${agents.join('')}    </metadata>
    <styling>
      <style xml:id="text" tts:color="white" tts:fontFamily="proportionalSansSerif" tts:fontSize="100%" tts:textAlign="center"${direction}/>
    </styling>
    <layout>
      <region xml:id="bottom" tts:origin="10% 10%" tts:extent="80% 80%" tts:displayAlign="after" tts:overflow="visible"/>
    </layout>
  </head>
  <body>
    <div>
`,
    item(cue) {
      const agent = cue.speaker === undefined ? -1 : speakers.indexOf(cue.speaker);
      const lines = cue.lines.map((line) => xmlText(plainText(line))).filter((line) => line !== '');
      const own =
        isRightToLeft(cue.language) === rtl ? '' : ` tts:direction="${rtl ? 'ltr' : 'rtl'}" tts:unicodeBidi="embed"`;
      const who = agent === -1 ? '' : ` ttm:agent="speaker${agent}"`;
      return `      <p begin="${clock(cue.startMs)}" end="${clock(cue.endMs)}" region="bottom" style="text"${who}${own}>${lines.join('<br/>')}</p>\n`;
    },
    tail: '    </div>\n  </body>\n</tt>\n',
  };
}
