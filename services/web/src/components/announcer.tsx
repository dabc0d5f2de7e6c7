import { Store, useStore } from './store.ts';

const QUIET_MS = 1_500;
const announcement = new Store('');
let waiting: string[] = [];
let _timer: ReturnType<typeof setTimeout> | undefined;

/** Says something to people who do not see the screen. What comes in quick succession is said together. */
export function announce(text: string): void {
  waiting.push(text);
  _timer ??= setTimeout(() => {
    announcement.set(waiting.slice(-3).join(' '));
    waiting = [];
    _timer = undefined;
  }, QUIET_MS);
}

export function Announcer() {
  return (
    <div className="visually-hidden" role="status" aria-live="polite">
      {useStore(announcement)}
    </div>
  );
}
