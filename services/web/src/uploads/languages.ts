import type { WhisperLanguage } from '@mediajob/contract';

/**
 * The languages that can be chosen, as BCP-47 tags in the order of the contract's list, which also holds the rules
 * and would bring them into the page. A test compares the two. The list is here so that it is there when no worker is.
 */
const CODES =
  'en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jv su yue';
export const SPOKEN_LANGUAGES: readonly string[] = CODES.split(' ');

/** Only the newest models, of a hundred languages, know it. */
export const HUNDREDTH_LANGUAGE: WhisperLanguage = 'yue';

/** Chosen instead of a language: the recording has several. */
export const MIXED = 'mixed';
