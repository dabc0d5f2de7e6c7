import { RENDITION_FORMATS, type RenditionFormat } from '@mediajob/contract';

/** A kind of file that is taken. */
export interface InputFormat {
  name: string;
  /** Usual extensions, without the dot. */
  extensions: readonly string[];
  video: boolean;
}

/** Kinds of files that are taken, for people and for file choosers; what counts is the content, never the name. */
const INPUTS: readonly InputFormat[] = [
  { name: 'WAV', extensions: ['wav', 'w64'], video: false },
  { name: 'MP3', extensions: ['mp3'], video: false },
  { name: 'AAC', extensions: ['aac'], video: false },
  { name: 'MPEG-4 audio', extensions: ['m4a', 'm4b'], video: false },
  { name: 'FLAC', extensions: ['flac'], video: false },
  { name: 'Ogg', extensions: ['ogg', 'oga', 'spx'], video: false },
  { name: 'Opus', extensions: ['opus'], video: false },
  { name: 'Windows Media Audio', extensions: ['wma'], video: false },
  { name: 'AMR', extensions: ['amr'], video: false },
  { name: 'AIFF', extensions: ['aiff', 'aif', 'aifc'], video: false },
  { name: 'Core Audio', extensions: ['caf'], video: false },
  { name: 'Dolby Digital', extensions: ['ac3', 'eac3'], video: false },
  { name: 'Sun audio', extensions: ['au'], video: false },
  { name: 'MPEG-4', extensions: ['mp4', 'm4v'], video: true },
  { name: 'QuickTime', extensions: ['mov'], video: true },
  { name: '3GPP', extensions: ['3gp', '3g2'], video: true },
  { name: 'Matroska', extensions: ['mkv', 'mka'], video: true },
  { name: 'WebM', extensions: ['webm'], video: true },
  { name: 'AVI', extensions: ['avi'], video: true },
  { name: 'MPEG transport stream', extensions: ['ts', 'mts', 'm2ts'], video: true },
  { name: 'MPEG program stream', extensions: ['mpeg', 'mpg', 'vob'], video: true },
  { name: 'Flash Video', extensions: ['flv'], video: true },
  { name: 'Windows Media Video', extensions: ['wmv', 'asf'], video: true },
  { name: 'Ogg video', extensions: ['ogv'], video: true },
];

/** What can go in and what can come out. */
export function formats(): { inputs: readonly InputFormat[]; renditions: readonly RenditionFormat[] } {
  return { inputs: INPUTS, renditions: RENDITION_FORMATS };
}
