// SPDX-License-Identifier: Apache-2.0

import { anyOne, anyRun, compilePattern, type Pattern } from '@sealwatch/contract/wildcard'
import { compileRegex } from '../regex/match.ts'
import { ValueError } from '../sigma/item.ts'

/**
 * glob(7) of a whole text, as fnmatch(3) without FNM_PATHNAME: `*` and `?` stand for slashes, too. Throws ValueError, or
 * RegexSyntaxError for a class that makes no sense.
 */
export function globMatcher(glob: string): (text: string) => boolean {
  if (/[?*+@!]\(|\[:/.test(glob))
    throw new ValueError(`${glob} with alternatives, or with a named class`, 'Write a check for each, joined by or')
  if (!glob.includes('[')) return compilePattern(patternOf(glob))
  return compileRegex(`^(?:${regexOf(glob)})$`, { ignoreCase: false, multiline: false, dotAll: true }).matches
}

function patternOf(glob: string): Pattern {
  return (glob.match(/\\.|\*+|\?|[^\\*?]+|\\$/gs) ?? []).map((part) => {
    if (part.startsWith('*')) return anyRun
    if (part === '?') return anyOne
    return part.startsWith('\\') && part.length > 1 ? part.slice(1) : part
  })
}

function regexOf(glob: string): string {
  const parts = glob.match(/\\.|\*+|\[[!^]?\]?[^\]]*\]|./gs) ?? []
  return parts
    .map((part) => {
      if (part.startsWith('*')) return '.*'
      if (part === '?') return '.'
      if (part.startsWith('[') && part.length > 1) return classOf(part)
      const letter = part.length > 1 ? part.slice(1) : part
      return /\w/.test(letter) ? letter : `\\${letter}`
    })
    .join('')
}

function classOf(part: string): string {
  const [, not = '', inner = ''] = /^\[([!^]?)(.*)\]$/s.exec(part) ?? []
  return `[${not === '' ? '' : '^'}${inner.replace(/[\\[\]^]/g, '\\$&')}]`
}

/** A trie of the folders of prefixes; those with wildcards, which stop at slashes, are tried one after the other. */
type Folder = {
  ends: boolean
  readonly named: Map<string, Folder>
  readonly globs: { readonly matches: (name: string) => boolean; readonly folder: Folder }[]
}

const newFolder = (): Folder => ({ ends: false, named: new Map(), globs: [] })
const stepsOf = (path: string) => path.split('/').filter((step) => step !== '')

/** Whether a path is one of the prefixes or lies below one. falco.org/docs/concepts/rules/conditions, "pmatch" */
export function prefixMatcher(prefixes: readonly string[]): (path: string) => boolean {
  const root = newFolder()
  for (const prefix of prefixes) {
    const last = stepsOf(prefix).reduce(folderIn, root)
    last.ends = true
  }
  return (path) => reaches([root], stepsOf(path))
}

function folderIn(folder: Folder, step: string): Folder {
  if (!/[*?[\\]/.test(step)) {
    const known = folder.named.get(step) ?? newFolder()
    folder.named.set(step, known)
    return known
  }
  const inner = newFolder()
  folder.globs.push({ matches: globMatcher(step), folder: inner })
  return inner
}

/** All the ways that lead on are followed together, so that a path costs at most its steps times the prefixes. */
function reaches(start: readonly Folder[], steps: readonly string[]): boolean {
  let now = start
  for (const step of steps) {
    if (now.some(({ ends }) => ends)) return true
    now = now.flatMap(({ named, globs }) => {
      const exact = named.get(step)
      const others = globs.filter(({ matches }) => matches(step)).map(({ folder }) => folder)
      return exact ? [exact, ...others] : others
    })
  }
  return now.some(({ ends }) => ends)
}
