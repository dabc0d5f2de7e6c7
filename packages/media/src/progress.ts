/** What `ffmpeg -progress` last reported. */
export interface FfmpegProgress {
  /** End of what was written so far, in ms from the start of the output. */
  outTimeMs: number;
  /** Bytes written so far; 0 where the output is not a file. */
  totalBytes: number;
  /** Whether ffmpeg said `progress=end`: it wrote its last byte and closed its outputs. */
  ended: boolean;
}

const KEYS =
  /^(?:frame|fps|stream_\d+_\d+_\w+|bitrate|total_size|out_time_us|out_time_ms|out_time|dup_frames|drop_frames|speed|progress)=\s*(.*)$/;

/** Said of every picture while its decoders are locked away. */
const EXPECTED = /\] (?:Codec \(\w+\) not on whitelist|Failed to open codec in avformat_find_stream_info)/;

/**
 * Reads ffmpeg's stderr, where `-progress pipe:2` and its messages share one stream.
 * Fed with pieces of text cut anywhere; keeps the last messages for an error's sake.
 */
export class FfmpegLog {
  readonly progress: FfmpegProgress = { outTimeMs: 0, totalBytes: 0, ended: false };
  /** Changes whenever ffmpeg got further in any way: the heartbeat of the stall deadline. */
  heartbeat = 0;
  readonly #head: string[] = [];
  readonly #tail: string[] = [];
  readonly #keep: number;
  #rest = '';

  /** @param keep - messages kept from the beginning, and as many from the end */
  constructor(keep = 200) {
    this.#keep = keep;
  }

  /** Takes the next piece; answers whether a report of progress was completed in it. */
  push(text: string): boolean {
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? '').slice(-8192);
    let reported = false;
    for (const line of lines) reported = this.#line(line) || reported;
    return reported;
  }

  /** The messages so far, the middle left out when there were too many. */
  lines(): string[] {
    return [...this.#head, ...this.#tail, ...(this.#rest === '' ? [] : [this.#rest])];
  }

  #line(line: string): boolean {
    const match = KEYS.exec(line);
    if (match === null) {
      if (line === '' || EXPECTED.test(line)) return false;
      if (this.#head.length < this.#keep) this.#head.push(line.slice(0, 500));
      else {
        this.#tail.push(line.slice(0, 500));
        if (this.#tail.length > this.#keep) this.#tail.shift();
      }
      return false;
    }
    const key = line.slice(0, line.indexOf('='));
    const value = match[1] ?? '';
    if (key === 'out_time_us') this.#advance('outTimeMs', Math.round(Number(value) / 1000));
    else if (key === 'total_size') this.#advance('totalBytes', Number(value));
    else if (key === 'frame') this.#beatOn(`frame ${value}`);
    else if (key === 'progress') {
      this.progress.ended = value === 'end';
      return true;
    }
    return false;
  }

  #advance(key: 'outTimeMs' | 'totalBytes', value: number): void {
    // "N/A" before the first packet; and out_time may step back by a frame, which is no progress.
    if (!Number.isFinite(value) || value <= this.progress[key]) return;
    this.progress[key] = value;
    this.heartbeat += 1;
  }

  #lastFrame = '';
  #beatOn(frame: string): void {
    if (frame === this.#lastFrame) return;
    this.#lastFrame = frame;
    this.heartbeat += 1;
  }
}
