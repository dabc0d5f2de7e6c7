import { speakerLabel } from '../cue-words.js';
import type { Cue } from '../cues.js';
import { embedded, isRightToLeft } from '../direction.js';
import { plainText } from '../scripts.js';
import { clock } from './clock.js';
import type { Writer } from './writer.js';

/**
 * SubRip. It knows no escapes: what players take for markup, and the arrow, are written with look-alikes. It knows no
 * speakers either: a name stands where its turn begins.
 */
export function srt(): Writer<Cue> {
  return {
    head: '',
    item(cue, place) {
      const times = `${clock(cue.startMs, ',')} --> ${clock(cue.endMs, ',')}`;
      const rtl = isRightToLeft(cue.language);
      const label = cue.turn && cue.speaker !== undefined ? srtText(speakerLabel(cue.speaker)) : '';
      const lines = cue.lines.map((line) => srtText(plainText(line))).filter((line) => line !== '');
      const text = lines.map((line, i) => embedded(i === 0 ? label + line : line, rtl)).join('\n');
      return `${place + 1}\n${times}\n${text}\n\n`;
    },
  };
}

function srtText(line: string): string {
  return line
    .replaceAll('-->', '→')
    .replace(/<(?=\/?[a-z])([^<>]*)>/giu, '‹$1›')
    .replace(/\{(?=\\|[a-z]:)([^{}]*)\}/giu, '($1)');
}
