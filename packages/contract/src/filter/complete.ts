// SPDX-License-Identifier: Apache-2.0

import { type FieldRow, fieldNames, fieldRow, isField } from './fields.ts'
import { Unparsed } from './problem.ts'
import { bareForm, type Token, tokensOf } from './tokens.ts'

/** What may stand where somebody is writing a filter. */
export type Completion = {
  /** Replaced by a choice: [from, to) of the text. */
  readonly from: number
  readonly to: number
  readonly due: 'field' | 'operator' | 'value' | 'joiner'
  /** Of values, the field's. */
  readonly field?: string
  readonly choices: readonly string[]
}

/** `caret`: in UTF-16 units. Undefined where nothing can be offered: within quotes, or after what is no filter. */
export function completeFilter(text: string, caret: number): Completion | undefined {
  const before = text.slice(0, caret)
  let tokens: Token[]
  try {
    tokens = [...tokensOf(before)].slice(0, -1)
  } catch (error) {
    if (error instanceof Unparsed) return undefined
    throw error
  }
  const last = tokens.at(-1)
  // What touches the caret is still being written, and so is what follows it without a gap.
  const isWriting = last?.kind === 'word' && last.at + last.value.length === caret
  const settled = isWriting ? tokens.slice(0, -1) : tokens
  const word = isWriting ? last.value : ''
  const rest = /^[A-Za-z0-9_.:/@*+-]*/.exec(text.slice(caret))?.[0].length ?? 0
  const due = dueAfter(settled)
  const choices = due.choices.filter((choice) => choice.startsWith(word.toLowerCase()) && choice !== word)
  return { from: caret - word.length, to: caret + rest, ...due, choices }
}

type Due = Pick<Completion, 'due' | 'field' | 'choices'>

const joiners = ['and', 'or']
const starts: Due = { due: 'field', choices: [...fieldNames, 'not'] }

/** The grammar, as far as it takes to know what comes next. */
function dueAfter(tokens: readonly Token[]): Due {
  const wordAt = (back: number) => {
    const token = tokens.at(-back)
    return token?.kind === 'word' ? token.value.toLowerCase() : undefined
  }
  const last = tokens.at(-1)
  const word = wordAt(1)
  if (last === undefined || (word !== undefined && [...joiners, 'not'].includes(word) && !isOperator(tokens.at(-2))))
    return starts
  const listed = openList(tokens)
  if (listed !== undefined)
    return last.kind === '(' || last.kind === ',' ? valuesOf(listed) : { due: 'joiner', choices: [] }
  if (last.kind === '(') return starts
  if (isOperator(last)) return valuesOf(wordAt(2))
  if (word !== undefined && isField(word) && !isOperator(tokens.at(-2)))
    return { due: 'operator', field: word, choices: fieldRow(word).operators }
  return { due: 'joiner', choices: joiners }
}

const isOperator = (token: Token | undefined): boolean => token?.kind === 'operator'

/** The field whose list of values is open at the end. */
function openList(tokens: readonly Token[]): string | undefined {
  const open = tokens.findLastIndex(({ kind }) => kind === '(')
  const [field, within] = [tokens[open - 2], tokens[open - 1]]
  if (open < 2 || tokens.slice(open).some(({ kind }) => kind === ')')) return undefined
  return within?.kind === 'word' && within.value.toLowerCase() === 'in' ? field?.value.toLowerCase() : undefined
}

function valuesOf(field: string | undefined): Due {
  if (field === undefined || !isField(field)) return { due: 'value', choices: [] }
  const { names, words }: FieldRow = fieldRow(field)
  const choices = names === undefined ? (words ?? []) : Object.keys(names)
  return { due: 'value', field, choices: choices.filter((choice) => bareForm.test(choice)) }
}
