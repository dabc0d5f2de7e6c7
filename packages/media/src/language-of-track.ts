/**
 * Containers name a track's language by ISO 639-2 (MP4 has room for three letters and no more). Terminology codes, of the
 * languages that Whisper knows; those that have three letters in BCP-47 already are not listed.
 */
const THREE_LETTERS: Readonly<Record<string, string>> = {
  ...{ af: 'afr', am: 'amh', ar: 'ara', as: 'asm', az: 'aze', ba: 'bak', be: 'bel', bg: 'bul', bn: 'ben', bo: 'bod' },
  ...{ br: 'bre', bs: 'bos', ca: 'cat', cs: 'ces', cy: 'cym', da: 'dan', de: 'deu', el: 'ell', en: 'eng', es: 'spa' },
  ...{ et: 'est', eu: 'eus', fa: 'fas', fi: 'fin', fo: 'fao', fr: 'fra', gl: 'glg', gu: 'guj', ha: 'hau', he: 'heb' },
  ...{ hi: 'hin', hr: 'hrv', ht: 'hat', hu: 'hun', hy: 'hye', id: 'ind', is: 'isl', it: 'ita', ja: 'jpn', jv: 'jav' },
  ...{ ka: 'kat', kk: 'kaz', km: 'khm', kn: 'kan', ko: 'kor', la: 'lat', lb: 'ltz', ln: 'lin', lo: 'lao', lt: 'lit' },
  ...{ lv: 'lav', mg: 'mlg', mi: 'mri', mk: 'mkd', ml: 'mal', mn: 'mon', mr: 'mar', ms: 'msa', mt: 'mlt', my: 'mya' },
  ...{ ne: 'nep', nl: 'nld', nn: 'nno', no: 'nor', nb: 'nob', oc: 'oci', pa: 'pan', pl: 'pol', ps: 'pus', pt: 'por' },
  ...{ ro: 'ron', ru: 'rus', sa: 'san', sd: 'snd', si: 'sin', sk: 'slk', sl: 'slv', sn: 'sna', so: 'som', sq: 'sqi' },
  ...{ sr: 'srp', su: 'sun', sv: 'swe', sw: 'swa', ta: 'tam', te: 'tel', tg: 'tgk', th: 'tha', tk: 'tuk', tl: 'tgl' },
  ...{ tr: 'tur', tt: 'tat', uk: 'ukr', ur: 'urd', uz: 'uzb', vi: 'vie', yi: 'yid', yo: 'yor', zh: 'zho', jw: 'jav' },
};

/** @param tag BCP-47; `und` when there is no code for it */
export function languageOfTrack(tag: string): string {
  const primary = tag.toLowerCase().split(/[-_]/, 1)[0] ?? '';
  return THREE_LETTERS[primary] ?? (/^[a-z]{3}$/.test(primary) ? primary : 'und');
}
