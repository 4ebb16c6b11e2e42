// SPDX-License-Identifier: Apache-2.0

import { ruleLimits } from '../limits.ts'

export type Condition =
  | { readonly kind: 'selection'; readonly name: string }
  | { readonly kind: 'and' | 'or'; readonly of: readonly Condition[] }
  | { readonly kind: 'not'; readonly of: Condition }

export class ConditionError extends Error {
  override readonly name = 'ConditionError'
  /** What to write instead. */
  readonly advice: string

  constructor(message: string, advice: string) {
    super(message)
    this.advice = advice
  }
}

const token = /\s*(?:([()])|([A-Za-z0-9_*.-]+)|(\|)|(\S))/y
const keywords = ['and', 'or', 'not', 'of', 'them']

/**
 * Precedence, least binding first: or, and, not, "1 of" and "all of", parentheses. Throws ConditionError. The result
 * names only selections that exist.
 */
export function parseCondition(text: string, selections: readonly string[]): Condition {
  if (text.length > ruleLimits.conditionUnitsMax)
    throw new ConditionError(`longer than ${ruleLimits.conditionUnitsMax} characters`, 'Split the rule')
  const words = tokenize(text)
  let at = 0
  let depth = 0

  const peek = () => words[at]?.toLowerCase()
  const take = (word: string) => {
    const found = peek() === word
    if (found) at += 1
    return found
  }

  const joined = (kind: 'or' | 'and', next: () => Condition): Condition => {
    const of = [next()]
    while (take(kind)) of.push(next())
    return of.length === 1 ? (of[0] as Condition) : { kind, of }
  }
  const disjunction = (): Condition => joined('or', conjunction)
  const conjunction = (): Condition => joined('and', negation)
  const negation = (): Condition => (take('not') ? { kind: 'not', of: nested(negation) } : primary())

  const nested = (inner: () => Condition): Condition => {
    depth += 1
    if (depth > ruleLimits.conditionDepthMax)
      throw new ConditionError(`nested deeper than ${ruleLimits.conditionDepthMax}`, 'Split the rule')
    const result = inner()
    depth -= 1
    return result
  }

  const primary = (): Condition => {
    if (take('(')) {
      const inner = nested(disjunction)
      if (!take(')')) throw new ConditionError('a ( without its )', `Close the parenthesis${before()}`)
      return inner
    }
    const word = words[at]
    if (word === undefined || word === ')' || (keywords.includes(word.toLowerCase()) && !selections.includes(word)))
      throw new ConditionError(
        word === undefined ? 'it ends too early' : `${word} in the wrong place`,
        `Write the name of a selection${before()}`,
      )
    at += 1
    return peek() === 'of' ? quantified(word) : { kind: 'selection', name: known(word) }
  }

  const quantified = (amount: string): Condition => {
    at += 1
    const pattern = words[at] ?? ''
    at += 1
    const all = amount.toLowerCase() === 'all'
    if (!all && amount !== '1' && amount.toLowerCase() !== 'any')
      throw new ConditionError(`${amount} of`, 'Write "1 of" or "all of"')
    const names = selections.filter((name) => isMeant(name, pattern))
    if (names.length === 0)
      throw new ConditionError(`no selection is named ${pattern || 'nothing'}`, `There is ${selections.join(', ')}`)
    const of = names.map((name) => ({ kind: 'selection', name }) as const)
    return of.length === 1 ? (of[0] as Condition) : { kind: all ? 'and' : 'or', of }
  }

  const known = (name: string): string => {
    if (selections.includes(name)) return name
    throw new ConditionError(`there is no selection ${name}`, `There is ${selections.join(', ') || 'none'}`)
  }

  const before = () => (at === 0 ? '' : ` after "${words.slice(0, at).join(' ')}"`)

  const result = disjunction()
  const rest = words[at]
  if (rest !== undefined) throw new ConditionError(`${rest} in the wrong place`, `Join by "and" or "or"${before()}`)
  return result
}

/** Every selection a condition looks at. */
export function selectionsIn(condition: Condition): readonly string[] {
  if (condition.kind === 'selection') return [condition.name]
  return (condition.kind === 'not' ? [condition.of] : condition.of).flatMap(selectionsIn)
}

function tokenize(text: string): readonly string[] {
  const words: string[] = []
  token.lastIndex = 0
  while (text.slice(token.lastIndex).trim() !== '') {
    const [, parenthesis, word, pipe, other] = token.exec(text) ?? []
    if (pipe !== undefined)
      throw new ConditionError('the | of an aggregation', 'Write a Sigma correlation; this engine judges single events')
    if (other !== undefined) throw new ConditionError(`the character ${other}`, 'Use names, and, or, not, parentheses')
    words.push((parenthesis ?? word) as string)
  }
  return words
}

/** "them" leaves out names that begin with an underscore; a pattern means just what it matches. */
function isMeant(name: string, pattern: string): boolean {
  if (pattern.toLowerCase() === 'them') return !name.startsWith('_')
  const parts = pattern.split('*')
  if (parts.length === 1) return name === pattern
  const [head = '', tail = ''] = [parts[0], parts.at(-1)]
  if (!name.startsWith(head) || !name.endsWith(tail) || name.length < head.length + tail.length) return false
  let from = head.length
  return parts.slice(1, -1).every((part) => {
    const found = name.indexOf(part, from)
    from = found + part.length
    return found >= 0 && from <= name.length - tail.length
  })
}
