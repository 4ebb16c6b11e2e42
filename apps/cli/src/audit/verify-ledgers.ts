// SPDX-License-Identifier: Apache-2.0

import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isSealwatchError, systemDisk } from '@sealwatch/base'
import { type AuditReport, auditLedgers, type Checkpoint, parseVkey, sha256 } from '@sealwatch/ledger'
import { cliError } from '../errors.ts'
import type { Io } from '../io.ts'
import { counted, paint, progressLine, safe } from '../terminal.ts'
import { readersFor } from './block-readers.ts'

/** Where the ledgers of a server lie, under a data directory, that of its server, or the very folder. */
export function ledgersUnder(path: string): string | undefined {
  return [join(path, 'server/ledgers'), join(path, 'ledgers'), path].find((dir) => existsSync(join(dir, 'root/lines')))
}

export async function verifyLedgersIn(
  dir: string,
  { trust, since }: { readonly trust: readonly string[]; readonly since: Checkpoint | undefined },
  io: Io,
): Promise<AuditReport> {
  const progress = progressLine(io)
  const total = sizeOf(dir)
  await using blockReader = readersFor(total)
  let done = 0
  let shownMs = 0
  try {
    return await auditLedgers(dir, {
      disk: systemDisk,
      trust: trust.map((vkey) => parseVkey(sha256, vkey)),
      ...(blockReader === undefined ? {} : { blockReader }),
      ...(since === undefined ? {} : { since: [since] }),
      onBytes: (bytes) => {
        done += bytes
        const nowMs = io.clock.nowMs()
        if (nowMs - shownMs < 100) return
        shownMs = nowMs
        progress.show(`verifying ${Math.min(100, Math.floor((100 * done) / Math.max(total, 1)))} %`)
      },
    })
  } catch (cause) {
    if (isSealwatchError(cause, 'DISK_READ_ONLY'))
      throw cliError('CLI_NEEDS_ROOT', { attempted: `verifying ${dir}`, received: cause.received, cause })
    throw cause
  } finally {
    progress.end()
  }
}

/** What the root ledger has signed: with it, all others. */
export function rootCheckpointOf({ ledgers }: AuditReport): Checkpoint | undefined {
  const ledger = ledgers.find(({ name }) => name === 'root')
  if (ledger?.origin === undefined || ledger.root === undefined) return undefined
  return { origin: ledger.origin, size: ledger.signed, root: Uint8Array.fromHex(ledger.root) }
}

export function sizeOf(dir: string, ending = '.ndjson'): number {
  if (!existsSync(dir)) return 0
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name.endsWith(ending),
  )
  return files.reduce((sum, { parentPath, name }) => {
    return sum + (statSync(join(parentPath, name), { throwIfNoEntry: false })?.size ?? 0)
  }, 0)
}

export function renderLedgers({ ledgers, erased, trust }: AuditReport, source: string, io: Io): string {
  const by =
    trust === 'pinned'
      ? `pinned by ${safe(source)}`
      : `${paint(io, ['yellow', 'bold'], 'NOT PINNED')}: the ledgers vouch for themselves`
  const rows = ledgers.map(
    ({
      name,
      problem,
      lines,
      signed,
      signedByHost,
      signedByService,
      stubs,
      replayed,
      unverified,
      tenant,
      wrongDerived,
    }) => {
      const who = tenant === undefined || name === 'root' ? name : `tenant ${tenant}`
      if (problem !== undefined) {
        const where = problem.leaf === undefined ? '' : ` at leaf ${problem.leaf}`
        return `  ${paint(io, 'red', '✗')} ${safe(who)}${where}: ${safe(problem.message, 2000)}\n`
      }
      const parts = [counted(lines, 'line'), `${signed} signed`]
      if (signedByHost > 0) parts.push(`${signedByHost} signed by their hosts`)
      if (signedByService > 0) parts.push(`${signedByService} by their services`)
      if (stubs > 0) parts.push(`${stubs} quarantine stubs`)
      if (replayed > 0) parts.push(`${replayed} replayed`)
      if (unverified > 0) parts.push(`${unverified} UNVERIFIED`)
      if (wrongDerived !== undefined) parts.push(paint(io, 'yellow', `${wrongDerived} is wrong: audit fsck --repair`))
      return `  ${paint(io, 'green', '✓')} ${safe(who)}: ${parts.join(', ')}\n`
    },
  )
  const gone = erased.map(({ tenant, lines }) => {
    const said = `erased, as the cluster's ledger orders; the root ledger vouches for ${counted(lines, 'line')} that it had`
    return `  ${paint(io, 'green', '✓')} tenant ${safe(tenant)}: ${said}\n`
  })
  return `${rows.join('')}${gone.join('')}  trust     ${by}\n`
}
