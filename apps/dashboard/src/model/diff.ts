// SPDX-License-Identifier: Apache-2.0
// Which lines of a watched text changed, as its event tells them (docs/formats/event.md, 3.19).

import { memberAt, textAt } from './member.ts'

/** A piece of a text: as it is, or the name of a character that would hide or reorder what a person reads. */
export type Piece = { readonly at: number; readonly text: string; readonly isEscape: boolean }
/** `at` is its place among the lines, as of a piece in its line. */
export type DiffLine = { readonly at: number; readonly sign: '+' | '-' | ' '; readonly pieces: readonly Piece[] }
export type Diff = {
  readonly from: number
  readonly lines: readonly DiffLine[]
  /** More changed than is told. */
  readonly isCut: boolean
}

const pointer = '/event/unmapped/diff'
const head = /^@@ -(\d{1,10}),\d{1,10} \+\d{1,10},\d{1,10} @@$/
/** A frame tells 3,000 bytes of lines; what a host says of itself may be longer. */
const linesMax = 2_000

type Told = {
  readonly line: { readonly event?: unknown }
  readonly personal?: Readonly<Record<string, { readonly value: string | null }>> | undefined
}

/** `hidden`: it is there, and a personal value that was not asked for. Undefined: no lines are told. */
export function diffOf({ line: { event }, personal }: Told): Diff | 'hidden' | undefined {
  if (memberAt(event, 'unmapped', 'diff') === undefined) return undefined
  return parsed(personal?.[pointer]?.value ?? '') ?? parsed(textAt(event, 'unmapped', 'diff') ?? '') ?? 'hidden'
}

function parsed(text: string): Diff | undefined {
  const [first = '', ...rest] = text.split('\n')
  const from = head.exec(first)?.[1]
  if (from === undefined) return undefined
  const lines = rest.slice(0, linesMax).filter((line) => /^[-+ ]/.test(line))
  return {
    from: Number(from),
    lines: lines.map((line, at) => ({ at, sign: line.charAt(0) as DiffLine['sign'], pieces: piecesOf(line.slice(1)) })),
    isCut: rest.length > linesMax || rest.at(-1)?.startsWith('\\') === true,
  }
}

/** As the command line names them: an escape is `\x1b`, a character that turns the direction `\u{202e}`. */
export function piecesOf(text: string): Piece[] {
  return text
    .split(/([\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}])/u)
    .map((part, at) =>
      at % 2 === 0 ? { at, text: part, isEscape: false } : { at, text: nameOf(part), isEscape: true },
    )
    .filter((piece) => piece.text !== '')
}

function nameOf(character: string): string {
  if (character === '\t') return '\\t'
  if (character === '\r') return '\\r'
  const code = character.codePointAt(0) ?? 0
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
}
