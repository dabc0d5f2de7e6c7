import { describe, expect, it } from 'vitest';
import { breakCosts, endsSentence, WHOLE_FROM } from './breaks.js';

/** Costs of the cuts between words, or letters where there are no spaces. */
function costs(text: string, language: string): Map<string, number> {
  const unspaced = /^(zh|ja|th)$/.test(language);
  const texts = unspaced
    ? [...new Intl.Segmenter(language).segment(text)].map((it) => it.segment).filter((it) => it !== ' ')
    : text.split(' ');
  const words = texts.map((it) => ({ text: it, spaced: !unspaced, first: false, endsSentence: endsSentence(it) }));
  const list = breakCosts(words, language);
  return new Map(list.map((cost, i) => [`${texts[i]}|${texts[i + 1]}`, cost]));
}

describe('a cut', () => {
  it.each([
    ['en', 'she went to the river and slept', 'river|and', 'and|slept'],
    ['en', 'a letter from the old mill', 'letter|from', 'the|old'],
    ['ru', 'он пошёл на берег и уснул', 'берег|и', 'на|берег'],
    ['de', 'er ging an den Fluss und schlief', 'Fluss|und', 'den|Fluss'],
    ['fr', 'elle va vers la rivière et dort', 'rivière|et', 'la|rivière'],
    ['ar', 'نزلنا إلى النهر ثم نمنا', 'النهر|ثم', 'إلى|النهر'],
    ['he', 'ירדנו אל הנהר אבל לא נרדמנו', 'הנהר|אבל', 'אל|הנהר'],
  ])('in %s is better before what begins a phrase than after it: %s', (language, text, good, bad) => {
    const of = costs(text, language);
    expect(of.get(good)).toBeLessThan(of.get(bad) ?? 0);
  });

  it('is best after a sentence, then after a clause', () => {
    const of = costs('It ended. Then, nobody came back', 'en');
    expect(of.get('ended.|Then,')).toBeLessThan(of.get('Then,|nobody') ?? 0);
    expect(of.get('Then,|nobody')).toBeLessThan(of.get('nobody|came') ?? 0);
  });

  it('keeps a first name with the last one, and a figure with its unit', () => {
    const of = costs('we met Anna Peters 40 metres away', 'en');
    expect(of.get('Anna|Peters')).toBeGreaterThan(of.get('metres|away') ?? 0);
    expect(of.get('40|metres')).toBeGreaterThan(of.get('metres|away') ?? 0);
  });

  it.each([
    ['zh', '我们对整个山谷的看法', '山|谷', '我|们'],
    ['ja', '私たちは水車小屋を見た', '水|車', '小|屋'],
    ['th', 'แม่น้ำและหมู่บ้าน', 'ห|มู่', 'บ้|า'],
  ])('in %s is never made inside a word: %s', (language, text, ...inside) => {
    const of = costs(text, language);
    for (const border of inside) expect(of.get(border), border).toBeGreaterThanOrEqual(WHOLE_FROM);
    expect(Math.min(...of.values())).toBeLessThan(WHOLE_FROM);
  });

  it('in Japanese is better after a particle than before it', () => {
    const of = costs('私は川で魚を見た', 'ja');
    expect(of.get('は|川')).toBeLessThan(of.get('私|は') ?? 0);
  });

  it('never lets a line begin with a small kana, a mark of length or what closes, nor end with what opens', () => {
    const of = costs('ちょっとコーヒー', 'ja');
    expect(of.get('ち|ょ')).toBeGreaterThan(WHOLE_FROM);
    expect(of.get('コ|ー')).toBeGreaterThan(WHOLE_FROM);
    expect(costs('他说「好」了', 'zh').get('「|好')).toBeGreaterThan(WHOLE_FROM);
    expect(costs('他说「好」了', 'zh').get('好|」')).toBeGreaterThan(WHOLE_FROM);
  });
});
