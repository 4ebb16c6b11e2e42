// SPDX-License-Identifier: Apache-2.0

import type { Io } from '../io.ts'
import { columns, paint, safe } from '../terminal.ts'

/** One thing that was tried, and what came of it. */
export type Row = {
  readonly name: string
  readonly did: string
  readonly ok: boolean
  readonly detail: string
  /** From the act to its being durable in the ledger. */
  readonly ms?: number
  readonly leafIndex?: number
  /** What watches does not see this, and says so: no fault. */
  readonly unseen?: boolean
  /** What to do, where that is not what rows of this name need. */
  readonly remedy?: string
}

/** Of rows that are no site; a chain is called after its tenant. */
const remedies: Readonly<Record<string, string>> = {
  server: 'read what it says in log/server.log of the data directory; if it is gone: sudo ./sealwatch down, then up',
  agent: 'read what it says in log/agent.log of the data directory; docs/runbooks/agent-queue.md',
  sensor: 'read what it says in log/sensor.log of the data directory; docs/runbooks/host-blind.md',
  guard: 'read what it says in log/guard.log of the data directory; docs/runbooks/part-harmed.md',
  hands:
    'read what they say in log/hands.log of the data directory; sudo ./sealwatch host show HOST says until when they may act',
  baseline: 'docs/runbooks/baseline.md',
  chain:
    'docs/runbooks/agent-queue.md; of a server that holds less than it acknowledged, docs/runbooks/ledger-behind.md',
  disk: 'docs/runbooks/disk-full.md',
  ca: 'docs/runbooks/ca.md',
  channel: 'docs/runbooks/notification-failed.md',
  clock: 'set it right (timedatectl set-ntp true); docs/runbooks/clock-set-back.md',
}

/** What to do about a row that is red; a site is told of in the runbook of blind hosts. */
export const remedyOf = ({ name, remedy }: Row): string =>
  remedy ?? remedies[name.split(' ')[0] ?? ''] ?? 'docs/runbooks/host-blind.md'

export const isRed = ({ ok, unseen }: Row): boolean => !ok && unseen !== true

export function renderRows(rows: readonly Row[], io: Io): string {
  const cells = rows.map((row) => [
    row.ok ? paint(io, 'green', '  ✓') : row.unseen ? paint(io, 'yellow', '  –') : paint(io, ['red', 'bold'], '  ✗'),
    paint(io, 'bold', row.name),
    row.did,
    row.ok ? safe(row.detail) : paint(io, row.unseen ? 'yellow' : 'red', safe(row.detail)),
  ])
  const reds = rows.filter(isRed)
  const red = reds.length
  const todo = reds.map((row) => `  ${row.name}: ${remedyOf(row)}\n`).join('')
  const unseen = rows.filter((row) => row.unseen).length
  const good = unseen === 0 ? 'All good.' : `All good but ${unseen} that nobody sees without BPF: docs/fallbacks.md.`
  const verdict = red === 0 ? paint(io, 'green', good) : paint(io, ['red', 'bold'], `${red} of ${rows.length} failed.`)
  return `${columns(cells)}\n${verdict}\n${todo}`
}
