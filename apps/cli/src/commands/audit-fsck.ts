// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { trustOf } from '../audit/trust.ts'
import { type ChainsReport, chainsUnder, renderChains, verifyChainsIn } from '../audit/verify-chains.ts'
import { sizeOf } from '../audit/verify-ledgers.ts'
import { command, exit, flag, text } from '../command.ts'
import { cliError } from '../errors.ts'
import type { Io } from '../io.ts'
import { dataFlag, type Place } from '../place.ts'
import { bar, counted, paint, progressLine, safe, safeJson } from '../terminal.ts'

type Finding = {
  readonly store: string
  readonly derived: boolean
  readonly leaf?: number
  readonly tenant?: string
  readonly text: string
}
type ServerReport = {
  readonly ok: boolean
  readonly ledgers: readonly {
    readonly name: string
    readonly lines: number
    readonly findings: readonly Finding[]
    readonly repaired: boolean
  }[]
  readonly database: readonly Finding[]
  readonly quarantine: readonly {
    readonly tenant: string
    readonly items: number
    readonly rows: number
    readonly admitted: number
    readonly waiting: number
    readonly duplicate: number
    readonly unopened: number
  }[]
  readonly reindexed: readonly string[]
}

export const auditFsck = command({
  name: 'audit fsck',
  summary: 'Prove that the stores of a stopped instance hang together',
  about: `After a crash, a full or a failed disk: holds lines, hashes, bundles, saved state, checkpoints, personal values, tenants'
heads in the root ledger, index, quarantine and outbox against each other, and the chains of the host; opens what lies in
quarantine, where the keys are here. Reads only.
--repair computes derived files again, and never touches a line; what else is wrong needs a copy. It refuses while a
server runs: \`audit verify\` reads those. Root reads the data directory.`,
  options: {
    repair: flag('Compute derived files and the index again where they are wrong'),
    trust: text({ takes: 'KEY,…|FILE', help: 'Verifier keys (name+hash+base64), a file of them, or a trust.json' }),
  },
  examples: ['sudo ./sealwatch audit fsck', 'sudo ./sealwatch audit fsck --repair --json'],
  run: async ({ repair, trust }, _operands, { io, place, json }) => {
    const dir = [join(place.data, 'server'), place.data].find((path) => existsSync(join(path, 'ledgers/root')))
    const chains = chainsUnder(place.data)
    if (dir === undefined && chains.length === 0)
      throw cliError('CLI_NOT_EVIDENCE', { attempted: `checking ${place.data}`, received: 'no ledger and no chain' })
    const { vkeys } = await trustOf(trust, place)
    const server = dir === undefined ? null : await runFsck(dir, vkeys, repair, io)
    const host = chains.length === 0 ? null : await verifyHost(chains, io)
    const ok = server?.ok !== false && host?.ok !== false
    const next = nextCommand(server, host, ok, repair, place)
    io.out(json ? `${safeJson({ kind: 'fsck', ok, server, host, next })}\n` : render(server, host, ok, next, io))
    return ok ? exit.ok : exit.finding
  },
})

