// SPDX-License-Identifier: Apache-2.0

import type { GuardStep } from '@sealwatch/contract/guard-config'
import { remember } from '../sources/facts/remember.ts'

/** Of one step for one name, CLOCK_BOOTTIME: when it was ordered, and when a service said what became of it, or nobody was to do it. */
export type Measured = { readonly orderedNs: bigint; readonly answeredNs?: bigint }

export type MeasuredLast = {
  of(step: GuardStep, name: string): Measured | undefined
  ordered(step: GuardStep, name: string, atNs: bigint): void
  answered(step: GuardStep, name: string, atNs: bigint): void
}

/** Beyond these the order that is oldest is forgotten: its step need not rest then. */
export const measuredNamesMax = 4_096

export function createMeasuredLast(): MeasuredLast {
  const last = new Map<string, Measured>()
  const keyOf = (step: GuardStep, name: string) => `${step} ${name}`
  return {
    of: (step, name) => last.get(keyOf(step, name)),
    ordered: (step, name, orderedNs) => {
      const key = keyOf(step, name)
      remember(last, key, { ...last.get(key), orderedNs }, measuredNamesMax)
    },
    answered: (step, name, answeredNs) => {
      const key = keyOf(step, name)
      const known = last.get(key)
      if (known !== undefined) last.set(key, { ...known, answeredNs })
    },
  }
}
