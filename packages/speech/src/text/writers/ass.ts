import type { Cue } from '../cues.js';
import { embedded, isRightToLeft } from '../direction.js';
import { plainText } from '../scripts.js';
import { assClock } from './clock.js';
import type { DocumentHead, Writer } from './writer.js';

/*
 * 1080 lines whatever the video has: renderers scale. Colours are AABBGGRR; the second one is that of words which are
 * still to come. WrapStyle 2: lines are broken where we broke them.
 */
const HEAD = `[Script Info]
ScriptType: v4.00+
PlayResX: 1920
PlayResY: 1080
WrapStyle: 2
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Sans,56,&H00FFFFFF,&H00B4B4B4,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,3,1,2,80,80,60,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
`;

/**
 * Advanced SubStation Alpha, with karaoke when words have times. Not in scripts that run from right to left: renderers
 * other than libass lay out each piece between two tags by itself, and words would stand in the wrong order.
 */
export function ass({ wordTimes }: Pick<DocumentHead, 'wordTimes'>): Writer<Cue> {
  return {
    head: HEAD,
    item(cue) {
      const rtl = isRightToLeft(cue.language);
      const start = Math.floor(cue.startMs / 10);
      const end = Math.max(start + 1, Math.floor(cue.endMs / 10));
      const name = plainText(cue.speaker ?? '').replace(/[,{}\\]/g, ' ');
      const text = wordTimes && !rtl ? karaoke(cue, start, end) : cue.lines.map((it) => plain(it, rtl)).join('\\N');
      return `Dialogue: 0,${assClock(start)},${assClock(end)},Default,${name},0,0,0,,${text}\n`;
    },
  };
}

function plain(line: string, rtl: boolean): string {
  return embedded(assText(plainText(line)), rtl);
}

/** Each word with how many hundredths it lasts until the next one. Whole in sum, so that nothing drifts. */
function karaoke(cue: Cue, start: number, end: number): string {
  const begins = cue.words.flat().map((word) => Math.min(end, Math.max(start, Math.floor(word.startMs / 10))));
  let place = 0;
  return cue.words
    .map((line) =>
      line
        .map((word, i) => {
          const lasts = (begins[place + 1] ?? end) - (begins[place] ?? start);
          place++;
          return `${word.spaced && i > 0 ? ' ' : ''}{\\k${lasts}}${assText(plainText(word.text))}`;
        })
        .join(''),
    )
    .join('\\N');
}

/** A backslash would begin a command, and a brace an override; a word joiner behind the first is seen by nobody. */
function assText(text: string): string {
  return text.replaceAll('\\', '\\\u2060').replaceAll('{', '\\{').replaceAll('}', '\\}');
}
