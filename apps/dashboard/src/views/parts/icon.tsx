// SPDX-License-Identifier: Apache-2.0

import type { ReactNode } from 'react'

/** 16 by 16, one line of 1.4, round. */
const drawings = {
  people:
    'M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M10.8 2.9a2.3 2.3 0 0 1 0 4.3M12 9.9c1.6.5 2.6 1.8 2.6 3.6',
  person: 'M8 8a2.8 2.8 0 1 0 0-5.6A2.8 2.8 0 0 0 8 8ZM2.8 13.8C2.8 11.4 5 10 8 10s5.2 1.4 5.2 3.8',
  roles: 'M8 1.8l5.2 2v3.9c0 3.3-2.2 5.4-5.2 6.5-3-1.1-5.2-3.2-5.2-6.5V3.8zM5.7 7.9l1.7 1.7 3-3.3',
  key: 'M5.3 13.7a3.3 3.3 0 1 0 0-6.6 3.3 3.3 0 0 0 0 6.6ZM7.7 8l5.8-5.8M11 4.7l1.9 1.9',
  switch: 'M5 6l3-3 3 3M5 10l3 3 3-3',
  sideways: 'M2 8h12M4.8 5.2L2 8l2.8 2.8M11.2 5.2L14 8l-2.8 2.8',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  close: 'M4 4l8 8M12 4l-8 8',
  check: 'M3 8.5l3.3 3.3L13 5',
  copy: 'M5.5 5.5v-2a1 1 0 0 1 1-1h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-2M3.5 5.5h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1Z',
  plus: 'M8 3v10M3 8h10',
  help: 'M6 6a2 2 0 1 1 2.8 1.8C8.2 8.1 8 8.5 8 9.2M8 11.6v.1M8 14.3A6.3 6.3 0 1 0 8 1.7a6.3 6.3 0 0 0 0 12.6Z',
  light:
    'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M3.4 12.6l.7-.7M11.9 4.1l.7-.7',
  dark: 'M13.2 9.8A5.8 5.8 0 0 1 6.2 2.8a5.8 5.8 0 1 0 7 7Z',
  system: 'M2.5 3.5h11v7h-11zM6 13.5h4M8 10.5v3',
  out: 'M6.5 13.5h-3a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1h3M10.5 11l3-3-3-3M13.5 8h-7',
  seal: 'M8 9.8a3.6 3.6 0 1 0 0-7.2 3.6 3.6 0 0 0 0 7.2ZM5.8 9l-1 4.8L8 12.2l3.2 1.6-1-4.8',
  search: 'M7.2 11.7a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.6 10.6l2.9 2.9',
  back: 'M9.5 3.5L5 8l4.5 4.5',
  eye: 'M1.5 8S4 3.7 8 3.7 14.5 8 14.5 8 12 12.3 8 12.3 1.5 8 1.5 8ZM8 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6Z',
  save: 'M8 2.5v7M5 7l3 3 3-3M3 13.5h10',
  file: 'M4 1.8h5l3 3v9.4H4zM9 1.8v3h3',
  process: 'M2.5 3h11v10h-11zM5 6.5l2 1.7-2 1.8M8.5 10.5h2.5',
  live: 'M2 8h2.5l1.7-4.5 3.2 9L11.2 8H14',
  list: 'M5.5 4.5h8M5.5 8h8M5.5 11.5h8M2.5 4.5h.1M2.5 8h.1M2.5 11.5h.1',
  ledger: 'M3.5 2.5h9v11h-9zM6 5.5h4M6 8h4M6 10.5h2.5',
  audit: 'M5.5 2.5h5v2h-5zM5.5 3.5h-2v10h9v-10h-2M6 8.7l1.5 1.5L10.3 7.3',
  policy:
    'M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6M10 6.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4ZM6 13.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4Z',
  accounts:
    'M2.5 3.5h11v9h-11zM6.2 8a1.3 1.3 0 1 0 0-2.6 1.3 1.3 0 0 0 0 2.6ZM4 10.7c0-1 1-1.5 2.2-1.5s2.2.5 2.2 1.5M10 6.5h2M10 9h2',
  host: 'M2.5 2.5h11v4.5h-11zM2.5 9h11v4.5h-11zM5 4.7h.1M5 11.3h.1',
  tenants: 'M2.5 13.5v-8l4-3v11M6.5 6.5h7v7h-11M9 9h.1M11.3 9h.1M9 11.2h.1M11.3 11.2h.1',
  quarantine: 'M2.5 6h11v7.5h-11zM4.5 6V2.5h7V6M6 9.2h4',
  bell: 'M8 2a3.8 3.8 0 0 0-3.8 3.8c0 3.6-1.7 4.8-1.7 5.5h11c0-.7-1.7-1.9-1.7-5.5A3.8 3.8 0 0 0 8 2ZM6.7 13.6a1.4 1.4 0 0 0 2.6 0',
  incident: 'M8 1.8l5.2 2v3.9c0 3.3-2.2 5.4-5.2 6.5-3-1.1-5.2-3.2-5.2-6.5V3.8zM8 5v3.2M8 10.4v.1',
  warn: 'M8 2.2l6.2 11H1.8zM8 6.5v3M8 11.4v.1',
} as const

export type IconName = keyof typeof drawings

export const Icon = ({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) => (
  <svg width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor" aria-hidden="true">
    <path
      d={drawings[name]}
      strokeWidth={1.4 * (16 / Math.max(16, size)) ** 0.35}
      strokeLinecap="round"
      strokeLinejoin="round"
    />
  </svg>
)

/** The sign of the house: as on the verify page. */
export const Mark = ({ size = 22, children }: { readonly size?: number; readonly children?: ReactNode }) => (
  <svg className="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
    <path
      d="M16 2.5l11 4v8.2c0 7-4.6 12.3-11 14.8C9.6 27 5 21.7 5 14.7V6.5z"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.2"
      strokeLinejoin="round"
    />
    <g fill="currentColor">
      <circle cx="16" cy="11" r="2.3" />
      <circle cx="11" cy="19" r="2.3" />
      <circle cx="21" cy="19" r="2.3" />
    </g>
    <path d="M16 11l-5 8M16 11l5 8" stroke="currentColor" strokeWidth="1.6" />
    {children}
  </svg>
)
