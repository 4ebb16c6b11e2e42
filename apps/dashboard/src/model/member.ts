// SPDX-License-Identifier: Apache-2.0
// What a line holds was written by others, and may have any form.

type Members = { readonly [member: string]: unknown }

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What stands at the end of a path of members; undefined where it leads nowhere. */
export function memberAt(value: unknown, ...path: readonly string[]): unknown {
  let at = value
  for (const name of path) at = isMembers(at) && Object.hasOwn(at, name) ? at[name] : undefined
  return at
}

export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = memberAt(value, ...path)
  return typeof found === 'string' && found !== '' ? found : undefined
}

export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = memberAt(value, ...path)
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined
}
