// SPDX-License-Identifier: Apache-2.0

import { isSecretValue, looksRandom, redacted, type Secrecy, secrecyOf, type TextKind } from './names.ts'
import { hasPlace, scrubPlaces } from './places.ts'
import { type FlagKind, type Flags, flagsOf, namesProgram, needsLogin, wrappers } from './programs.ts'
import { commandsIn } from './words.ts'

/** Shells within shells, as of `sudo sh -c "ssh host 'mysql …'"`; deeper ones are read as plain text. */
const depthMax = 4

/**
 * A program's arguments without the secrets in them; the very same list when there are none. It knows where one
 * argument ends and the next begins, which a command line as text does not say: what stands behind `--password` is the
 * secret, whatever it holds.
 */
export function scrubArguments(argv: readonly string[]): readonly string[] {
  const text = argv.join('\n')
  const isPlain =
    !hasPlace(text) && !(text.includes(' ') ? namesProgram(text) : argv.some((word) => flagsOf(word) !== undefined))
  return isPlain ? argv : scrubWords(argv, 'argument', 0)
}

/** Any text without the secrets in it; the very same text when there are none. */
export function scrubText(text: string): string {
  return scrubProse(text, 0)
}

/** The same of every text in a value of any form; what has none comes back as it is. */
export function scrubTexts<T>(value: T): T {
  if (typeof value === 'string') return scrubText(value) as T
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(scrubTexts) as T
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, scrubTexts(inner)])) as T
}

function scrubProse(text: string, depth: number): string {
  const scrubbed = scrubPlaces(text, 'prose')
  const hasCommands = depth < depthMax && (scrubbed !== text || hasPlace(text) || namesProgram(text))
  return hasCommands ? scrubCommands(scrubbed, depth) : scrubbed
}

/** Each simple command of the text as a list of arguments, written back where it stood. */
function scrubCommands(text: string, depth: number): string {
  let out = ''
  let from = 0
  for (const command of commandsIn(text)) {
    const words = command.map((word) => word.text)
    const scrubbed = scrubWords(words, 'prose', depth + 1)
    if (scrubbed === words) continue
    for (const [index, { start, end, quote }] of command.entries()) {
      const word = scrubbed[index] as string
      if (word === words[index]) continue
      const marks = /\s/.test(word) ? quote : ''
      out += text.slice(from, start) + marks + word + marks
      from = end
    }
  }
  return from === 0 ? text : out + text.slice(from)
}

function scrubWords(words: readonly string[], kind: TextKind, depth: number): readonly string[] {
  const command = createCommand(kind)
  const scrubbed = words.map((word, index) => {
    const flagged = command.next(word)
    return flagged === word ? scrubWord(word, words[index - 1] ?? '', kind, depth) : flagged
  })
  return scrubbed.some((word, index) => word !== words[index]) ? scrubbed : words
}

/** Goes along a command and knows what is a secret by what stands before it. */
function createCommand(kind: TextKind): { next(word: string): string } {
  let flags: Flags | undefined
  let isLogin = false
  let isSetting = false
  let due: FlagKind | Secrecy | undefined

  const take = (word: string): string | undefined => {
    const waiting = due
    due = undefined
    if (waiting === undefined || isFlag(word)) return undefined
    const rest = without(word, waiting, kind)
    return rest === word ? undefined : rest
  }

  return {
    next(word) {
      const taken = take(word)
      if (taken !== undefined) return taken
      if (!word.startsWith('-')) {
        const known = flagsOf(word)
        if (known !== undefined || (flags !== undefined && wrappers.has(flags))) flags = known
        if (isSetting && secrecyOf(word) === 'always') due = 'always'
        if (flags !== undefined && Object.hasOwn(flags, word)) due = flags[word]
        isLogin = word === 'login' || (isLogin && known === undefined)
        // aws configure set aws_secret_access_key VALUE
        isSetting = word === 'set'
        return word
      }
      const applies = flags === undefined || (needsLogin.has(flags) && !isLogin) ? {} : flags
      const [name, meaning] = flagOf(word, applies)
      if (meaning === undefined) due = word.includes('=') ? undefined : secrecyOf(word)
      else if (name !== word) return name + without(word.slice(name.length), meaning, kind)
      else if (meaning !== 'attached') due = meaning
      return word
    },
  }
}

const isFlag = (word: string) => /^--?[A-Za-z]/.test(word) && !looksRandom(word)

/** The part of the word that is the flag, and what it means; `-p` of `-pSECRET`, `-u` of `-su`. */
function flagOf(word: string, flags: Flags): readonly [string, FlagKind | undefined] {
  const [name = ''] = word.split('=', 1)
  if (Object.hasOwn(flags, name)) return [word.slice(0, name.length + 1), flags[name]]
  if (word.startsWith('--')) return [word, undefined]
  const [short, last] = [word.slice(0, 2), `-${word.at(-1)}`]
  if (Object.hasOwn(flags, short) && flags[short] !== 'alone') return [short, flags[short]]
  if (/^-[A-Za-z]{2,6}$/.test(word) && flags[last] === 'user') return [word, 'user']
  return [word, undefined]
}

function without(value: string, meaning: FlagKind | Secrecy, kind: TextKind): string {
  const secretOr = (text: string, secrecy: Secrecy) => (isSecretValue(text, secrecy, kind) ? redacted : text)
  if (meaning === 'user')
    return value.replace(/^([^:%,]*[:%,])(.+)$/s, (_, user: string, rest: string) => user + secretOr(rest, 'always'))
  if (meaning === 'source')
    return value.replace(
      /^((?:pass|key|hexkey):)(.+)$/s,
      (_, source: string, rest: string) => source + secretOr(rest, 'always'),
    )
  if (meaning === 'cookie' && !value.includes('=')) return value
  return secretOr(value, meaning === 'random' ? 'random' : 'always')
}

const assignment = /^([\w.:/@-]{1,100})=(.*)$/s
/** Flags whose value is one assignment, white space and all. */
const assigns = /^(?:-e|--env|--build-arg|--from-literal|-D|--set|--set-string|--define)$/
const header = /^(?:[\w-]{1,60}: |(?:proxy-)?authorization:|(?:set-)?cookie:)/i

function scrubWord(word: string, before: string, kind: TextKind, depth: number): string {
  const isOneValue = !/\s/.test(word)
  // NAME=value, --name=value: all that follows the sign is the value.
  const isAssignment = word.includes('=') && (isOneValue || assigns.test(before))
  const [, name = '', value = ''] = (isAssignment ? assignment.exec(word) : null) ?? []
  const secrecy = name === '' || name.includes('://') ? undefined : secrecyOf(name)
  if (secrecy !== undefined && isSecretValue(value, secrecy, kind)) return `${name}=${redacted}`
  return isOneValue || header.test(word) ? scrubPlaces(word, kind) : scrubProse(word, depth)
}