async function verifyHost(chains: Parameters<typeof verifyChainsIn>[0], io: Io): Promise<ChainsReport> {
  const progress = progressLine(io)
  progress.show(`verifying ${counted(chains.length, 'chain')} of this host`)
  try {
    return await verifyChainsIn(chains)
  } finally {
    progress.end()
  }
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`

/** The server's own code knows its stores; it runs as a program of its own. */
async function runFsck(dir: string, trust: readonly string[], repair: boolean, io: Io): Promise<ServerReport> {
  const attempted = `checking ${dir}`
  const program = join(io.root, 'apps/server/src/fsck/main.ts')
  const argv = [program, dir, ...(repair ? ['--repair'] : []), ...trust.map((vkey) => `--trust=${vkey}`)]
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
    signal: io.stop,
  })
  // An end by `signal` is an error of the child, too; whatever it is, its close follows.
  let failed: Error | undefined
  child.on('error', (error) => {
    failed = error
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const progress = progressLine(io)
  const total = sizeOf(join(dir, 'ledgers')) + sizeOf(join(dir, 'quarantine'), '.items')
  let stage = 'reading the ledgers'
  let read = 0
  const show = () =>
    progress.show(`${stage} ${bar(read, total)} ${megabytes(Math.min(read, total))} of ${megabytes(total)}`)
  show()
  let last: { report?: ServerReport; error?: { code: string; rule?: string; message?: string; advice?: string } } = {}
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      // Cut off in the midst of a line.
      if (io.stop.aborted) break
      const record = JSON.parse(line) as typeof last & { bytes?: number; read?: true }
      if (record.read) stage = 'holding quarantine, index and keys against them'
      else if (record.bytes !== undefined) read = record.bytes
      else last = record
      show()
    }
    await ended
  } finally {
    progress.end()
  }
  const { report, error } = last
  if (report !== undefined) return report
  if (io.stop.aborted) {
    const advice = repair
      ? 'What was computed again stays; run it again for the rest'
      : 'Nothing was written; run it again'
    throw cliError('CLI_INTERRUPTED', { attempted, advice, cause: failed })
  }
  if (error?.code === 'STORE_BUSY')
    throw cliError('CLI_ALREADY_RUNNING', {
      attempted,
      advice: 'Stop it first: sudo ./sealwatch down; while it runs, ./sealwatch audit verify DIR reads the ledgers',
    })
  if (error?.code === 'DISK_READ_ONLY') throw cliError('CLI_NEEDS_ROOT', { attempted })
  throw cliError('CLI_FILE', {
    attempted,
    received: error === undefined ? (failed?.message ?? 'no report') : `${error.code}: ${error.rule ?? error.message}`,
  })
}

function nextCommand(
  server: ServerReport | null,
  host: ChainsReport | null,
  ok: boolean,
  repair: boolean,
  place: Place,
): string | null {
  if (ok) return null
  const findings = [...(server?.ledgers ?? []).flatMap((ledger) => ledger.findings), ...(server?.database ?? [])]
  const isDerivedOnly = host?.ok !== false && findings.every(({ derived }) => derived)
  if (isDerivedOnly && !repair) return `sudo ./sealwatch audit fsck --repair${dataFlag(place)}`
  const isOfItems = host?.ok !== false && findings.every(({ store }) => store === 'quarantine')
  const restore = isOfItems
    ? 'the newest copy of server/quarantine and index.sqlite: docs/runbooks/conservation-broken.md'
    : 'the newest copy: docs/runbooks/ledger-behind.md'
  return `cp -a ${place.data} ${place.data}.evidence   # then restore ${restore}`
}

function render(
  server: ServerReport | null,
  host: ChainsReport | null,
  ok: boolean,
  next: string | null,
  io: Io,
): string {
  const verdict = paint(io, [ok ? 'green' : 'red', 'bold'], ok ? 'CONSISTENT' : 'INCONSISTENT')
  const mark = (fine: boolean) => paint(io, fine ? 'green' : 'red', fine ? '✓' : '✗')
  const say = ({ store, leaf, text: said, derived }: Finding) =>
    `      ${store}${leaf === undefined ? '' : `, leaf ${leaf}`}: ${safe(said, 2000)}${derived ? ' (derived)' : ''}\n`
  const ledgers = (server?.ledgers ?? []).map(({ name, lines, findings, repaired }) => {
    const fine = findings.length === 0 || repaired
    return `  ${mark(fine)} ${safe(name)}: ${counted(lines, 'line')}${repaired ? ', derived files computed again' : ''}\n${findings.map(say).join('')}`
  })
  const found = server?.database ?? []
  const reindexed = server?.reindexed ?? []
  const again =
    reindexed.length > 0 ? `, indexed again at the next start: ${reindexed.map((name) => safe(name)).join(', ')}` : ''
  const database =
    server === null
      ? ''
      : `  ${mark(found.length === 0 || reindexed.length > 0)} database${again}\n${found.map(say).join('')}`
  const kept = (server?.quarantine ?? []).map(
    ({ tenant, items, rows, admitted, waiting, duplicate, unopened }) =>
      `      quarantine of ${safe(tenant)}: ${counted(items, 'item')} (${counted(rows, 'row')}), of which ${admitted} admitted since and ${waiting} wait${duplicate === 0 ? '' : `; ${duplicate} came in by another way`}\n${unopened === 0 ? '' : `        ${counted(unopened, 'item')} not opened: the keys are not here, or KMS is out of reach\n`}`,
  )
  return `${verdict}\n${ledgers.join('')}${database}${kept.join('')}${host === null ? '' : renderChains(host, io)}${next === null ? '' : `  next      ${safe(next, 4000)}\n`}`
}
