import { LOSSLESS_RENDITION_FORMATS, SUBTITLE_TRACK_FORMATS, VIDEO_RENDITION_FORMATS } from '../formats.js';
import { KNOWN_LANGUAGES } from '../languages.js';
import type { FieldExtensions, ValidationRule } from './structural.js';

/** `['a', 'b']` in CEL. */
const list = (values: readonly string[]): string => `[${values.map((value) => `'${value}'`).join(', ')}]`;

/**
 * Fields that never change. A rule at the field itself would not run when the field comes or goes
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#transition-rules),
 * so it stands at the spec.
 */
const immutable = (field: string): ValidationRule => ({
  rule: `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
  message: `${field} cannot be changed after the MediaJob is made: make a new one`,
  reason: 'FieldValueForbidden',
  fieldPath: `.${field}`,
});

export const IMMUTABLE_FIELDS = ['source', 'convert', 'transcribe', 'profile', 'queue', 'priorityClass'] as const;

/**
 * What zod checks by code, said to the API server in CEL, and how lists are merged. Every rule has cases in
 * test/crd-cases.ts that a real API server judges.
 */
export const MEDIAJOB_EXTENSIONS: FieldExtensions = {
  '': {
    rules: [
      {
        rule: "self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        message:
          'must be a DNS label of at most 40 characters: a-z, 0-9 and -, beginning and ending with a letter or digit',
        fieldPath: '.metadata.name',
      },
    ],
  },
  '.spec': {
    rules: [
      {
        rule: 'has(self.transcribe) || self.convert.renditions.size() > 0',
        message: 'there is nothing to do: give transcribe, or at least one of convert.renditions',
      },
      {
        rule: "has(self.transcribe) || !self.convert.renditions.exists(one, has(one.subtitles) && one.subtitles != 'none')",
        message: 'subtitles come from the transcript: give transcribe, too',
        fieldPath: '.convert.renditions',
      },
      ...IMMUTABLE_FIELDS.map(immutable),
    ],
  },
  '.spec.source': {
    rules: [
      {
        rule: '[has(self.path), has(self.url), has(self.s3)].exists_one(given, given)',
        message: 'exactly one of path, url and s3 must be given',
      },
    ],
  },
  '.spec.source.path': {
    instead: ['pattern'],
    rules: [
      {
        rule: "self.startsWith('uploads/') || self.startsWith('inbox/')",
        message: 'must begin with uploads/ or inbox/',
      },
      {
        rule: "!self.split('/').exists(segment, segment in ['', '.', '..'])",
        message: 'must be a relative path without ".", ".." or empty segments',
      },
      {
        rule: String.raw`!self.matches('[\\p{Cc}\\\\]')`,
        message: 'must have no control characters and no backslash',
      },
    ],
  },
  '.spec.source.url': {
    instead: ['format'],
    rules: [
      {
        rule: "isURL(self) && url(self).getScheme() in ['http', 'https']",
        message: 'must be a web address that begins with http:// or https://',
      },
    ],
  },
  '.spec.convert.renditions': {
    rules: [
      {
        rule: "self.all(one, self.exists_one(other, other.format == one.format && (has(other.height) ? other.height : 0) == (has(one.height) ? one.height : 0) && (has(other.subtitles) && other.subtitles == 'burn') == (has(one.subtitles) && one.subtitles == 'burn')))",
        message: 'two renditions would have the same file name; differ in format, height or burnt-in subtitles',
      },
    ],
  },
  '.spec.convert.renditions[]': {
    rules: [
      {
        rule: `!has(self.height) || self.format in ${list(VIDEO_RENDITION_FORMATS)}`,
        message: `only ${VIDEO_RENDITION_FORMATS.join(', ')} have a picture`,
        fieldPath: '.height',
      },
      {
        rule: `!has(self.subtitles) || self.subtitles != 'track' || self.format in ${list(SUBTITLE_TRACK_FORMATS)}`,
        message: `only ${SUBTITLE_TRACK_FORMATS.join(' and ')} take a track of subtitles`,
        fieldPath: '.subtitles',
      },
      {
        rule: `!has(self.subtitles) || self.subtitles != 'burn' || self.format in ${list(VIDEO_RENDITION_FORMATS)}`,
        message: `only ${VIDEO_RENDITION_FORMATS.join(', ')} have a picture to draw subtitles into`,
        fieldPath: '.subtitles',
      },
      {
        rule: `!has(self.audioBitrate) || !(self.format in ${list(LOSSLESS_RENDITION_FORMATS)})`,
        message: `${LOSSLESS_RENDITION_FORMATS.join(' and ')} have no bitrate to choose`,
        fieldPath: '.audioBitrate',
      },
    ],
  },
  '.spec.transcribe.language': {
    rules: [
      {
        rule: `self == 'auto' || self.lowerAscii().matches('^(${KNOWN_LANGUAGES.join('|')})([-_]|$)')`,
        message: 'is not a language that Whisper knows',
      },
    ],
  },
  '.spec.transcribe.formats': { set: true },
  '.spec.priorityClass': {
    rules: [{ rule: "!self.startsWith('system-')", message: 'the classes system-… are for the cluster itself' }],
  },
  // Shown at once, and also while no operator runs.
  '.status': { default: {} },
  '.status.conditions': { listMapKey: 'type' },
  '.status.stages': { listMapKey: 'name' },
  '.status.outputs': { listMapKey: 'name' },
};
