// SPDX-License-Identifier: Apache-2.0

import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type DsseVerifier, verifyEd25519, verifyRsa } from '@sealwatch/keys'
import {
  type AuditReport,
  type BundleReport,
  type Checkpoint,
  type Policy,
  sha256,
  verifyBundle,
} from '@sealwatch/ledger'
import { readersFor } from '../audit/block-readers.ts'
import { withBundle } from '../audit/bundle-file.ts'
import { closedFolderIn } from '../audit/closed.ts'
import { readSavedCheckpoint, saveCheckpoint } from '../audit/saved-checkpoint.ts'
import { signerKeyOf } from '../audit/signer-key.ts'
import { type PinnedTrust, trustOf } from '../audit/trust.ts'
import { type ChainsReport, chainsUnder, renderChains, verifyChainsIn } from '../audit/verify-chains.ts'
import { ledgersUnder, renderLedgers, rootCheckpointOf, verifyLedgersIn } from '../audit/verify-ledgers.ts'
import { type TilesReport, verifyTilesIn } from '../audit/verify-tiles.ts'
import { witnessPolicyOf } from '../audit/witness-policy.ts'
import { command, exit, text } from '../command.ts'
import { cliError } from '../errors.ts'
import type { Io } from '../io.ts'
import { counted, paint, safe, safeJson, shellWord } from '../terminal.ts'

export const auditVerify = command({
  name: 'audit verify',
  summary: 'Verify evidence offline, from public keys alone',
  about: `A bundle (plain, .gz or .zst): checks every hash, chain, host signature and checkpoint, and names the first line that
is wrong. A directory of tiles likewise. Neither needs root or a running server. A data directory (root reads it): every
ledger of the server, every chain of the host and that of the signing proxy, also while they run; of a chain's own keys only that
of the epoch that is open, which tells whether the end was cut off. Trust comes from --trust, else from
trust.json in the data directory; else the evidence vouches for itself, which shows only that nobody without its keys
has changed it. With --witness or --policy others must have seen the ledger, too: they make sure that everybody sees
the same one. With --since-checkpoint the ledger must still hold all that was there when that was saved; of a data directory, the checkpoint of the root ledger is saved.`,
  operands: [{ name: 'FILE|DIR', required: true }],
  options: {
    trust: text({ takes: 'KEY,…|FILE', help: 'Verifier keys (name+hash+base64), a file of them, or a trust.json' }),
    'signer-key': text({
      takes: 'FILE',
      help: "Public key (PEM) of the deployment's signer, which must have signed, too",
    }),
    witness: text({ takes: 'KEY,…', help: 'Keys of witnesses: every one of them must have cosigned' }),
    policy: text({ takes: 'FILE', help: 'Policy of witnesses and their quorum (C2SP tlog-policy)' }),
    'since-checkpoint': text({ takes: 'FILE', help: 'A checkpoint that --save-checkpoint wrote' }),
    'save-checkpoint': text({ takes: 'FILE', help: 'Save the checkpoint of what was verified, for the next time' }),
  },
  examples: [
    './sealwatch audit verify trail.bundle',
    './sealwatch audit verify trail.bundle --trust trust.json --json',
    './sealwatch audit verify trail.bundle --since-checkpoint seen --save-checkpoint seen',
  ],
  run: async (options, [path = ''], { io, place, json }) => {
    const pinned = await trustOf(options.trust, place)
    const saved = options['since-checkpoint']
    const since = saved === undefined ? undefined : readSavedCheckpoint(saved)
    const witnesses = witnessPolicyOf(options.witness, options.policy)
    const checks = { pinned, since, witnesses, auditSigner: signerKeyOf(options['signer-key']) }
    const found = await verifyAny(path, checks, io)
    const { report, checkpoint } = found
    const target = options['save-checkpoint']
    if (report.ok && target !== undefined) await saveCheckpoint(target, mustSave(checkpoint, path))
    const savedTo = report.ok ? target : undefined
    const trustSource = pinned.vkeys.length > 0 ? pinned.source : null
    if (json) io.out(`${safeJson({ ...report, trustSource, savedTo: savedTo ?? null })}\n`)
    else io.out(render(report, path, pinned, io))
    if (!json && savedTo !== undefined)
      io.out(`  saved     ${checkpoint?.size} leaves of ${safe(checkpoint?.origin ?? '')} to ${safe(savedTo)}\n`)
    return report.ok ? exit.ok : exit.finding
  },
})

