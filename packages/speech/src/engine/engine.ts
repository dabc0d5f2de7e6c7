import type { WhisperLanguage } from '@mediajob/contract';

/** What a speech engine can do, whatever stands behind it. It knows nothing of jobs. */
export interface Engine {
  readonly info: EngineInfo;
  /**
   * Turns one window of a WAV into segments. As many run at once as the engine has states; further ones wait in order.
   * @throws EngineError
   */
  decode(request: DecodeRequest, options?: RequestOptions): Promise<DecodeResult>;
  /**
   * Which language is spoken in a window, best first; probabilities add up to 1.
   * @throws EngineError
   */
  detectLanguage(request: AudioWindow, options?: RequestOptions): Promise<LanguageProbability[]>;
  /** Ends the process; what runs or waits fails with code `closed`. */
  close(): Promise<void>;
}

export interface EngineInfo {
  /** Of the library, such as `whisper.cpp`. */
  readonly name: string;
  readonly version: string;
  /** Windows decoded at once. */
  readonly states: number;
  /** Threads for each of them. */
  readonly threads: number;
  /** Whether the model knows more than English. */
  readonly multilingual: boolean;
  /** How many of WHISPER_LANGUAGES, from its beginning, the model knows: 1, 99 or 100. */
  readonly languages: number;
}

/** A part of a WAV of 16 kHz, mono, 16 bits. */
export interface AudioWindow {
  /** Absolute path. */
  wavPath: string;
  startMs: number;
  /** At most 30 s after startMs. */
  endMs: number;
}

export interface DecodeRequest extends AudioWindow {
  language: WhisperLanguage;
  task: 'transcribe' | 'translate';
  /** Vocabulary: words that may occur. Its last 223 tokens count. */
  prompt?: string;
  options: DecodeOptions;
}

export interface DecodeOptions {
  /** Hypotheses followed side by side, 1 to 8; 1 is greedy. */
  beamSize: number;
  /** Candidates when the temperature is above 0, 1 to 8. */
  bestOf: number;
  /** 0 to 1. */
  temperature: number;
  /** A doubtful window is decoded again this much hotter, up to 1; 0: never. */
  temperatureStep: number;
  /** A mean natural-log probability of tokens below this is doubtful. */
  logprobThreshold: number;
  /** An entropy of tokens (nats) below this is doubtful: it repeats itself. */
  entropyThreshold: number;
  /** Above this, a window that is doubtful by its log probability holds no speech and gives no text. */
  noSpeechThreshold: number;
  /** Whether tokens get times of their own; otherwise each has those of its segment. */
  wordTimes: boolean;
}

export interface DecodeResult {
  segments: DecodedSegment[];
}

/** Times are ms of the file. Segments and their tokens never overlap and never go back. */
export interface DecodedSegment {
  startMs: number;
  endMs: number;
  tokens: DecodedToken[];
  noSpeechProbability: number;
  /** Mean natural-log probability of its tokens. */
  avgLogprob: number;
  /** Of the attempt that was taken. */
  temperature: number;
}

export interface DecodedToken {
  id: number;
  /** May begin or end inside of a UTF-8 sequence; only the bytes of neighbours make text. */
  bytes: Uint8Array;
  probability: number;
  startMs: number;
  endMs: number;
}

export interface LanguageProbability {
  language: WhisperLanguage;
  probability: number;
}

export interface RequestOptions {
  signal?: AbortSignal;
  /** 0 to 1, of this request; 0 when it begins, and then it rises. */
  onProgress?(fraction: number): void;
}

/** Where log lines of the engine go. */
export interface EngineLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}
