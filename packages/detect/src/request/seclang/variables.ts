// SPDX-License-Identifier: Apache-2.0

import { seclangLimits } from './limits.ts'

/** TX: what rules set. Names are in lower case. What was known before the request lies beneath, and stays as it is. */
export type Variables = {
  get(name: string): string | undefined
  set(name: string, value: string): void
  delete(name: string): void
  names(): readonly string[]
  /** What was set for this request. */
  readonly changed: ReadonlyMap<string, string | undefined>
}

export function createVariables(beneath: ReadonlyMap<string, string>): Variables {
  const own = new Map<string, string | undefined>()
  return {
    changed: own,
    get: (name) => (own.size > 0 && own.has(name) ? own.get(name) : beneath.get(name)),
    set(name, value) {
      if (own.size < seclangLimits.variablesMax || own.has(name)) own.set(name, value)
    },
    delete: (name) => void own.set(name, undefined),
    names: () =>
      [...new Set([...beneath.keys(), ...own.keys()])].filter((name) => !own.has(name) || own.get(name) !== undefined),
  }
}

/** `+` and `-` reckon with whole numbers; what is none is 0. */
export function changedValue(kind: 'set' | 'add' | 'subtract', before: string | undefined, value: string): string {
  if (kind === 'set') return value
  const number = Number.parseInt(value, 10) || 0
  return String((Number.parseInt(before ?? '0', 10) || 0) + (kind === 'add' ? number : -number))
}
