export { CUE_FAULTS, type CueFault, type CueReport, checkCues } from './cue-faults.js';
export { type Cue, CueMaker, cuesOf } from './cues.js';
export { type DocumentSource, documentOf } from './documents.js';
export { type LanguageDetection, languageOfChunk, languageWindows, voteLanguage } from './language.js';
export { letterCounts, letterSample } from './letters.js';
export { type CueRules, cueRules } from './presets.js';
export { documentOfTranscript } from './read-transcript.js';
export { isUnspaced, plainText, textWidth } from './scripts.js';
export {
  compressionRatioOf,
  isInvented,
  loops,
  MergeError,
  mergeParts,
  PartMerge,
  segmentOf,
  segmentsOf,
} from './segments.js';
export { type TranscriptInput, transcriptOf } from './transcript.js';
export { comparableWords, type WordErrors, wordErrorRate } from './wer.js';
export { wordsOfTokens } from './words.js';
