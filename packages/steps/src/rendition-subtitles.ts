import { hasSubtitles, type RenderRequest, type SubtitleRules, Transcript } from '@mediajob/contract';
import { cannotBurn, lettersWithoutFont, type RenderSubtitles } from '@mediajob/media';
import { documentOfTranscript, letterCounts, letterSample } from '@mediajob/speech';
import {
  InputNotFoundError,
  parseDocument,
  readText,
  sha256Of,
  writeFileAtomic,
  writeStreamAtomic,
} from '@mediajob/storage';
import type { StepContext } from './context.js';
import { ffmpegOf } from './ffmpeg-of.js';

/** A film in which this much of the text is empty boxes is worth nothing. */
const TOO_MANY_LETTERS_MISSING = 0.01;

/** What the renditions with subtitles are made from besides the source: the transcript, as finalize wrote it. */
export class RenditionSubtitles {
  readonly #request: RenderRequest;
  readonly #context: StepContext;
  readonly #transcript: Transcript;
  readonly sha256: string;
  #checked = false;

  private constructor(request: RenderRequest, context: StepContext, text: string, path: string) {
    this.#request = request;
    this.#context = context;
    this.#transcript = parseDocument(path, text, Transcript);
    this.sha256 = sha256Of(text);
  }

  /** @returns undefined when no rendition asks for them, or when there is no transcript (any more) */
  static async find(request: RenderRequest, context: StepContext): Promise<RenditionSubtitles | undefined> {
    if (!request.renditions.some(hasSubtitles)) return undefined;
    const path = context.volume.layout.output(request.jobId, 'transcript.json');
    try {
      const text = await readText(await context.volume.resolveExisting(path));
      return new RenditionSubtitles(request, context, text, path);
    } catch (error) {
      if (error instanceof InputNotFoundError) return undefined;
      throw error;
    }
  }

  /** Writes them as files that ffmpeg reads; undefined when nothing was said. */
  async files(): Promise<RenderSubtitles | undefined> {
    if (this.#transcript.segments.length === 0) return undefined;
    const rules = this.#request.subtitles ?? {};
    // Burnt-in words light up in upright videos, where people expect it, and nowhere else.
    const burnt = { ...rules, wordTimes: rules.wordTimes !== false && rules.preset === 'short' };
    const [srtPath, assPath] = [await this.#write('srt', rules), await this.#write('ass', burnt)];
    return { srtPath, assPath, language: this.#transcript.language };
  }

  /**
   * Looks once whether the letters of the text can be drawn here.
   * @param input absolute path of a video
   * @throws MediaError that says what is missing
   */
  async checkFonts(input: string): Promise<void> {
    if (this.#checked) return;
    this.#checked = true;
    const { volume, signal, log } = this.#context;
    const counts = letterCounts(this.#transcript);
    const path = volume.resolve(this.#work('letters.ass'));
    await writeFileAtomic(path, letterSample(counts.keys()), { runId: this.#request.runId, files: volume.files });
    const missing = await lettersWithoutFont(input, path, { ffmpeg: ffmpegOf(this.#context), signal });
    if (missing.size === 0) return;
    const count = (letters: Iterable<string>) => [...letters].reduce((sum, it) => sum + (counts.get(it) ?? 0), 0);
    const some = [...missing].slice(0, 10).join(' ');
    if (count(missing) > count(counts.keys()) * TOO_MANY_LETTERS_MISSING) {
      throw cannotBurn(`no font has letters of the text (${some})`, 'Install fonts for them, such as fonts-noto-cjk');
    }
    log.warn({ letters: some }, 'no font has some letters of the subtitles; they are left out of the picture');
  }

  async #write(format: 'srt' | 'ass', rules: SubtitleRules): Promise<string> {
    const { volume } = this.#context;
    const path = volume.resolve(this.#work(`subtitles.${format}`));
    const options = { runId: this.#request.runId, files: volume.files };
    await writeStreamAtomic(path, documentOfTranscript(this.#transcript, format, rules), options);
    return path;
  }

  #work(name: string): string {
    return `${this.#context.volume.layout.work(this.#request.jobId)}/${name}`;
  }
}
