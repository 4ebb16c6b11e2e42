// SPDX-License-Identifier: Apache-2.0

import type { ReactNode } from 'react'

/** 16 by 16, one line of 1.4, round. */
const drawings = {
  people:
    'M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M10.8 2.9a2.3 2.3 0 0 1 0 4.3M12 9.9c1.6.5 2.6 1.8 2.6 3.6',
  person: 'M8 8a2.8 2.8 0 1 0 0-5.6A2.8 2.8 0 0 0 8 8ZM2.8 13.8C2.8 11.4 5 10 8 10s5.2 1.4 5.2 3.8',
  roles: 'M8 1.800l5.2 2v3.900c0 3.3-2.2 5.4-5.2 6.5-3-1.1-5.2-3.2-5.2-6.500V3.800zM5.7 7.900l1.7 1.7 3-3.3',
  key: 'M5.3 13.700a3.3 3.3 0 1 0 0-6.6 3.3 3.3 0 0 0 0 6.600ZM7.7 8l5.8-5.800M11 4.700l1.9 1.9',
  switch: 'M5 6l3-3 3 3M5 10l3 3 3-3',
  menu: 'M2.5 4.500h11M2.5 8h11M2.5 11.500h11',
  close: 'M4 4l8 8M12 4l-8 8',
  check: 'M3 8.500l3.3 3.300L13 5',
  copy: 'M5.5 5.500v-2a1 1 0 0 1 1-1h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-2M3.5 5.500h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1Z',
  plus: 'M8 3v10M3 8h10',
  help: 'M6 6a2 2 0 1 1 2.8 1.800C8.2 8.1 8 8.5 8 9.200M8 11.600v.1M8 14.300A6.3 6.3 0 1 0 8 1.700a6.3 6.3 0 0 0 0 12.600Z',
  light:
    'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1.500v1M8 13.500v1M1.5 8h1M13.5 8h1M3.4 3.400l.7.700M11.9 11.900l.7.700M3.4 12.600l.7-.7M11.9 4.100l.7-.7',
  dark: 'M13.2 9.800A5.8 5.8 0 0 1 6.2 2.800a5.8 5.8 0 1 0 7 7Z',
  system: 'M2.5 3.500h11v7h-11zM6 13.500h4M8 10.500v3',
  out: 'M6.5 13.500h-3a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1h3M10.5 11l3-3-3-3M13.5 8h-7',
  warn: 'M8 2.200l6.2 11H1.800zM8 6.500v3M8 11.400v.1',
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
      d="M16 2.500l11 4v8.200c0 7-4.6 12.3-11 14.800C9.6 27 5 21.7 5 14.700V6.500z"
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
