// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, type Json, type SealwatchError } from '@sealwatch/base'
import type { ApiClient, Operations } from '@sealwatch/contract/api'
import { verifyEd25519 } from '@sealwatch/keys'
import {
  type DrillName,
  drillNames,
  logKeyVerifier,
  openDrillReport,
  parseVkey,
  readDrillReport,
  sha256,
} from '@sealwatch/ledger'
import { type ApiPlace, apiOptions, withApi } from '../api.ts'
import { signerKeyOf } from '../audit/signer-key.ts'
import { trustOf } from '../audit/trust.ts'
import { command, exit, text } from '../command.ts'
import { filesOf, putNew, verifyCommand } from '../drill/files.ts'
import { pictureOf } from '../drill/key-theft/picture.ts'
import { pageOf } from '../drill/page.ts'
import { cliError, exitCodeOf, fileError } from '../errors.ts'
import { fileOf } from '../place.ts'
import { readSmallFile } from '../small-file.ts'
import { columns, safe, safeJson, toSecond } from '../terminal.ts'

const reportBytesMax = 4 * 1024 * 1024
/** Where they run by themselves: those of rows in a tenant of their own, key-theft in the one of the host. */
const tenantsOfDrills = ['drill', 'default'] as const
const tenantOption = {
  ...apiOptions.tenant,
  help: 'Tenant that the drills were run in (default: drill and default; with --server the one of the token)',
}
/** ING-7: they are rehearsed quarterly. */
const dueMs = 92 * 86_400_000

const about: Readonly<Record<DrillName, string>> = {
  'strict-signature': 'a producer rotates its key before the server knows the new one',
  'key-compromise': 'the key of a producer leaks, and somebody else signs with it',
  'key-theft': 'somebody reaches for the keys in the memory of a service, in a dozen ways',
}
type Run = Operations['listDrills']['answer']['items'][number]

/** What each tenant that is meant answers; a tenant that nobody has made yet, or that does not know the drill, answers nothing. */
async function inTenants<T>({ tenant, ...at }: ApiPlace, attempted: string, call: (api: ApiClient) => Promise<T>) {
  const meant = tenant !== undefined ? [tenant] : at.server === undefined ? tenantsOfDrills : [undefined]
  const answers: { readonly tenant: string | undefined; readonly answer: T }[] = []
  for (const one of meant)
    try {
      answers.push({ tenant: one, answer: await withApi({ ...at, tenant: one }, attempted, call) })
    } catch (error) {
      if (!isSealwatchError(error, 'TENANT_UNKNOWN') && !isSealwatchError(error, 'DRILL_UNKNOWN')) throw error
    }
  return answers
}

export const drillList = command({
  name: 'drill list',
  summary: 'The drills there are, when each was passed last, and what became of those that were run',
  about: 'Each is due once a quarter, and after each upgrade.',
  options: { ...apiOptions, tenant: tenantOption },
  examples: ['sudo ./sealwatch drill list', 'sudo ./sealwatch drill list --json'],
  run: async ({ server, tenant }, _operands, { io, place, json }) => {
    const found = await inTenants({ io, place, server, tenant }, 'listing drills', (api) => api.call('listDrills'))
    const items = found
      .flatMap(({ tenant: of, answer }) => answer.items.map((one: Run) => ({ ...one, tenant: of })))
      .toSorted((a, b) => b.begun_at.localeCompare(a.begun_at))
    const drills = drillNames.map((name) => {
      const passed = items.find(({ drill, outcome }) => drill === name && outcome === 'passed')?.ended_at ?? null
      return { drill: name, about: about[name], passed_at: passed, due: isDue(passed, io.clock.nowMs()) }
    })
    if (json) io.out(`${safeJson({ drills, runs: items })}\n`)
    else {
      const rows = drills.map((one) => [
        one.drill,
        one.passed_at === null ? 'never passed here' : `passed ${toSecond(one.passed_at)}`,
        one.due ? 'due' : '',
        one.about,
      ])
      io.out(columns(rows))
      if (items.length > 0)
        io.out(
          `\n${columns([
            ['RUN', 'DRILL', 'TENANT', 'BEGUN', 'BY', 'OUTCOME'],
            ...items.map(({ run, drill, tenant: of, begun_at, begun_by, outcome }) => [
              run,
              safe(drill),
              safe(of ?? '-'),
              toSecond(begun_at),
              safe(begun_by),
              outcome ?? 'running',
            ]),
          ])}`,
        )
    }
    return exit.ok
  },
})

const isDue = (passedAt: string | null, nowMs: number) => passedAt === null || nowMs - Date.parse(passedAt) > dueMs

