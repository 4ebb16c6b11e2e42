// SPDX-License-Identifier: Apache-2.0

import type { PolicyProblem } from '@sealwatch/contract/policy'
import type { Io } from '../io.ts'
import { counted, paint, safe } from '../terminal.ts'
import type { PolicyFile } from './policy-file.ts'

const lineUnitsMax = 160

/** Each problem with the line it stands in, what must hold, and what to do; nothing where there is none. */
export function renderProblems({ path, text, validated }: PolicyFile, io: Io): string {
  const { problems, omitted } = validated.validation
  const lines = text.split('\n')
  const told = problems.map((problem) => renderProblem(problem, path, lines, io)).join('\n')
  return omitted === 0 ? told : `${told}\n${counted(omitted, 'more problem')} not shown.\n`
}

function renderProblem(problem: PolicyProblem, path: string, lines: readonly string[], io: Io): string {
  const { severity, code, rule, value, suggestion, line, column } = problem
  const where = line === undefined ? path : `${path}:${line}:${column}`
  const word = paint(io, severity === 'error' ? ['red', 'bold'] : ['yellow', 'bold'], severity)
  const head = `${paint(io, 'bold', safe(where, 4000))}: ${word} ${paint(io, 'dim', `(${code})`)}\n`
  const place = problem.path === '' ? '' : `${safe(problem.path)}: `
  const found = value === undefined ? '' : `, found ${safe(value)}`
  return `${head}${excerpt(line, column, lines, io)}  ${place}${safe(rule, 1000)}${found}\n  ${safe(suggestion, 1000)}\n`
}

/** The line, and a mark below the place; of a long one what surrounds it. */
function excerpt(line: number | undefined, column: number | undefined, lines: readonly string[], io: Io): string {
  const whole = line === undefined ? undefined : lines[line - 1]
  if (whole === undefined || column === undefined) return ''
  const characters = [...whole]
  const from = Math.max(0, column - 1 - lineUnitsMax / 2)
  const shown = (part: readonly string[]) => safe(part.join(''), 4 * lineUnitsMax)
  const before = shown(characters.slice(from, column - 1))
  const rest = shown(characters.slice(column - 1, from + lineUnitsMax))
  const number = String(line)
  const bar = paint(io, 'dim', '|')
  const mark = paint(io, ['red', 'bold'], '^')
  return `  ${paint(io, 'dim', number)} ${bar} ${before}${rest}\n  ${' '.repeat(number.length)} ${bar} ${' '.repeat(before.length)}${mark}\n`
}
