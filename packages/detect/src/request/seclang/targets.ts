// SPDX-License-Identifier: Apache-2.0

import { type ByteRegex, compileByteRegex } from '../regex/regex.ts'
import { isCollection } from './collections.ts'
import { SecLangError } from './parse.ts'

/** What a rule looks at: all of a collection, or what has a name (in lower case), or a name that an expression matches. */
export type Target = {
  readonly collection: string
  readonly name?: string
  readonly names?: ByteRegex
  /** In lower case: all that the expression asks for, but for names of several lines. */
  readonly prefix?: string | undefined
  /** `&`: how many there are, instead of what they are. */
  readonly isCount: boolean
}
export type Targets = { readonly targets: readonly Target[]; readonly excluded: readonly Target[] }

/** `ARGS|!ARGS:/^x/|&REQUEST_HEADERS:Host`. Throws SecLangError. */
export function parseTargets(text: string): Targets {
  const targets: Target[] = []
  const excluded: Target[] = []
  for (const part of parted(text)) {
    const [, sign, collection = '', selector] = /^([!&]?)\s*([A-Za-z_0-9]+)(?:[:.]([\s\S]*))?$/.exec(part) ?? []
    const name = collection.toUpperCase()
    if (!isCollection(name)) throw new SecLangError(`the variable ${part}`)
    const target = { collection: name, ...selection(name, selector), isCount: sign === '&' }
    if (sign === '!') excluded.push(target)
    else targets.push(target)
  }
  return { targets, excluded }
}

function selection(collection: string, selector: string | undefined): Pick<Target, 'name' | 'names' | 'prefix'> {
  if (selector === undefined || selector === '') return {}
  // An XPath; of those, rules ask for all text or for all attributes.
  if (collection === 'XML')
    return selector.startsWith('//@') ? { name: '//@*' } : selector === '/*' ? { name: '/*' } : {}
  const quoted = /^'([\s\S]*)'$/.exec(selector)?.[1] ?? selector
  const form = /^\/([\s\S]*)\/$/.exec(quoted)?.[1]
  if (form === undefined) return { name: quoted.toLowerCase() }
  return {
    names: compileByteRegex(form.replaceAll('\\/', '/'), { ignoreCase: true }),
    prefix: /^\^([\w-]+)$/.exec(form)?.[1]?.toLowerCase(),
  }
}

/** At each | that is not within an expression or quotes. */
function parted(text: string): string[] {
  const parts: string[] = []
  let part = ''
  let closing = ''
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] as string
    if (char === '\\' && closing !== '') {
      part += char + (text[at + 1] ?? '')
      at += 1
      continue
    }
    if (closing === '' && char === '|') {
      parts.push(part)
      part = ''
      continue
    }
    if (closing === char) closing = ''
    else if (closing === '' && (char === "'" || (char === '/' && part.endsWith(':') && !/XML:$/i.test(part))))
      closing = char
    part += char
  }
  return [...parts, part].map((piece) => piece.trim()).filter((piece) => piece !== '')
}

/** Whether an item of a collection is meant. `key`: its name in lower case. */
export function isMeant({ name, names, prefix }: Target, itemName: string, key: string): boolean {
  if (name !== undefined) return key === name
  if (prefix !== undefined && !key.includes('\n')) return key.startsWith(prefix)
  return names === undefined || names.test(itemName, { steps: 100_000 }) === true
}
