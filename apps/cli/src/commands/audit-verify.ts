// SPDX-License-Identifier: Apache-2.0

import { open } from 'node:fs/promises'
import { verifyEd25519 } from '@sealwatch/keys'
import { type BundleReport, sha256, verifyBundle } from '@sealwatch/ledger'
import { trustOf } from '../audit/trust.ts'
import { command, exit, text } from '../command.ts'
import { cliError } from '../errors.ts'
import type { Io } from '../io.ts'
import { paint, progressLine, safe, safeJson } from '../terminal.ts'

export const auditVerify = command({
  name: 'audit verify',
  summary: 'Verify a bundle offline, from public keys alone',
  about: `Checks every hash, chain, host signature and checkpoint, and names the first line that is wrong. Needs neither
root nor a running server. Trust comes from --trust, else from trust.json in the data directory; else the bundle
vouches for itself, which shows only that nobody without its keys has changed it.`,
  operands: [{ name: 'FILE', required: true }],
  options: {
    trust: text({ takes: 'KEY,…|FILE', help: 'Verifier keys (name+hash+base64), a file of them, or a trust.json' }),
  },
  examples: [
    './sealwatch audit verify trail.bundle',
    './sealwatch audit verify trail.bundle --trust trust.json --json',
  ],
  run: async ({ trust }, [path = ''], { io, place, json }) => {
    const { vkeys, source } = await trustOf(trust, place)
    const report = await verifyFile(path, vkeys, io)
    if (json) io.out(`${safeJson({ ...report, trustSource: vkeys.length > 0 ? source : null })}\n`)
    else io.out(renderReport(report, path, source, io))
    return report.ok ? exit.ok : exit.finding
  },
})

async function verifyFile(path: string, trust: readonly string[], io: Io): Promise<BundleReport> {
  const attempted = `reading the bundle ${path}`
  const progress = progressLine(io)
  try {
    await using file = await open(path)
    const { size } = await file.stat()
    let done = 0
    let shownMs = 0
    const onBytes = (bytes: number) => {
      done += bytes
      const nowMs = io.clock.nowMs()
      if (nowMs - shownMs < 100) return
      shownMs = nowMs
      progress.show(`verifying ${Math.floor((100 * done) / Math.max(size, 1))} %`)
    }
    return await verifyBundle(file.createReadStream(), { sha256, verify: verifyEd25519, trust, onBytes })
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === undefined) throw cause
    throw cliError('CLI_FILE', { attempted, received: code, cause })
  } finally {
    progress.end()
  }
}

export function renderReport(report: BundleReport, path: string, source: string, io: Io): string {
  const { ok, problem, lines, withheld, signedByHost, notCovered, stubs, signers } = report
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
  lines     ${lines} of tenant ${safe(report.tenant ?? '')}, ${part}; ${signedByHost} signed by their host${notCovered > 0 ? `, ${notCovered} without its head here` : ''}${stubs > 0 ? `, ${stubs} quarantine stubs` : ''}
  size      ${report.size} leaves, under root ledger size ${report.rootSize}
  signed by ${signers.map((name) => safe(name)).join(', ')}
${pinned}`
}
