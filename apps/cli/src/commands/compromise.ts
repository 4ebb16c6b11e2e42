// SPDX-License-Identifier: Apache-2.0

import { writeFileSync } from 'node:fs'
import type { Json } from '@sealwatch/base'
import type { ApiClient, Operations } from '@sealwatch/contract/api'
import { verifyEd25519, verifyRsa } from '@sealwatch/keys'
import {
  checkFindings,
  createHostKeyExamination,
  createKeyExamination,
  entriesIn,
  type HostKeyFindings,
  type KeyFindings,
  type KeyReport,
  logKeyVerifier,
  openKeyReport,
  parseVkey,
  sha256,
  type VerifiedKeyReport,
  verifyBundle,
} from '@sealwatch/ledger'
import { apiOptions, withApi } from '../api.ts'
import { withBundle } from '../audit/bundle-file.ts'
import { trustOf } from '../audit/trust.ts'
import { type Context, command, exit, form, text } from '../command.ts'
import { cliError, fileError } from '../errors.ts'
import { signerOptions } from '../manifest/signer.ts'
import { beginRotation } from '../rotation/begin.ts'
import { reportText } from '../rotation/key-report.ts'
import { nextOf } from '../rotation/next.ts'
import { readSmallFile } from '../small-file.ts'
import { bar, columns, counted, progressLine, safe, safeJson, toSecond } from '../terminal.ts'

type Made = Operations['getKeyReport']['answer']

const pollMs = 200
const fileBytesMax = 256 * 1024
const usage = (attempted: string, advice: string) => cliError('CLI_USAGE', { attempted, advice })
const output = text({ takes: 'FILE', short: 'o', help: 'Write report and signature there, for `compromise verify`' })

export const compromise = command({
  name: 'compromise',
  summary: 'A key of a service or a host is in other hands: revoke it, replace it, and find what it signed',
  about: `In this order, each unless it is done already: the key is revoked, which counts at once; with --replacement another one is
registered, tested and staged, and counts as \`rotate promote\` says; all that the key ever signed is verified again, and a signed
report says which leaves are sound and which are suspect. It stands in the ledger. Do it again after whatever went wrong.
The exit code is 1 where something is suspect or invalid. The service keeps what it cannot send: nothing is lost meanwhile.
A host is revoked with its key, and enrols anew. What it sent of itself stands in the ledger of the cluster: --tenant cluster.`,
  operands: [{ name: 'KEY', required: true }],
  options: {
    ...apiOptions,
    ...signerOptions,
    cause: text({ takes: 'TEXT', help: 'Why, for the ledger; name nobody' }),
    since: form({
      takes: 'TIME',
      help: 'From then on somebody else may have signed with it',
      form: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/,
      mustBe: 'a time like 2026-11-22T12:00:00Z',
    }),
    replacement: text({ takes: 'ID', help: 'Id of the key in its place, whose private half --key-file names' }),
    output,
  },
  examples: [
    'sudo ./sealwatch compromise billing-2026-11 --cause leaked --since 2026-11-20T00:00:00Z -o report.json',
    'sudo ./sealwatch compromise billing-2026-11 --cause leaked --replacement billing-2026-12 --key-file billing-2026-12.pem',
  ],
  run: async (given, [keyId = ''], context) => {
    const { cause, since, replacement, output: path, 'key-file': keyFile, ...at } = given
    const { io, place } = context
    const attempted = `dealing with the key ${keyId}`
    const note = (told: string) => io.err(`${safe(told, 400)}\n`)
    const made = await withApi({ ...at, io, place }, attempted, async (api) => {
      const key = await api.call('getSigningKey', { params: { key_id: keyId } })
      if (replacement !== undefined && key.producer_kind === 'host')
        throw usage(attempted, 'A host gets another key as it enrols anew: leave --replacement out')
      if (key.revoked_at === null) {
        if (cause === undefined)
          throw cliError('CLI_WHY', { attempted, advice: 'Say why: --cause "found in an image"' })
        const body = { cause, ...(since !== undefined && { compromised_since: since }) }
        await revoke(api, key, body)
        note(`${keyId} is revoked: what is signed with it now is quarantined`)
      } else note(`${keyId} was revoked at ${toSecond(key.revoked_at)}${sinceThen(key.compromised_since, since)}`)
      if (replacement !== undefined) {
        const { producer } = key
        const next = await beginRotation(api, { producer, keyId: replacement, keyFile }, io, note)
        if (next.state === 'staged') note(`Switch over: ${nextOf('promote', next, at.tenant)}`)
      }
      await examine(api, keyId, context)
      return api.call('getKeyReport', { params: { key_id: keyId } })
    })
    return tell(made, path, context)
  },
})

/** A revocation is for good, with what it says: whoever gives another time must not read the report as one of that. */
function sinceThen(stands: string | null, given: string | undefined): string {
  if (given === undefined || (stands !== null && Date.parse(stands) === Date.parse(given))) return ''
  return `, and ${stands === null ? 'nobody said since when it was compromised' : `compromised since ${toSecond(stands)}`}: that stays, and --since is not taken`
}

async function revoke(
  api: ApiClient,
  { key_id, producer, producer_kind }: Operations['getSigningKey']['answer'],
  body: { readonly cause: string; readonly compromised_since?: string },
): Promise<void> {
  if (producer_kind === 'host') await api.call('revokeHost', { params: { host_id: producer }, body })
  else await api.call('revokeSigningKey', { params: { key_id }, body })
}

