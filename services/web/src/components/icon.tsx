/** Line icons on a 16 by 16 grid; always beside a text or an accessible name. */
const PATHS = {
  play: 'M4.5 2.8v10.4L13 8z',
  pause: 'M4.2 3h2.6v10H4.2zM9.2 3h2.6v10H9.2z',
  back: 'M7.4 3.2 2.6 8l4.8 4.8M13.4 3.2 8.6 8l4.8 4.8',
  forward: 'm8.6 3.2 4.8 4.8-4.8 4.8M2.6 3.2 7.4 8l-4.8 4.8',
  up: 'M3.5 10 8 5.5l4.5 4.5',
  down: 'M3.5 6 8 10.5 12.5 6',
  more: 'M2.6 8a.9.9 0 1 0 1.8 0 .9.9 0 1 0-1.8 0M7.1 8a.9.9 0 1 0 1.8 0 .9.9 0 1 0-1.8 0M11.6 8a.9.9 0 1 0 1.8 0 .9.9 0 1 0-1.8 0',
  sound: 'M2.5 6.2v3.6h2.4L8.2 13V3L4.9 6.2zM10.8 5.6a3.4 3.4 0 0 1 0 4.8M12.6 3.8a6 6 0 0 1 0 8.4',
  silent: 'M2.5 6.2v3.6h2.4L8.2 13V3L4.9 6.2zM10.8 6.2l3.4 3.6M14.2 6.2l-3.4 3.6',
  copy: 'M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1',
  pencil: 'm3 13 .7-3L10.6 3a1.6 1.6 0 0 1 2.3 2.3L6 12.3zM9.4 4.2l2.4 2.4',
  gear: 'M2.5 4.5h6M12 4.5h1.5M10.2 2.8v3.4M2.5 11.5H4M7.5 11.5h6M5.7 9.8v3.4',
} as const;

interface IconProps {
  readonly name: keyof typeof PATHS;
}

export function Icon({ name }: IconProps) {
  const filled = name === 'play' || name === 'pause' || name === 'more';
  return (
    <svg className={filled ? 'icon icon-filled' : 'icon'} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
