// SPDX-License-Identifier: Apache-2.0

import { seclangLimits } from './limits.ts'
import { isMeant, type Target } from './targets.ts'

/** TX: what rules set. Names are in lower case. What was known before the request lies beneath, and stays as it is. */
export type Variables = {
  get(name: string): string | undefined
  set(name: string, value: string): void
  delete(name: string): void
  /** Those that a target means. */
  namesOf(target: Target): readonly string[]
  /** What was set for this request. */
  readonly changed: ReadonlyMap<string, string | undefined>
}

/** One for each request, over what was known before. */
export function variablesOver(beneath: ReadonlyMap<string, string>): () => Variables {
  const fixed = new WeakMap<Target, readonly string[]>()
  const fixedNames = (target: Target) => {
    const known = fixed.get(target) ?? [...beneath.keys()].filter((name) => isMeant(target, name, name))
    fixed.set(target, known)
    return known
  }
  return () => {
    const own = new Map<string, string | undefined>()
    const isThere = (name: string) => !own.has(name) || own.get(name) !== undefined
    return {
      changed: own,
      get: (name) => (own.has(name) ? own.get(name) : beneath.get(name)),
      set(name, value) {
        if (own.size < seclangLimits.variablesMax || own.has(name)) own.set(name, value)
      },
      delete: (name) => void own.set(name, undefined),
      namesOf: (target) => [
        ...fixedNames(target).filter(isThere),
        ...own.keys().filter((name) => isMeant(target, name, name) && isThere(name) && !beneath.has(name)),
      ],
    }
  }
}

/** What the verdict tells, whether rules read it or not. */
export const isScore = (name: string): boolean => /_score(?:_pl\d)?$/.test(name)

/** `+` and `-` reckon with whole numbers; what is none is 0. */
export function changedValue(kind: 'set' | 'add' | 'subtract', before: string | undefined, value: string): string {
  if (kind === 'set') return value
  const number = Number.parseInt(value, 10) || 0
  return String((Number.parseInt(before ?? '0', 10) || 0) + (kind === 'add' ? number : -number))
}
