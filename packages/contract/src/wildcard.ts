// SPDX-License-Identifier: Apache-2.0

/** `*` any run of characters, the empty one included; `?` exactly one. Everything else stands for itself. */
export const anyRun = Symbol('*')
export const anyOne = Symbol('?')
export type Pattern = readonly (string | typeof anyRun | typeof anyOne)[]

/**
 * Sigma's escapes: `\*`, `\?` and `\\` are the plain characters; a backslash before anything else is itself.
 * Sigma rules specification 2.0, "Escaping".
 */
export function parsePattern(value: string): Pattern {
  const pattern: (string | typeof anyRun | typeof anyOne)[] = []
  let text = ''
  const put = (wildcard: typeof anyRun | typeof anyOne) => {
    if (text !== '') pattern.push(text)
    text = ''
    if (wildcard !== anyRun || pattern.at(-1) !== anyRun) pattern.push(wildcard)
  }
  for (let at = 0; at < value.length; at += 1) {
    const char = value[at] as string
    const next = value[at + 1]
    if (char === '\\' && (next === '*' || next === '?' || next === '\\')) {
      text += next
      at += 1
    } else if (char === '*') put(anyRun)
    else if (char === '?') put(anyOne)
    else text += char
  }
  return text === '' ? pattern : [...pattern, text]
}

/** A pattern without wildcards. */
export function plainPattern(text: string): Pattern {
  return text === '' ? [] : [text]
}

/** Puts `*` before or after, unless it is there. */
export function widen(pattern: Pattern, { before, after }: { before: boolean; after: boolean }): Pattern {
  const star: Pattern = [anyRun]
  const headed = before && pattern[0] !== anyRun ? star.concat(pattern) : pattern
  return after && headed.at(-1) !== anyRun ? headed.concat(star) : headed
}

export function lowerPattern(pattern: Pattern): Pattern {
  return pattern.map((part) => (typeof part === 'string' ? part.toLowerCase() : part))
}

/** Does the pattern match the whole text? Time is at most the product of both lengths. */
export function compilePattern(pattern: Pattern): (text: string) => boolean {
  const [first, second, third] = pattern
  if (pattern.length === 0) return (text) => text === ''
  if (pattern.length === 1 && typeof first === 'string') return (text) => text === first
  if (pattern.length === 2 && first === anyRun && typeof second === 'string') return (text) => text.endsWith(second)
  if (pattern.length === 2 && typeof first === 'string' && second === anyRun) return (text) => text.startsWith(first)
  if (pattern.length === 3 && first === anyRun && typeof second === 'string' && third === anyRun)
    return (text) => text.includes(second)
  const units = pattern.flatMap((part): (number | typeof anyRun | typeof anyOne)[] =>
    typeof part === 'string' ? Array.from({ length: part.length }, (_, at) => part.charCodeAt(at)) : [part],
  )
  return (text) => matchesUnits(units, text)
}

/** Two fingers: at a mismatch the last `*` takes one character more, earlier ones never need to. */
function matchesUnits(units: readonly (number | typeof anyRun | typeof anyOne)[], text: string): boolean {
  let unit = 0
  let at = 0
  let lastRun = -1
  let runTaken = 0
  while (at < text.length) {
    if (units[unit] === anyRun) {
      lastRun = unit
      runTaken = at
      unit += 1
    } else if (units[unit] === anyOne || units[unit] === text.charCodeAt(at)) {
      unit += 1
      at += 1
    } else if (lastRun >= 0) {
      unit = lastRun + 1
      runTaken += 1
      at = runTaken
    } else return false
  }
  while (units[unit] === anyRun) unit += 1
  return unit === units.length
}
