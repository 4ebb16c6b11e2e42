// SPDX-License-Identifier: Apache-2.0

import { anyOne, anyRun, compilePattern, parsePattern } from '../wildcard.ts'

/** Stands for any number of segments of a path, none included. */
const anySegments = '**'

const segmentsOf = (path: string): readonly string[] => path.split('/')

/** What keeps a text from being an absolute path or a pattern of such. */
export function pathFault(text: string): { readonly rule: string; readonly suggestion: string } | undefined {
  const segments = segmentsOf(text)
  if (segments[0] !== '')
    return {
      rule: 'a path is absolute',
      suggestion: text.startsWith('~')
        ? 'Write the home directory out, as in /home/*/…'
        : `Write /${text}, or /**/${text}`,
    }
  if (text === '/') return undefined
  if (segments.at(-1) === '')
    return { rule: 'a path does not end in /', suggestion: `Write ${text}** for all that lies below` }
  const names = segments.slice(1)
  if (names.includes(''))
    return { rule: 'a path has no empty segment', suggestion: `Write ${text.replace(/\/{2,}/g, '/')}` }
  if (names.includes('.') || names.includes('..'))
    return { rule: 'a path has no segment . or ..', suggestion: 'Write the path as the kernel tells it' }
  const mixed = names.find((name) => name.includes(anySegments) && name !== anySegments)
  if (mixed === undefined) return undefined
  const one = mixed.replace(/\*{2,}/g, '*')
  return { rule: '** is a whole segment', suggestion: `Write ${one} for one segment, or ${anySegments}/${one}` }
}

/** Tells the first of the patterns that matches a path: `*` and `?` within a segment, `**` for whole segments. */
export function compilePaths(texts: readonly string[]): (path: string) => string | undefined {
  const plain = new Map<string, string>()
  const patterns: { readonly text: string; readonly matches: (path: string) => boolean }[] = []
  for (const text of texts) {
    const [first, ...more] = parsePattern(text)
    if (typeof first === 'string' && more.length === 0) plain.set(first, text)
    else patterns.push({ text, matches: compilePath(text) })
  }
  return (path) => plain.get(path) ?? patterns.find(({ matches }) => matches(path))?.text
}

function compilePath(text: string): (path: string) => boolean {
  const parts = segmentsOf(text).map((segment) =>
    segment === anySegments ? anyRun : compilePattern(parsePattern(segment)),
  )
  // Most paths are none of a pattern's, and show it in how they begin.
  const plain = /^[^*?\\]*(?=\/)/.exec(text)?.[0] ?? ''
  return (path) =>
    path.startsWith(plain) && takes(parts, segmentsOf(path), (part, segment) => part !== anyRun && part(segment))
}

/** Is every path that `inner` matches matched by `outer`, too? True only where that is sure. */
export const pathCovers = (outer: string, inner: string): boolean =>
  takes(
    segmentsOf(outer).map((segment) => (segment === anySegments ? anyRun : segment)),
    segmentsOf(inner),
    (part, segment) => part !== anyRun && segment !== anySegments && wildcardCovers(part, segment),
  )

/** The same for texts in which `*` and `?` stand for any characters. */
export const wildcardCovers = (outer: string, inner: string): boolean =>
  takes(unitsOf(outer), unitsOf(inner), (part, unit) => unit !== anyRun && (part === anyOne || part === unit))

const unitsOf = (text: string) =>
  parsePattern(text).flatMap((part): (string | typeof anyRun | typeof anyOne)[] =>
    typeof part === 'string' ? part.split('') : [part],
  )

/**
 * Does a pattern take the whole of a sequence? `anyRun` takes any number of items. At a mismatch the last run takes one
 * more, earlier ones never need to: time is at most the product of both lengths.
 */
function takes<Part, Item>(
  pattern: readonly (Part | typeof anyRun)[],
  items: readonly Item[],
  fits: (part: Part | typeof anyRun, item: Item) => boolean,
): boolean {
  let place = 0
  let at = 0
  let lastRun = -1
  let runTaken = 0
  while (at < items.length) {
    const part = pattern[place]
    if (part === anyRun) {
      lastRun = place
      runTaken = at
      place += 1
    } else if (part !== undefined && fits(part, items[at] as Item)) {
      place += 1
      at += 1
    } else if (lastRun >= 0) {
      place = lastRun + 1
      runTaken += 1
      at = runTaken
    } else return false
  }
  while (pattern[place] === anyRun) place += 1
  return place === pattern.length
}
