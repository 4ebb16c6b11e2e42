// SPDX-License-Identifier: Apache-2.0

import { seclangLimits } from './limits.ts'

/** What a macro asks for: %{tx.name}, %{matched_var}, %{request_headers.host}. Names in lower case. */
export type MacroLookup = (collection: string, name: string) => string
export type Macro = {
  readonly source: string
  /** Undefined when there is nothing to expand. */
  readonly parts: readonly (string | { readonly collection: string; readonly name: string })[] | undefined
}

const form = /%\{([A-Za-z_]+)(?:[.:]([^}]*))?\}/g

export function parseMacro(source: string): Macro {
  const parts: (string | { collection: string; name: string })[] = []
  let from = 0
  for (const found of source.matchAll(form)) {
    parts.push(source.slice(from, found.index))
    parts.push({ collection: (found[1] as string).toLowerCase(), name: (found[2] ?? '').toLowerCase() })
    from = found.index + found[0].length
  }
  return { source, parts: from === 0 ? undefined : [...parts, source.slice(from)] }
}

export function expand({ source, parts }: Macro, lookup: MacroLookup): string {
  if (parts === undefined) return source
  let text = ''
  for (const part of parts) {
    text += typeof part === 'string' ? part : lookup(part.collection, part.name)
    if (text.length > seclangLimits.macroCharsMax) return text.slice(0, seclangLimits.macroCharsMax)
  }
  return text
}

/** The variables of TX that it reads. */
export const variablesIn = ({ parts }: Macro): { readonly tx: readonly string[]; readonly others: boolean } => {
  const asked = (parts ?? []).filter((part) => typeof part !== 'string')
  return {
    tx: asked.filter(({ collection }) => collection === 'tx').map(({ name }) => name),
    others: asked.some(({ collection }) => collection !== 'tx'),
  }
}
