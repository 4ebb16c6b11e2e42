// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf, type SealwatchError } from '@sealwatch/base/errors'
import { canonicalize, type Json, type JsonObject, parseCanonical } from '@sealwatch/base/json'
import { parseRfc3339 } from '@sealwatch/base/time'
import type { DsseVerifier } from '@sealwatch/keys/dsse'
import type { HostKeyCount, HostKeyFindings } from './host-key-examination.ts'
import type { KeyCount, KeyFindings } from './key-examination.ts'
import type { ExaminedKey } from './key-findings.ts'
import type { Sha256 } from './merkle.ts'
import { openPayload } from './signed-payload.ts'

export const keyReportErrors = {
  KEY_REPORT_MALFORMED: {
    kind: 'invalid',
    rule: 'a report of a key and the statement about it have exactly the members of docs/formats/key-report.md, 1, 3 and 5',
    advice: 'Write it to a file again: `sealwatch compromise show KEY -o FILE`',
  },
  KEY_REPORT_UNVERIFIED: {
    kind: 'unverified',
    rule: 'a key that is trusted has signed the digest of the report, and what the ledger holds is what it says (key-report.md, 4)',
    advice: 'Compare the trusted key and the bundle with copies from elsewhere; what stays unverified was altered',
  },
} as const satisfies ErrorTable
const keyReportError = errorsOf(keyReportErrors)

export const keyReportType = 'application/vnd.sealwatch.key-report.v1+json'

type ReportOf<Findings> = ExaminedKey &
  Findings & {
    readonly algorithm: 'ed25519' | 'rsa-sha256'
    /** Hex, as the registry has it. */
    readonly public_key: string
    /** Of the tenant's ledger. */
    readonly ledger: string
    /** Root of the ledger at `size`, hex. */
    readonly root: string
    readonly tenant: string
  }
export type ServiceKeyReport = ReportOf<KeyFindings> & { readonly v: 1 }
export type HostKeyReport = ReportOf<HostKeyFindings> & { readonly producer_kind: 'host'; readonly v: 2 }
/** What was found of a key that somebody else may have had. */
export type KeyReport = ServiceKeyReport | HostKeyReport

/** The report is named by its digest: signers take 4,096 bytes at most. */
export type KeyReportStatement = {
  /** `kind:id` of whoever asked for it. */
  readonly by: string
  readonly digest: string
  readonly key_id: string
  /** Of the deployment's root ledger. */
  readonly origin: string
  readonly producer: string
  readonly tenant: string
  /** RFC 3339 in UTC. */
  readonly time: string
  readonly v: 1
}

declare const verified: unique symbol
/** A report that a trusted key has signed. Only `openKeyReport` makes one. */
export type VerifiedKeyReport = {
  readonly report: KeyReport
  readonly statement: KeyReportStatement
  readonly signers: readonly string[]
  readonly [verified]: true
}

const members = ['by', 'digest', 'key_id', 'origin', 'producer', 'tenant', 'time', 'v']
const reportMembers = [
  'algorithm',
  'compromised_since',
  'counts',
  'key_id',
  'ledger',
  'listing',
  'producer',
  'public_key',
  'ranges',
  'revoked_at',
  'root',
  'size',
  'tenant',
  'v',
]
const hostReportMembers = [...reportMembers, 'producer_kind'].sort()

/** Throws unless one of `trusted` has signed the statement, it is of one of the deployments `origins`, and the text is its report. */
export function openKeyReport(
  sha256: Sha256,
  { envelope, text }: { readonly envelope: Json | undefined; readonly text: string },
  trusted: readonly DsseVerifier[],
  origins: readonly string[],
  attempted: string,
): VerifiedKeyReport {
  const unverified = (received: string | undefined, cause?: SealwatchError) =>
    keyReportError('KEY_REPORT_UNVERIFIED', { attempted, received, cause })
  const malformed = (received: string | undefined) => keyReportError('KEY_REPORT_MALFORMED', { attempted, received })
  const form = { type: keyReportType, members, attempted, unverified, malformed }
  const { fields, signers } = openPayload(envelope, form, trusted)
  const isFormed =
    members.every((name) => name === 'v' || typeof fields[name] === 'string') &&
    parseRfc3339(String(fields.time)) !== undefined
  if (!isFormed) throw malformed(JSON.stringify(fields))
  const statement = fields as unknown as KeyReportStatement
  if (!origins.includes(statement.origin))
    throw unverified(`a report of ${statement.origin}, where one of ${origins.join(', ')} was due`)
  const digest = sha256(new TextEncoder().encode(text)).toHex()
  if (digest !== statement.digest)
    throw unverified(`a report whose digest is ${digest}, where ${statement.digest} was signed`)
  const report = parseCanonical(text, attempted)
  if (!isReport(report)) throw malformed('a report of other members')
  const { tenant, producer, key_id } = report
  if (tenant !== statement.tenant || producer !== statement.producer || key_id !== statement.key_id)
    throw unverified('a report of another key than the statement names')
  return { report, statement, signers } as VerifiedKeyReport
}

function isReport(value: Json): value is JsonObject & KeyReport {
  if (typeof value !== 'object' || value === null || !('v' in value)) return false
  const names = Object.keys(value).sort().join()
  if (value.v === 1) return names === reportMembers.join()
  return value.v === 2 && value.producer_kind === 'host' && names === hostReportMembers.join()
}

/** Rows of services, or lines of hosts. */
export const entriesIn = (count: KeyCount | HostKeyCount): number => ('rows' in count ? count.rows : count.lines)

/** Throws KEY_REPORT_UNVERIFIED unless this was found in the ledger, too. */
export function checkFindings(
  { report }: VerifiedKeyReport,
  found: KeyFindings | HostKeyFindings,
  attempted: string,
): void {
  const said = ({ size, counts, listing, ranges }: KeyFindings | HostKeyFindings) =>
    canonicalize({ counts, listing, ranges, size })
  if (said(found) === said(report)) return
  const received = `${found.listing} over ${found.size} leaves, where ${report.listing} over ${report.size} is reported, or other counts or ranges than these lead to`
  throw keyReportError('KEY_REPORT_UNVERIFIED', { attempted, received })
}
