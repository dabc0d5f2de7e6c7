import type { MediaJob } from '@mediajob/contract';

const WIDTH = 24;

/** One line on a terminal that is drawn over; elsewhere a line each time a stage changes or ten per cent are done. */
export class ProgressLine {
  readonly #stream = process.stderr;
  #last = '';

  show(text: string, milestone: string): void {
    if (this.#stream.isTTY) {
      const columns = this.#stream.columns || 80;
      this.#stream.write(`\r\u001b[K${text.slice(0, columns - 1)}`);
      this.#last = text;
    } else if (milestone !== this.#last) {
      this.#last = milestone;
      this.#stream.write(`${text}\n`);
    }
  }

  end(): void {
    if (this.#stream.isTTY && this.#last) this.#stream.write('\n');
    this.#last = '';
  }
}

/** `convert ✓  transcribe ████░░░░ 43%  12× realtime, 40 s left` */
export function describeJob(job: MediaJob): { text: string; milestone: string } {
  const { status } = job;
  const stages = status.stages
    .filter((stage) => stage.state !== 'Skipped')
    .map((stage) => {
      if (stage.state === 'Succeeded') return `${stage.name} ✓`;
      if (stage.state === 'Failed') return `${stage.name} ✗`;
      if (stage.state === 'Running') return `${stage.name} ${bar(stage.percent)} ${Math.floor(stage.percent)}%`;
      return `${stage.name} ·`;
    });
  const details = [
    status.progress.realtimeFactor ? `${status.progress.realtimeFactor.toFixed(1)}× realtime` : '',
    status.progress.etaText ? `${status.progress.etaText} left` : '',
    status.phase === 'Queued' || status.phase === 'Pending' ? status.message : '',
  ].filter(Boolean);
  const text = `${status.progress.text.padStart(4)}  ${stages.join('  ')}${details.length > 0 ? `  ${details.join(', ')}` : ''}`;
  const milestone = `${status.phase} ${status.stages.map((stage) => `${stage.state}${Math.floor(stage.percent / 10)}`).join()} ${status.phase === 'Queued' ? status.message : ''}`;
  return { text, milestone };
}

function bar(percent: number): string {
  const full = Math.round((percent / 100) * WIDTH);
  return '█'.repeat(full) + '░'.repeat(WIDTH - full);
}