function mustSave(checkpoint: Checkpoint | undefined, path: string): Checkpoint {
  if (checkpoint !== undefined) return checkpoint
  throw cliError('CLI_USAGE', {
    attempted: `saving the checkpoint of ${path}`,
    received: 'no signed ledger',
    advice: 'The chain of a host has no checkpoint: save that of the ledger its lines went to, or of a bundle',
  })
}

function render(report: Found['report'], path: string, pinned: PinnedTrust, io: Io): string {
  if (!('kind' in report)) return renderReport(report, path, pinned.source, io)
  return report.kind === 'tiles' ? renderTiles(report, path, pinned, io) : renderDirectory(report, path, pinned, io)
}

const extendsLine = (since: number | undefined) =>
  since === undefined ? '' : `  extends   the saved checkpoint of ${counted(since, 'leaf', 'leaves')}\n`

/** Not pinned without being asked: whoever altered the ledgers could have altered what lies beside them. */
function trustHint(path: string, { vkeys }: PinnedTrust): string {
  const beside = join(path, 'trust.json')
  if (vkeys.length > 0 || !existsSync(beside)) return ''
  return `            ${safe(beside)} lies beside them: compare it with a copy from elsewhere, then pass --trust ${safe(shellWord(beside))}\n`
}

function renderDirectory(
  { ok, server, host, since }: DirectoryReport,
  path: string,
  pinned: PinnedTrust,
  io: Io,
): string {
  const verdict = paint(io, [ok ? 'green' : 'red', 'bold'], ok ? 'VERIFIED' : 'NOT VERIFIED')
  const ofHost = host === null ? '' : renderChains(host, io)
  return `${verdict} ${safe(path)}\n${ofHost}${server === null ? '' : renderLedgers(server, pinned.source, io)}${extendsLine(since)}${trustHint(path, pinned)}`
}

type Checks = {
  readonly pinned: PinnedTrust
  readonly since: Checkpoint | undefined
  readonly auditSigner: DsseVerifier | undefined
  readonly witnesses: Policy | undefined
}
/** What lies under a data directory: the ledgers of a server, the chains of a host, or both. */
type DirectoryReport = {
  readonly kind: 'directory'
  readonly ok: boolean
  readonly server: AuditReport | null
  readonly host: ChainsReport | null
  /** The size of the saved checkpoint that a ledger extends. */
  readonly since: number | undefined
}
type Found = {
  readonly report: BundleReport | TilesReport | DirectoryReport
  readonly checkpoint: Checkpoint | undefined
}

async function verifyAny(path: string, checks: Checks, io: Io): Promise<Found> {
  const attempted = `verifying ${path}`
  if (!isDirectory(path)) return await verifyFile(path, checks, io)
  if (checks.witnesses !== undefined)
    throw cliError('CLI_USAGE', {
      attempted,
      advice: 'Witnesses cosign root checkpoints, which bundles have: leave out --witness and --policy here',
    })
  if (existsSync(join(path, 'checkpoint')) && existsSync(join(path, 'tile')))
    return await verifyTilesIn(path, checks.pinned.vkeys, checks.since)
  const ledgers = ledgersUnder(path)
  const chains = chainsUnder(path)
  const { pinned, since } = checks
  const ofServer =
    ledgers === undefined ? undefined : await verifyLedgersIn(ledgers, { trust: pinned.vkeys, since }, io)
  const ofHost = chains.length === 0 ? undefined : await verifyChainsIn(chains)
  if (ofServer !== undefined || ofHost !== undefined) {
    if (ofServer === undefined && since !== undefined) mustSave(undefined, path)
    const ok = ofServer?.ok !== false && ofHost?.ok !== false
    const report = {
      kind: 'directory' as const,
      ok,
      server: ofServer ?? null,
      host: ofHost ?? null,
      since: ok ? since?.size : undefined,
    }
    return { report, checkpoint: ofServer && rootCheckpointOf(ofServer) }
  }
  const closed = closedFolderIn(path)
  if (closed !== undefined) throw cliError('CLI_NEEDS_ROOT', { attempted, received: `${closed} (EACCES)` })
  throw cliError('CLI_NOT_EVIDENCE', { attempted, received: 'another directory' })
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  } catch (cause) {
    throw cliError('CLI_FILE', {
      attempted: `verifying ${path}`,
      received: (cause as NodeJS.ErrnoException).code,
      cause,
    })
  }
}

