import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export interface StartOptions {
  files: string[];
  language: string;
  model: string;
  task: 'transcribe' | 'translate';
  quality: string;
  formats: string[];
  subtitles: string;
  videoSubtitles: string;
  renditions: string[];
  exit: boolean;
  open: boolean;
  port: number;
  verbose: boolean;
  help: boolean;
}

export const USAGE = `npm start [-- FILE… OPTIONS]

Starts MediaJob on this machine. Without files it serves the page; with files it also transcribes them.

  --language TAG     spoken language, such as en or ru (default: found out)
  --model NAME       base, small, … (default: base; brought when it is missing)
  --task translate   into English instead of the spoken language
  --quality Q        fast, balanced or best (default: balanced)
  --formats LIST     json,txt,srt,vtt,tsv,lrc,ass,ttml,md,docx (default: json,srt,vtt,txt)
  --subtitles PRESET netflix, bbc, youtube, short or raw (default: netflix)
  --convert LIST     also convert to mp3,m4a,opus,flac,wav,mp4,webm,mkv
  --video-subtitles S track or burn: subtitles in those of them that have a picture (default: none)
  --exit             stop when the files are done
  --port N           port of the page (default: 8000); N+1 and N+2 are used too
  --no-open          do not open a browser
  --verbose          print the services' logs
`;

/** What the command line asks for. Throws TypeError with a sentence for anything it does not know. */
export function parseOptions(argv: string[], invocationDir: string): StartOptions {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    allowNegative: true,
    options: {
      language: { type: 'string', default: 'auto' },
      model: { type: 'string', default: 'base' },
      task: { type: 'string', default: 'transcribe' },
      quality: { type: 'string', default: 'balanced' },
      formats: { type: 'string', default: 'json,srt,vtt,txt' },
      subtitles: { type: 'string', default: 'netflix' },
      convert: { type: 'string', default: '' },
      'video-subtitles': { type: 'string', default: 'none' },
      exit: { type: 'boolean', default: false },
      open: { type: 'boolean', default: true },
      port: { type: 'string', default: process.env.MEDIAJOB_PORT ?? '8000' },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false, short: 'h' },
    },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 64_000)
    throw new TypeError(`--port ${values.port}: must be a number from 1 to 64000`);
  if (values.task !== 'transcribe' && values.task !== 'translate')
    throw new TypeError(`--task ${values.task}: must be transcribe or translate`);
  const list = (text: string): string[] =>
    text
      .split(',')
      .map((it) => it.trim())
      .filter(Boolean);
  return {
    files: positionals.map((file) => resolve(invocationDir, file)),
    language: values.language,
    model: values.model,
    task: values.task,
    quality: values.quality,
    formats: list(values.formats),
    subtitles: values.subtitles,
    renditions: list(values.convert),
    videoSubtitles: values['video-subtitles'],
    exit: values.exit,
    open: values.open,
    port,
    verbose: values.verbose,
    help: values.help,
  };
}