export const drillShow = command({
  name: 'drill show',
  summary: 'Write the signed report of a drill that was run, as the server has kept it',
  operands: [{ name: 'RUN', required: true }],
  options: {
    ...apiOptions,
    tenant: tenantOption,
    output: text({ takes: 'NAME', short: 'o', help: 'Write NAME.json and NAME.html (default: drill-RUN)' }),
  },
  examples: ['sudo ./sealwatch drill show 0b8f3c52-7a0e-4d0f-9a39-1d2f6f6f8a10 -o last-drill'],
  run: async ({ server, tenant, output }, [run = ''], { io, place, json }) => {
    const attempted = 'reading a drill'
    if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(run))
      throw cliError('CLI_USAGE', { attempted, received: run, advice: 'Give its id: sudo ./sealwatch drill list' })
    const [known] = await inTenants({ io, place, server, tenant }, attempted, (api) =>
      api.call('getDrill', { params: { run } }),
    )
    if (known === undefined)
      throw cliError('CLI_NOT_FOUND', {
        attempted,
        received: run,
        advice: 'See those there are: sudo ./sealwatch drill list',
      })
    const kept = known.answer
    const { report, envelope } = kept
    const stem = output ?? `drill-${run}`
    if (report !== null && envelope !== null) {
      const files = filesOf(stem)
      await putNew(files.report, `${JSON.stringify({ report, envelope })}\n`, io)
      const verify = verifyCommand(files.report, fileOf.trust(place))
      await putNew(files.page, pageOf(readDrillReport(report, attempted), verify), io)
    }
    if (json) io.out(`${safeJson(kept)}\n`)
    else if (report === null) io.out(`Of this drill no report is kept: ${kept.run.outcome ?? 'it is not over'}.\n`)
    else io.out(`The drill ${kept.run.outcome}: ${safe(stem)}.json, and to read: ${safe(stem)}.html\n`)
    return exit.ok
  },
})

export const drillVerify = command({
  name: 'drill verify',
  summary: 'Verify the report of a drill in a file, without a server',
  about: `Checks that a key which you trust has signed it, and that nothing of it was altered. Trust comes from --trust, else from
trust.json in the data directory. The exit code is 1 where it does not verify, and where the drill it reports has failed.`,
  operands: [{ name: 'REPORT', required: true }],
  options: {
    trust: text({ takes: 'KEY,…|FILE', help: 'Verifier keys (name+hash+base64), a file of them, or a trust.json' }),
    'signer-key': text({ takes: 'FILE', help: "Public key of the deployment's signer, in PEM" }),
    page: text({ takes: 'FILE', help: 'Draw the page to read anew, from what was verified' }),
    picture: text({ takes: 'FILE', help: 'Of key-theft: draw it as it was seen on a terminal, as SVG' }),
  },
  examples: ['./sealwatch drill verify drill-strict-signature-2026-11-22T04-00-00.json --trust trust.json'],
  run: async ({ trust: given, 'signer-key': signerKey, page, picture }, [path = ''], { io, place, json }) => {
    const attempted = `verifying ${path}`
    const pinned = await trustOf(given, place)
    const signer = signerKeyOf(signerKey)
    const judges = pinned.vkeys.map((vkey) => logKeyVerifier(sha256, verifyEd25519, parseVkey(sha256, vkey)))
    if (signer !== undefined) judges.push(signer)
    if (judges.length === 0)
      throw cliError('CLI_TRUST', { attempted, received: 'no key', advice: 'Name the key that you trust: --trust' })
    const file = fileAt(path)
    const text = typeof file?.report === 'string' ? file.report : ''
    const opened = openDrillReport(sha256, { envelope: file?.envelope, report: text }, judges, attempted)
    const { statement, statementDigest, report, signers } = opened
    if (picture !== undefined && report.drill !== 'key-theft')
      throw cliError('CLI_USAGE', { attempted, received: `--picture of ${report.drill}`, advice: 'Give --page FILE' })
    const drawing =
      page === undefined ? undefined : putNew(page, pageOf(report, verifyCommand(path, given ?? pinned.source)), io)
    if (picture !== undefined && report.drill === 'key-theft') await putNew(picture, pictureOf(report), io)
    // What is verified is said, also where the page has no place.
    const undrawn = await drawing?.then(
      () => undefined,
      (error: SealwatchError) => error,
    )
    const said = { verified: true, statement, statement_digest: statementDigest, signers }
    if (json) io.out(`${safeJson({ ...said, ...(undrawn && { page_error: undrawn.toJSON() }) })}\n`)
    else
      io.out(
        `VERIFIED ${safe(path)}\nThe drill ${safe(statement.drill)} in ${safe(statement.tenant)} of ${safe(statement.origin)} ` +
          `${statement.outcome}; ${safe(statement.by)} reported it at ${safe(statement.time)}.\n` +
          `Signed by ${signers.map((one) => safe(one)).join(', ')}; the ledger of ${safe(statement.tenant)} names it by ${statementDigest}.\n`,
      )
    if (undrawn !== undefined && !json) throw undrawn
    if (undrawn !== undefined) return exitCodeOf(undrawn)
    return statement.outcome === 'passed' ? exit.ok : exit.finding
  },
})

function fileAt(path: string): { readonly report?: unknown; readonly envelope?: Json } | null {
  const attempted = `reading ${path}`
  let text: string
  try {
    text = readSmallFile(path, reportBytesMax)
  } catch (cause) {
    throw fileError(path, cause, 'reading')
  }
  try {
    return JSON.parse(text) as ReturnType<typeof fileAt>
  } catch (cause) {
    const received = text.trimStart().startsWith('<') ? 'a page to read' : 'a file that is no JSON'
    throw cliError('CLI_DRILL_FILE', { attempted, received, cause })
  }
}
