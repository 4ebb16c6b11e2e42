// SPDX-License-Identifier: Apache-2.0

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Export = { readonly path: string; readonly name: string; readonly value: unknown }

/** The exported constants of the house's own sources that `declaration` finds in the text, with their values. */
export async function exportsOf(root: string, declaration: RegExp): Promise<Export[]> {
  const found: Export[] = []
  for (const path of globSync('{packages,apps}/*/src/**/*.ts', { cwd: root }).toSorted()) {
    if (/\.test\.ts$|\/gen\//.test(path)) continue
    const names = [...readFileSync(join(root, path), 'utf8').matchAll(declaration)].map((match) => match[1] ?? '')
    if (names.length === 0) continue
    const module = (await import(join(root, path))) as Record<string, unknown>
    found.push(...names.map((name) => ({ path, name, value: module[name] })))
  }
  return found
}
