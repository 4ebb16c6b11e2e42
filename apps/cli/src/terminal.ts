// SPDX-License-Identifier: Apache-2.0

import { stripVTControlCharacters, styleText } from 'node:util'
import { toSeconds } from '@sealwatch/base'
import type { Io } from './io.ts'

/** Control characters, and those that hide or reorder what a person reads: bidirectional, invisible, separators. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
const shownCharsMax = 400

/**
 * Makes text that others chose (paths, arguments, names) harmless on a terminal. What it hides it names: a line break
 * becomes `\n`, an escape `\x1b`.
 */
export function safe(text: string, max = shownCharsMax): string {
  const escaped = text.replace(unsafe, escapeOf)
  return escaped.length > max ? `${escaped.slice(0, max - 1)}…` : escaped
}

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return named[character] ?? (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`)
}

/** JSON that a terminal may show: the same value, with what is unsafe as \\u escapes. */
export function safeJson(value: unknown, indent?: number): string {
  const asEscape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(value, undefined, indent).replace(unsafe, (character) =>
    character === '\n'
      ? character
      : [...Array(character.length).keys()].map((i) => asEscape(character[i] ?? '')).join(''),
  )
}

/** One word of a command that a person may paste into a shell. */
export const shellWord = (text: string): string =>
  /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

type Style = Parameters<typeof styleText>[0]
export const paint = (io: Io, style: Style, text: string): string =>
  io.color ? styleText(style, text, { validateStream: false }) : text

/** Columns padded to their widest cell; rows may be of different length, cells may carry colour. */
export function columns(rows: readonly (readonly string[])[], gap = '  '): string {
  const width = (cell: string) => stripVTControlCharacters(cell).length
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, width(cell))
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell + ' '.repeat((widths[i] ?? 0) - width(cell)))).join(gap)
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('')
}

/** RFC 3339 in UTC, as people read it; programs and ledgers have the nanoseconds. */
export const toSecond = (time: string): string => toSeconds(safe(time))

export const counted = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

export function duration(ms: number): string {
  const s = Math.floor(ms / 1000)
  if (s < 60) return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`
}

type Progress = { show(text: string): void; end(): void }

/** A line that is drawn over and over; where no person watches, a line of its own every ten seconds until `end`. */
export function progressLine(io: Io): Progress {
  if (!io.errTty) return progressLog(io)
  let shown = false
  return {
    show: (text) => {
      shown = true
      io.err(`\r\x1b[K${text.slice(0, io.columns - 1)}`)
    },
    end: () => {
      if (shown) io.err('\r\x1b[K')
    },
  }
}

const logEveryMs = 10_000

/** For logs and jobs. It also speaks when nothing moves: whoever reads it knows that the work is not over. */
function progressLog({ clock, err }: Io): Progress {
  let latest = ''
  let over: AbortController | undefined
  const tell = async (signal: AbortSignal) => {
    for (let ms = logEveryMs; ; ms += logEveryMs) {
      await clock.sleep(logEveryMs, signal)
      if (signal.aborted) return
      err(`after ${duration(ms)}: ${latest}\n`)
    }
  }
  return {
    show: (text) => {
      latest = text
      if (over !== undefined) return
      over = new AbortController()
      void tell(over.signal)
    },
    end: () => {
      over?.abort()
      over = undefined
    },
  }
}

/** How much of the whole is done. What was counted at the beginning may have grown since: then it is full, and no more. */
export function bar(done: number, total: number): string {
  const width = 30
  const filled = done >= total ? width : Math.round((width * done) / total)
  return `[${'='.repeat(filled)}${' '.repeat(width - filled)}]`
}
