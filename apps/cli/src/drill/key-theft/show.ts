// SPDX-License-Identifier: Apache-2.0
// What whoever watches the drill sees of it, a line for each way.

import type { PlayedAttack, ServedRequests } from '@sealwatch/ledger'
import type { Io } from '../../io.ts'
import { paint, safe } from '../../terminal.ts'

const widths = { does: 37, ms: 9, bytes: 9, key: 12 } as const

export const ms = (us: number | null): string => (us === null ? '-' : `${(us / 1000).toFixed(us < 10_000 ? 1 : 0)} ms`)
export const bytesShown = (bytes: number): string =>
  bytes < 1024
    ? `${bytes} B`
    : bytes < 1024 ** 2
      ? `${Math.round(bytes / 1024)} KiB`
      : `${Math.round(bytes / 1024 ** 2)} MiB`
export const keyShown = ({ key_before, key_after }: Pick<PlayedAttack, 'key_before' | 'key_after'>): string =>
  `v${key_before} -> v${key_after}`

const cells = (does: string, seen: string, killed: string, bytes: string, key: string) =>
  [
    does.padEnd(widths.does),
    seen.padStart(widths.ms),
    killed.padStart(widths.ms),
    bytes.padStart(widths.bytes),
    key.padStart(widths.key),
  ].join('  ')

/** Of a table, behind the mark. */
export const headingCells = `${cells('way to its memory', 'seen', 'killed', 'got', 'master key')}  failed requests`
export const attackCells = (attack: PlayedAttack): string => {
  const { does, seen_us, killed_us, bytes, key_before, key_after } = attack
  return cells(
    does,
    ms(seen_us),
    ms(killed_us),
    bytesShown(bytes),
    key_before === key_after ? 'unchanged' : keyShown(attack),
  )
}

export const heading = (io: Io): string => `${paint(io, 'dim', `   ${headingCells}`)}\n`

export function attackLine(io: Io, attack: PlayedAttack): string {
  const { outcome, requests, requests_failed, missed } = attack
  const mark = outcome === 'passed' ? paint(io, 'green', '✓') : paint(io, ['red', 'bold'], '✗')
  const lost = `${requests_failed} of ${requests}`
  const found = missed.map((one) => `     ${paint(io, 'red', safe(one))}\n`).join('')
  return ` ${mark} ${attackCells(attack)}  ${requests_failed === 0 ? lost : paint(io, 'red', lost)}\n${found}`
}

export const servedLine = ({ total, failed, p50_us, p99_us, quiet_p50_us, quiet_p99_us }: ServedRequests): string =>
  `${total - failed} of ${total} requests answered meanwhile; p50 ${ms(p50_us)} (before: ${ms(quiet_p50_us)}), p99 ${ms(p99_us)} (before: ${ms(quiet_p99_us)})`
