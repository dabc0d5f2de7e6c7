import { SUBTITLE_PRESETS, type SubtitlePreset } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { CORPUS, spoken } from '../../test/fixtures/spoken-corpus.js';
import { CUE_FAULTS, type CueReport, checkCues } from './cue-faults.js';
import { cuesOf } from './cues.js';
import { cueRules } from './presets.js';

const SEEDS = [1, 2, 3, 4, 5];

/** Over all languages and several ways to speak each text. */
function reports(preset: SubtitlePreset, how: { speakers?: string[]; pace?: number } = {}): CueReport[] {
  return CORPUS.flatMap((text) =>
    SEEDS.map((seed) =>
      checkCues(cuesOf(spoken(text, seed, how), { preset }, text.language), cueRules({ preset }, text.language)),
    ),
  );
}
const total = (list: readonly CueReport[], of: (report: CueReport) => number) =>
  list.reduce((sum, report) => sum + of(report), 0);
const share = (list: readonly CueReport[]) => total(list, (it) => it.inside) / total(list, (it) => it.cues);

describe.each(SUBTITLE_PRESETS)('of the corpus in ten languages, cues of %s', (preset) => {
  it('are inside the preset, 99 of 100', () => {
    const list = reports(preset);
    expect(total(list, (it) => it.cues)).toBeGreaterThan(500);
    expect(share(list)).toBeGreaterThanOrEqual(0.99);
  });

  it('are so when two people speak by turns', () => {
    expect(share(reports(preset, { speakers: ['Anna', 'Boris'] }))).toBeGreaterThanOrEqual(0.99);
  });

  it('are too fast to read, and nothing else, when somebody speaks a third faster', () => {
    const list = reports(preset, { pace: 0.75 });
    const cues = total(list, (it) => it.cues);
    for (const fault of CUE_FAULTS) {
      if (fault !== 'fast') expect(total(list, (it) => it.faults[fault]) / cues, fault).toBeLessThan(0.01);
    }
  });
});
