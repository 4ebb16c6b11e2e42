// SPDX-License-Identifier: Apache-2.0

import { type Attention, createAttention } from '../model/attention.ts'
import type { Clock } from './clock.ts'

/** What hands do. A pointer that merely moves may be a cat. */
const acts = ['pointerdown', 'keydown', 'wheel'] as const

/** Notices who uses the page, as long as there is one; what scripts make up is nobody. */
export function watchPerson({ nowMs }: Pick<Clock, 'nowMs'>): Attention {
  const attention = createAttention(nowMs)
  const notice = ({ isTrusted }: Event) => {
    if (isTrusted) attention.noticed()
  }
  for (const name of acts) window.addEventListener(name, notice, { capture: true, passive: true })
  return attention
}
