// SPDX-License-Identifier: Apache-2.0
// What a rule shall not tell of. falco.org/docs/concepts/rules/exceptions

import { ConditionError } from '../sigma/condition.ts'
import { type OperatorName, operators } from './comparison.ts'
import { type Condition, type Field, type Literal, literalOf, parseField, parseValues } from './condition.ts'
import { has, isTexts, listIn, type Shape, shapeOf, textIn, wrong } from './shape.ts'

type Column = { readonly field: Field; readonly operator: OperatorName }
type Cell = string | readonly string[]

export type Exception = {
  readonly name: string
  /** `isSingle`: one field, and each row is one of its values. Undefined: as the exception that it is appended to. */
  readonly form: { readonly isSingle: boolean; readonly columns: readonly Column[] } | undefined
  readonly rows: readonly (Cell | readonly Cell[])[]
}

/** Throws SealwatchError, or ConditionError for a field that is none. */
export function exceptionsIn(shape: Shape): readonly Exception[] {
  const exceptions = listIn(shape, 'exceptions').map((value, index) => {
    const at = [...shape.at, 'exceptions', index]
    return exceptionOf(shapeOf(value, at, ['name', 'fields', 'comps', 'values'], shape.fault))
  })
  const names = exceptions.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice !== undefined) throw wrong(shape, 'exceptions', `Give one of those called ${twice} another name`)
  return exceptions
}

function exceptionOf(shape: Shape): Exception {
  const rows = has(shape, 'values') ? listIn(shape, 'values') : []
  if (!rows.every(isRow)) throw wrong(shape, 'values', 'Write texts, or a list of as many as there are fields')
  return { name: textIn(shape, 'name'), form: formOf(shape), rows }
}

const isCell = (value: unknown): value is Cell => typeof value === 'string' || isTexts(value)
const isRow = (value: unknown): value is Cell | readonly Cell[] =>
  isCell(value) || (Array.isArray(value) && value.every(isCell))

function formOf(shape: Shape): Exception['form'] {
  const { fields, comps } = shape.members
  if (!has(shape, 'fields')) {
    if (has(shape, 'comps')) throw wrong(shape, 'comps', 'Write fields beside it')
    return undefined
  }
  const isSingle = typeof fields === 'string'
  const names = isSingle ? [fields] : fields
  const given = isSingle && typeof comps === 'string' ? [comps] : comps
  const signs = has(shape, 'comps') ? given : isTexts(names) && names.map(() => (isSingle ? 'in' : '='))
  if (!isTexts(names)) throw wrong(shape, 'fields', 'Write a field, or a list of fields')
  if (!isTexts(signs) || signs.length !== names.length || !signs.every((sign) => isOperator(sign, isSingle)))
    throw wrong(
      shape,
      'comps',
      'Write an operator for each field; for a field that is no list in, intersects or pmatch',
    )
  return {
    isSingle,
    columns: names.map((name, index) => ({ field: parseField(name), operator: signs[index] as OperatorName })),
  }
}

const isOperator = (sign: string, isSingle: boolean) =>
  Object.hasOwn(operators, sign) && (!isSingle || operators[sign as OperatorName].takes === 'many')

/** What an exception excepts; undefined: nothing yet. Throws ConditionError. */
export function conditionOf({ name, form, rows }: Exception): Condition | undefined {
  if (form === undefined || rows.length === 0) return undefined
  const { isSingle, columns } = form
  const checks = isSingle
    ? [columns.map((column) => checkOf(column, rows.flatMap(textsOf)))]
    : rows.map((row) => {
        if (typeof row === 'string' || row.length !== columns.length)
          throw new ConditionError(
            `${typeof row === 'string' ? 1 : row.length} values for ${columns.length} fields in the exception ${name}`,
            'Write a value for each field',
          )
        return columns.map((column, index) => checkOf(column, textsOf(row[index] as Cell)))
      })
  return { kind: 'or', of: checks.map((of) => ({ kind: 'and', of })) }
}

const textsOf = (cell: Cell | readonly Cell[]): readonly string[] => (typeof cell === 'string' ? [cell] : cell.flat())

function checkOf({ field, operator }: Column, texts: readonly string[]): Condition {
  const { takes } = operators[operator]
  const values = takes === 'nothing' ? [] : texts.flatMap(takes === 'many' ? valuesOf : literalOf)
  if (takes === 'one' && values.length !== 1)
    throw new ConditionError(`${values.length} values behind ${operator}`, 'Write one, or use in')
  return { kind: 'check', field, operator, values }
}

/** A list may stand as one text. */
const valuesOf = (text: string): readonly Literal[] => (text.startsWith('(') ? parseValues(text) : [literalOf(text)])
