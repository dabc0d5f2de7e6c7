import type { Cue, TimedText } from '../cues.js';
import { directionMark, isRightToLeft } from '../direction.js';
import { plainText } from '../scripts.js';
import { clock } from './clock.js';
import type { DocumentHead, Writer } from './writer.js';

/** WebVTT, https://www.w3.org/TR/webvtt1/: voices, and inside a cue the time at which each later word begins. */
export function vtt({ wordTimes }: Pick<DocumentHead, 'wordTimes'>): Writer<Cue> {
  return {
    head: 'WEBVTT\n\n',
    item(cue) {
      const times = `${clock(cue.startMs)} --> ${clock(cue.endMs)}`;
      const voice = cue.speaker === undefined ? '' : `<v ${vttText(plainText(cue.speaker))}>`;
      const rtl = isRightToLeft(cue.language);
      let last = cue.startMs;
      const word = ({ text, spaced, startMs }: TimedText, i: number): string => {
        // A time inside a cue is later than its start and those before it, and earlier than its end.
        const known = wordTimes && startMs > last && startMs < cue.endMs;
        if (known) last = startMs;
        return `${spaced && i > 0 ? ' ' : ''}${known ? `<${clock(startMs)}>` : ''}${vttText(plainText(text))}`;
      };
      const lines = cue.words.map((line, i) => directionMark(cue.lines[i] ?? '', rtl) + line.map(word).join(''));
      // An empty line would end the cue.
      const text = lines.filter((line) => line !== '').join('\n');
      return `${times}\n${voice}${text}\n\n`;
    },
  };
}

function vttText(line: string): string {
  return line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
