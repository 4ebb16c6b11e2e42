// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

const skipped = 'The frame is skipped and counted; sensor and agent must be of the same release'

export const frameErrors = {
  FRAME_LENGTH: {
    kind: 'unverified',
    rule: 'a body has 1 to 16384 bytes (frame.md, 1.3)',
    advice: 'The stream cannot be followed any further: drop the connection; the next hello tells what was lost',
  },
  FRAME_HELLO: {
    kind: 'unverified',
    rule: 'a connection begins with one hello of version 4, and has no other (frame.md, 2.1)',
    advice: 'Sensor and agent must be of the same release',
  },
  FRAME_KIND: { kind: 'unverified', rule: 'kinds are 1 to 44 (frame.md, 1.5)', advice: skipped },
  FRAME_SIZE: {
    kind: 'unverified',
    rule: 'a body is exactly as long as its fixed part, ancestors and texts say (frame.md, 1.6)',
    advice: skipped,
  },
  FRAME_SITE: { kind: 'unverified', rule: 'a kind comes from its own sites only (frame.md, 4.2)', advice: skipped },
  FRAME_COUNT: {
    kind: 'unverified',
    rule: 'there are as many sites as in frame.md, 1.9, and at most 8 ancestors (frame.md, 2.3 and 4.4)',
    advice: skipped,
  },
  FRAME_TEXT: {
    kind: 'unverified',
    rule: 'a kind carries its own texts only, each of at most 4095 bytes, and watched is absolute (frame.md, 4.5)',
    advice: skipped,
  },
  FRAME_VALUE: {
    kind: 'unverified',
    rule: 'flags and numbers have defined values, and what is reserved is zero (frame.md, 1.7)',
    advice: skipped,
  },
} as const satisfies ErrorTable

export const frameLimits = { bodyBytesMax: 16_384, textBytesMax: 4_095, ancestorsMax: 8, sitesMax: 64 } as const

/** The kernel's MAX_ERRNO. */
export const errnoMax = 4_095

export const frameError = errorsOf(frameErrors)

/** One rule of frame.md. */
export function must(holds: boolean, code: keyof typeof frameErrors, received: unknown): asserts holds {
  if (!holds) throw frameError(code, { attempted: 'reading a frame of the sensor', received })
}
