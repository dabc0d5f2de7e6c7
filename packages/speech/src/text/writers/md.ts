import { isRightToLeft, marked } from '../direction.js';
import { plainText } from '../scripts.js';
import type { Turn } from '../turns.js';
import { wholeSeconds } from './clock.js';
import type { Writer } from './writer.js';

/** Markdown (CommonMark): a paragraph with its time and, where a turn begins, who speaks. */
export function md(): Writer<Turn> {
  return {
    head: '',
    item({ startMs, text, language, speaker, begins }, _place, next) {
      const name = begins && speaker !== undefined ? ` ${mdText(plainText(speaker))}:` : '';
      const line = marked(`**${wholeSeconds(startMs)}${name}** ${mdText(text)}`, isRightToLeft(language));
      return next === undefined ? `${line}\n` : `${line}\n\n`;
    },
  };
}

/** Any ASCII mark may have a backslash before it; these would begin something. What stands at line begins is our time. */
function mdText(text: string): string {
  return text.replace(/[\\`*_[\]<>&~$|#]/g, '\\$&');
}
