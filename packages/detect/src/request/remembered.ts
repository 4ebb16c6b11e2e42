// SPDX-License-Identifier: Apache-2.0

import { rememberedCharsMax } from './limits.ts'

/** What was found out about texts that come again and again, as headers do. Long ones are not kept. */
export type Remembered<Found> = {
  get(text: string): Found | undefined
  put(text: string, found: Found): void
}

/** Two halves of `textsMax`: when one is full the other is forgotten, but for what was asked for since. */
export function createRemembered<Found>(textsMax: number): Remembered<Found> {
  let recent = new Map<string, Found>()
  let before = new Map<string, Found>()
  const put = (text: string, found: Found): void => {
    if (text.length > rememberedCharsMax) return
    if (recent.size >= textsMax) {
      before = recent
      recent = new Map()
    }
    recent.set(ownCopy(text), found)
  }
  return {
    put,
    get(text) {
      if (text.length > rememberedCharsMax) return undefined
      const found = recent.get(text)
      if (found !== undefined) return found
      const older = before.get(text)
      if (older !== undefined) put(text, older)
      return older
    },
  }
}

/** A part of a text keeps the whole of it in memory: what stays is written anew. Texts are latin1. */
const ownCopy = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')