async function verifyFile(path: string, { pinned, since, auditSigner, witnesses }: Checks, io: Io): Promise<Found> {
  let checkpoint: Checkpoint | undefined
  await using blockReader = readersFor(statSync(path, { throwIfNoEntry: false })?.size ?? 0)
  const report = await withBundle(path, io, (chunks) =>
    verifyBundle(chunks, {
      ...(blockReader === undefined ? {} : { blockReader }),
      sha256,
      verify: verifyEd25519,
      verifyRsa,
      trust: pinned.vkeys,
      onHeader: (header) => {
        checkpoint = header.checkpoint
      },
      ...(since === undefined ? {} : { since }),
      ...(auditSigner === undefined ? {} : { auditSigner }),
      ...(witnesses === undefined ? {} : { witnesses }),
    }),
  )
  return { report, checkpoint }
}

function renderTiles(
  { ok, problem, origin, lines, trust, since }: TilesReport,
  path: string,
  pinned: PinnedTrust,
  io: Io,
): string {
  const by = trust === 'pinned' ? `pinned by ${safe(pinned.source)}` : "NOT PINNED: the key is the directory's own"
  if (ok)
    return `${paint(io, ['green', 'bold'], 'VERIFIED')} ${safe(path)}\n  entries   ${lines} of ${safe(origin ?? '')}\n${extendsLine(since)}  trust     ${by}\n`
  return `${paint(io, ['red', 'bold'], 'NOT VERIFIED')} ${safe(path)}\n  because   ${safe(problem?.message ?? '', 2000)}\n  trust     ${by}\n`
}

export function renderReport(report: BundleReport, path: string, source: string, io: Io): string {
  const {
    ok,
    problem,
    lines,
    withheld,
    signedByHost,
    signedByService,
    notCovered,
    stubs,
    replayed,
    unverified,
    signers,
    countersigned,
    since,
  } = report
  const pinned =
    report.trust === 'pinned'
      ? `  trust     pinned by ${safe(source)}\n`
      : `  trust     ${paint(io, ['yellow', 'bold'], 'NOT PINNED')}: the keys are the bundle's own; anyone can make such a bundle.\n` +
        '            Pass --trust with the trust.json of the instance you trust.\n'
  if (!ok) {
    const where = [
      `line ${problem?.fileLine} of the file`,
      ...(problem?.leaf === undefined ? [] : [`leaf ${problem.leaf} of the ledger`]),
      ...(problem?.seq === undefined ? [] : [`seq ${problem.seq} of chain ${problem.chain}`]),
    ]
    return `${paint(io, ['red', 'bold'], 'NOT VERIFIED')} ${safe(path)}\n  first bad ${where.join(', ')}\n  because   ${safe(problem?.message ?? '', 2000)}\n${pinned}`
  }
  const part = withheld === 0 ? 'the whole ledger' : `${withheld} more stand as hashes`
  return `${paint(io, ['green', 'bold'], 'VERIFIED')} ${safe(path)}
  lines     ${lines} of tenant ${safe(report.tenant ?? '')}, ${part}; ${signedByHost} signed by their host${signedByService > 0 ? `, ${signedByService} by their service` : ''}${notCovered > 0 ? `, ${notCovered} without its head here` : ''}${stubs > 0 ? `, ${stubs} quarantine stubs` : ''}${replayed > 0 ? `, ${replayed} replayed` : ''}${unverified > 0 ? `, ${unverified} UNVERIFIED` : ''}
  size      ${counted(report.size, 'leaf', 'leaves')}, under root ledger size ${report.rootSize}
  signed by ${signers.map((name) => safe(name)).join(', ')}${countersigned === undefined ? "; NOT countersigned by the deployment's signer" : `; countersigned ${safe(countersigned.time)}`}
${witnessLine(report)}${extendsLine(since)}${pinned}`
}

function witnessLine({ witnesses }: BundleReport): string {
  if (witnesses === undefined) return ''
  const cosigned = witnesses.cosigned.map(({ name, time }) => `${safe(name)} ${time.slice(0, 19)}Z`).join(', ')
  const missing =
    witnesses.missing.length === 0 ? '' : `; not by ${witnesses.missing.map((name) => safe(name)).join(', ')}`
  return `  witnesses ${cosigned === '' ? 'none' : cosigned}${missing}\n`
}
