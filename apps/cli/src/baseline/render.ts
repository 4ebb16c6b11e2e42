// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from 'node:buffer'
import type { Io } from '../io.ts'
import { columns, counted, paint, safe, toSecond } from '../terminal.ts'
import type { Difference } from './compare.ts'
import type { Facts } from './row.ts'
import type { Statement } from './statement.ts'

/** What may be ignored; what a name is may not. */
export const factNames = ['mode', 'uid', 'gid', 'size', 'mtime_ns', 'sha256', 'capabilities', 'unread'] as const

const pathCharsMax = 4096
export const shownPath = (path: Buffer): string =>
  safe(isUtf8(path) ? path.toString() : path.toString('latin1'), pathCharsMax)

export function statementText(statement: Statement, signers: readonly string[]): string {
  const { host, created_at, roots, excluded, foreign, rows, unread, bytes, capabilities } = statement
  return columns([
    ['host', `${safe(host.hostname)} ${safe(host.machine_id)}`],
    ['made', toSecond(created_at)],
    ['of', safe(roots.join(' '), pathCharsMax)],
    ...(excluded.length > 0 ? [['without', safe(excluded.join(' '), pathCharsMax)]] : []),
    ['holds', `${counted(rows, 'name')}, ${(bytes / 1e9).toFixed(2)} GB in files`],
    ...(unread > 0 ? [['not read', `${counted(unread, 'name')}: the rows say why`]] : []),
    ...(foreign > 0 ? [['not entered', `${counted(foreign, 'file system')} of the kernel or of others`]] : []),
    ...(capabilities ? [] : [['file capabilities', 'not looked for']]),
    ['signed by', signers.map((keyid) => safe(keyid)).join(', ')],
  ])
}

const marks = { added: ['+', 'green'], removed: ['-', 'red'], changed: ['~', 'yellow'] } as const

export function differenceText(io: Io, difference: Difference): string {
  const [mark, colour] = marks[difference.what]
  const head = `${paint(io, colour, mark)} ${shownPath(difference.path)}`
  if (difference.what !== 'changed') {
    const facts = difference.what === 'added' ? difference.after : difference.before
    return `${head}  ${facts.kind} ${facts.mode} ${facts.uid}:${facts.gid}\n`
  }
  const rows = difference.facts.map((fact) => [
    `    ${fact}`,
    `${shownFact(difference.before, fact)} -> ${shownFact(difference.after, fact)}`,
  ])
  return `${head}\n${columns(rows)}`
}

const shownFact = (facts: Facts, fact: keyof Facts) => safe(String(facts[fact] ?? 'none'))

export function jsonOf({ path, ...difference }: Difference): object {
  return { ...(isUtf8(path) ? { path: path.toString() } : { path_hex: path.toString('hex') }), ...difference }
}
