// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import type { Random } from './random.ts'

/**
 * Grammars of what requests carry. A line `[[name]]` begins a rule; each line below it is one of its alternatives, as it
 * stands, and an empty line directly below the name is the empty alternative. `‹name›` stands for one alternative of that
 * rule, or for one of the built-in ones (`‹hex:8›`, `‹letters:3-8›`). Lines that begin with `‹--›` are comments.
 */
export type Grammar = ReadonlyMap<string, readonly string[]>

const files = [
  'words.txt',
  'benign.txt',
  'benign-pasted.txt',
  'attacks-injection.txt',
  'attacks-execution.txt',
] as const

export function readGrammar(): Grammar {
  const grammar = new Map<string, string[]>()
  for (const file of files) {
    const text = readFileSync(new URL(`grammar/${file}`, import.meta.url), 'utf8')
    for (const rule of text.split('\n\n[[').slice(1)) {
      const [name = '', ...lines] = rule.replace(/\n+$/, '').split('\n')
      grammar.set(name.replace(/\]\]$/, ''), lines)
    }
  }
  for (const [name, lines] of grammar)
    for (const line of lines) for (const hole of holesOf(line)) known(hole, name, grammar)
  return grammar
}

const charactersFrom = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, at) => String.fromCharCode(from + at)).join('')

const alphabets: Readonly<Record<string, string>> = {
  digits: '0123456789',
  hex: '0123456789abcdef',
  letters: 'etaoinshrdlucmfwypvbgkqjxz',
  base64: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
  base64url: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
  ascii: charactersFrom(33, 127),
  octets: charactersFrom(0, 256),
}
const bytes: Readonly<Record<string, string>> = { nl: '\n', cr: '\r', tab: '\t', nul: '\0' }

const holesOf = (line: string): string[] => [...line.matchAll(/‹([^‹›]*)›/g)].map(([, hole]) => hole as string)

function known(hole: string, rule: string, grammar: Grammar): void {
  const isKnown = grammar.has(hole) || hole in bytes || (hole.split(':')[0] as string) in alphabets
  if (!isKnown) throw new Error(`The grammar's rule ${rule} names ‹${hole}›, which is nowhere`)
}

/** One text of the rule. */
export function expand(grammar: Grammar, rule: string, random: Random): string {
  const line = random.pick(grammar.get(rule) as readonly string[])
  return line.replace(/‹([^‹›]*)›/g, (_, hole: string) => {
    if (grammar.has(hole)) return expand(grammar, hole, random)
    return bytes[hole] ?? charactersOf(hole, random)
  })
}

function charactersOf(hole: string, random: Random): string {
  const [alphabet = '', range = ''] = hole.split(':')
  const [least = 0, most = least] = range.split('-').map(Number)
  const letters = alphabets[alphabet] as string
  let text = ''
  for (let left = least + random.below(most - least + 1); left > 0; left -= 1)
    text += letters[random.below(letters.length)]
  return text
}
