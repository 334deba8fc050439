// SPDX-License-Identifier: Apache-2.0
// icon: the own set, 16 px grid, round joins, currentColor.
const PATHS = {
  overview: 'M1.8 8.5h2.7l2-5.5 3 10 2-4.5h2.7',
  folder: 'M2 12.8V3.7h4.2l1.5 1.8H14v7.3z',
  file: 'M3.7 1.9h6l2.6 2.6v9.6H3.7zM9.5 2v2.8h2.7',
  mount: 'M5.4 2v3.2M10.6 2v3.2M3.6 5.2h8.8v2.2a4.4 4.4 0 0 1-8.8 0zM8 11.8V14',
  tasks: 'M2.5 3.8h2M2.5 8h2M2.5 12.2h2M7 3.8h6.5M7 8h6.5M7 12.2h4',
  key: 'M10.6 2.6a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8.4 7.7 2.5 13.5M4.6 11.4l1.8 1.8',
  sliders: 'M2 4.8h5.4M11.4 4.8H14M9.4 3v3.6M2 11.2h2.2M8.2 11.2H14M6.2 9.4V13',
  logs: 'M2 3h12v10H2zM4.6 6.2 6.8 8l-2.2 1.8M8.4 10.4h3',
  x: 'M3.8 3.8l8.4 8.4M12.2 3.8l-8.4 8.4',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  check: 'M3 8.5l3.3 3.3L13 4.8',
  up: 'M3.5 10 8 5.5l4.5 4.5',
  down: 'M3.5 6 8 10.5 12.5 6',
  more: 'M3.2 8h.01M8 8h.01M12.8 8h.01',
  upload: 'M8 10.5V2.8M4.8 5.8 8 2.6l3.2 3.2M2.5 10.5v3h11v-3',
  download: 'M8 2.5v7.7M4.8 7.2 8 10.4l3.2-3.2M2.5 10.5v3h11v-3',
  pin: 'M6 2h4l-.6 4 2.1 2.2H4.5L6.6 6zM8 8.2V14',
  clock: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2M8 4.8V8l2.2 1.6',
  refresh: 'M13 8a5 5 0 1 1-1.5-3.6M13 2.5v2.7h-2.7',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  code: 'M5.2 4.2 1.6 8l3.6 3.8M10.8 4.2 14.4 8l-3.6 3.8M9.2 2.8 6.8 13.2',
  sun: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8 1.4v1.3M8 13.3v1.3M1.4 8h1.3M13.3 8h1.3M3.3 3.3l.9.9M11.8 11.8l.9.9M3.3 12.7l.9-.9M11.8 4.2l.9-.9',
  moon: 'M13.4 9.6A5.8 5.8 0 0 1 6.4 2.6a5.8 5.8 0 1 0 7 7z',
  user: 'M8 2.3a2.9 2.9 0 1 0 0 5.8 2.9 2.9 0 0 0 0-5.8M2.6 14c.5-3 2.6-4.4 5.4-4.4s4.9 1.4 5.4 4.4',
  users: 'M6 2.8a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5M1.5 13.4c.3-2.6 2-3.9 4.5-3.9s4.2 1.3 4.5 3.9M10.6 3a2.5 2.5 0 0 1 0 4.7M12 9.8c1.5.5 2.3 1.7 2.5 3.6',
  fail: 'M8 1.7 14.3 8 8 14.3 1.7 8zM8 5v3.4M8 10.7h.01',
  table: 'M2.2 2.8h11.6v10.4H2.2zM2.2 6.2h11.6M6.2 6.2v7M2.2 9.7h11.6',
  image: 'M2.2 2.8h11.6v10.4H2.2zM2.4 11.4l3.4-3.6 2.6 2.6 2-2 3.2 3.2M10.4 5.6h.01',
  link: 'M6.7 9.3l2.6-2.6M7.4 4.9l1.5-1.5a2.6 2.6 0 0 1 3.7 3.7l-1.5 1.5M8.6 11.1l-1.5 1.5a2.6 2.6 0 0 1-3.7-3.7l1.5-1.5',
  lock: 'M3.5 7.2h9v6.5h-9zM5.3 7.2V5a2.7 2.7 0 0 1 5.4 0v2.2',
  trash: 'M2.5 4.2h11M5.8 4V2.5h4.4V4M4 4.2l.6 9.3h6.8l.6-9.3M6.6 6.8v4M9.4 6.8v4',
  edit: 'M2.8 13.2l.5-2.8 7.4-7.4 2.3 2.3-7.4 7.4zM9.5 4.2l2.3 2.3',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  out: 'M9.5 2.8h-6v10.4h6M6.5 8h7M11 5l3 3-3 3',
} as const;
export type IconName = keyof typeof PATHS;

export const Icon = ({ name, class: cls = '' }: { name: IconName; class?: string }) => (
  <svg class={`i ${name === 'more' ? 'dots ' : ''}${cls}`} viewBox="0 0 16 16" aria-hidden="true"><path d={PATHS[name]} /></svg>
);

// The mark: two shores and the neck of land that joins them.
export const Mark = ({ size = 20 }: { size?: number }) => (
  <svg width={size} height={size} viewBox="0 0 24 24" fill="currentColor" aria-hidden="true">
    <path d="M1 3.5c5.3.4 7.4 3.3 8.6 5.7.7 1.3 4.1 1.3 4.8 0C15.6 6.8 17.7 3.9 23 3.5v17c-5.3-.4-7.4-3.3-8.6-5.7-.7-1.3-4.1-1.3-4.8 0C8.4 17.2 6.3 20.1 1 20.5z" />
  </svg>
);