async function examine(api: ApiClient, key_id: string, { io }: Context): Promise<void> {
  const params = { key_id }
  const progress = progressLine(io)
  try {
    await api.call('examineSigningKey', { params })
    for (;;) {
      const { state, leaf, size, detail } = await api.call('getKeyExamination', { params })
      if (state === 'done') return
      if (state === 'failed' || state === 'none')
        throw cliError('CLI_SERVER_FAILED', { attempted: `examining ${key_id}`, received: detail ?? 'it ended' })
      progress.show(`${bar(leaf, size)} ${leaf} of ${counted(size, 'leaf', 'leaves')}`)
      await io.clock.sleep(pollMs, io.stop)
      io.stop.throwIfAborted()
    }
  } finally {
    progress.end()
  }
}

function tell(made: Made, path: string | undefined, { io, json }: Context): number {
  const report = JSON.parse(made.text) as KeyReport
  if (path !== undefined)
    try {
      writeFileSync(path, `${JSON.stringify({ report: made.text, envelope: made.envelope })}\n`, { flag: 'wx' })
    } catch (cause) {
      throw fileError(path, cause)
    }
  io.out(json ? `${safeJson({ id: made.id, made_at: made.made_at, report })}\n` : reportText(report))
  return entriesIn(report.counts.suspect) + entriesIn(report.counts.invalid) > 0 ? exit.finding : exit.ok
}

export const compromiseShow = command({
  name: 'compromise show',
  summary: 'The newest report of what a key ever signed',
  operands: [{ name: 'KEY', required: true }],
  options: { ...apiOptions, output },
  examples: ['sudo ./sealwatch compromise show billing-2026-11 -o report.json'],
  run: async ({ output: path, ...at }, [key_id = ''], context) => {
    const made = await withApi({ ...at, ...context }, 'reading a report', (api) =>
      api.call('getKeyReport', { params: { key_id } }),
    )
    return tell(made, path, context)
  },
})

export const compromiseVerify = command({
  name: 'compromise verify',
  summary: 'Verify a report in a file, without a server',
  about: `FILE is what -o wrote. Trust comes from --trust, else from trust.json in the data directory. With --bundle, an export of all lines that
is at least as new as the report, everything is counted again, and must be what the report says. The exit code is 1 where it does
not verify.`,
  operands: [{ name: 'FILE', required: true }],
  options: {
    bundle: text({ takes: 'FILE', help: 'Of `audit export --all`: count again what the ledger holds' }),
    trust: text({ takes: 'KEY,…|FILE', help: 'Verifier keys (name+hash+base64), a file of them, or a trust.json' }),
  },
  examples: ['./sealwatch compromise verify report.json --bundle all.bundle --trust trust.json'],
  run: async ({ bundle, trust }, [file = ''], context) => {
    const { io, place, json } = context
    const attempted = `verifying ${file}`
    const { vkeys, source } = await trustOf(trust, place)
    if (vkeys.length === 0) throw usage(attempted, 'Say whom you trust: --trust trust.json')
    const keys = vkeys.map((vkey) => parseVkey(sha256, vkey))
    const verified = openKeyReport(
      sha256,
      fileOf(file),
      keys.map((key) => logKeyVerifier(sha256, verifyEd25519, key)),
      keys.map(({ name }) => name),
      attempted,
    )
    if (bundle !== undefined) checkFindings(verified, await recount(verified, bundle, vkeys, context), attempted)
    const { statement, report, signers } = verified
    const told = bundle === undefined ? 'not: give --bundle' : 'counted again, and the same'
    if (json) io.out(`${safeJson({ ok: true, statement, report, signers, recounted: bundle !== undefined })}\n`)
    else
      io.out(
        `VERIFIED ${safe(file)}\n${columns([
          ['signed', `at ${toSecond(statement.time)} for ${safe(statement.by)}`],
          ['leaves', told],
          ['trust', `pinned by ${safe(source)}`],
        ])}\n${reportText(report)}`,
      )
    return exit.ok
  },
})

/** From a bundle that verifies, and shows every leaf that the report is about. */
async function recount(
  { report }: VerifiedKeyReport,
  path: string,
  trust: readonly string[],
  { io }: Context,
): Promise<KeyFindings | HostKeyFindings> {
  const attempted = `counting again in ${path}`
  const checks = { sha256, verify: verifyEd25519, verifyRsa, key: report }
  const examination = report.v === 1 ? createKeyExamination(checks) : createHostKeyExamination(checks)
  const since = { origin: report.ledger, size: report.size, root: Uint8Array.fromHex(report.root) }
  let shown = 0
  const checked = await withBundle(path, io, (chunks) =>
    verifyBundle(chunks, {
      ...{ sha256, verify: verifyEd25519, verifyRsa, trust, since },
      onLine: (_line, leaf, parsed) => {
        if (leaf >= report.size) return
        shown += 1
        examination.take(parsed, leaf, attempted)
      },
    }),
  )
  const isWhole = checked.ok && checked.tenant === report.tenant && checked.origin === report.ledger
  if (isWhole && shown === report.size) return examination.findings(shown)
  const received = checked.problem?.message ?? `${shown} of ${report.size} leaves of ${checked.origin}`
  throw cliError('CLI_NOT_EVIDENCE', { attempted, received })
}

function fileOf(path: string): { readonly envelope: Json; readonly text: string } {
  const attempted = `reading ${path}`
  let held: string
  try {
    held = readSmallFile(path, fileBytesMax)
  } catch (cause) {
    throw fileError(path, cause, 'reading')
  }
  try {
    const { report, envelope } = JSON.parse(held) as { report: unknown; envelope: Json }
    if (typeof report === 'string') return { envelope, text: report }
  } catch {
    // As below.
  }
  throw usage(attempted, 'Write it anew: ./sealwatch compromise show KEY -o FILE')
}
