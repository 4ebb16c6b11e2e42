// SPDX-License-Identifier: Apache-2.0

import type { SealwatchError } from '@sealwatch/base/errors'
import { jsonErrors } from '@sealwatch/base/json'
import { dsseErrors } from '@sealwatch/keys/dsse'
import type { BundleReport, KeyRecord } from '@sealwatch/ledger/verify'
import {
  bundleErrors,
  chainErrors,
  delegationErrors,
  lineErrors,
  merkleErrors,
  noteErrors,
  personalErrors,
} from '@sealwatch/ledger/verify'
import type { Shown } from './evidence.ts'

/**
 * `proven`: by keys the reader brought. `intact`: whole, but vouched for by nobody the reader named, or not judged.
 */
export type Tone = 'proven' | 'intact' | 'failed'

/** What the page says, in full sentences, and nothing beyond what was checked. */
export type Verdict = {
  readonly tone: Tone
  readonly title: string
  readonly summary: string
  readonly proven: readonly string[]
  readonly notProven: readonly string[]
  readonly facts: readonly Fact[]
  readonly problem: Problem | undefined
}
export type Fact = { readonly name: string; readonly value: string; readonly detail?: string }
export type Problem = {
  readonly code: string
  readonly rule: string
  readonly advice: string
  readonly message: string
  /** "line 8 of the file, leaf 4 of the ledger". */
  readonly where: string
  readonly fileLine: number
}

const errorTable = {
  ...bundleErrors,
  ...chainErrors,
  ...delegationErrors,
  ...dsseErrors,
  ...lineErrors,
  ...merkleErrors,
  ...noteErrors,
  ...personalErrors,
  ...jsonErrors,
} as Readonly<Record<string, { readonly rule: string; readonly advice: string }>>

const count = (n: number, one: string, many = `${one}s`) => `${n.toLocaleString('en-GB')} ${n === 1 ? one : many}`

type Seen = Pick<Shown, 'span' | 'gaps'>

export function verdictOf(report: BundleReport, shown: Seen | undefined): Verdict {
  if (!report.ok || shown === undefined) return failed(report)
  const isPinned = report.trust === 'pinned'
  return {
    tone: isPinned ? 'proven' : 'intact',
    title: isPinned ? 'Verified' : 'Unchanged, but vouched for only by itself',
    summary: isPinned
      ? `${extent(report)}, exactly as sealed, vouched for by a key you named.`
      : `Nothing in this file was changed since it was signed. But the only keys it was checked against came with the file: anyone can make such a file. Name the keys you trust to know who signed it.`,
    proven: provenBy(report),
    notProven: notProvenBy(report),
    facts: factsOf(report, shown),
    problem: undefined,
  }
}

function failed(report: BundleReport): Verdict {
  const { problem } = report
  const row = errorTable[problem?.code ?? '']
  const where = [
    `line ${problem?.fileLine} of the file`,
    ...(problem?.leaf === undefined ? [] : [`leaf ${problem.leaf} of the ledger`]),
    ...(problem?.seq === undefined ? [] : [`number ${problem.seq} of chain ${problem.chain}`]),
  ].join(', ')
  return {
    tone: 'failed',
    title: 'Not verified',
    summary: failures[problem?.code ?? ''] ?? 'This file is not what was signed. Nothing in it may be relied on.',
    proven: [],
    notProven: [],
    facts: [],
    problem: {
      code: problem?.code ?? 'UNKNOWN',
      rule: row?.rule ?? '',
      advice: problem?.code === 'BUNDLE_UNTRUSTED' ? untrustedAdvice : (row?.advice ?? ''),
      message: problem?.message ?? '',
      where,
      fileLine: problem?.fileLine ?? 0,
    },
  }
}

/** What could not even be read as a bundle: nothing is said of what is in it. */
export function unreadVerdict({ code, rule, advice, message }: SealwatchError): Verdict {
  const isOtherwise = code === 'FILE_COMPRESSED'
  return {
    tone: isOtherwise ? 'intact' : 'failed',
    title: isOtherwise ? 'This file is compressed' : 'Not verified',
    summary: isOtherwise
      ? 'It was not judged. Unpack it first, then drop what comes out.'
      : 'This archive does not end where it should: it was cut off, or something was added to it.',
    proven: [],
    notProven: [],
    facts: [],
    problem: { code, rule, advice, message, where: 'the file itself', fileLine: 0 },
  }
}

const failures: Readonly<Record<string, string>> = {
  BUNDLE_UNTRUSTED: 'No key that you trust vouches for this file. Nothing in it is proven.',
  BUNDLE_UNWITNESSED: 'Too few of the witnesses you named have seen this ledger: others may be shown another one.',
}

const untrustedAdvice =
  'Check that the keys above are those of this deployment, taken from its owner: `sealwatch status` shows them there'

const extent = ({ lines, size, complete, tenant }: BundleReport) =>
  complete
    ? `All ${count(size, 'line')} of the ledger of tenant “${tenant}”`
    : `${lines.toLocaleString('en-GB')} of ${count(size, 'line')} of the ledger of tenant “${tenant}”`

function provenBy(report: BundleReport): string[] {
  const saw = report.witnesses?.cosigned.map(({ name }) => name) ?? []
  const { lines, complete, size, withheld, signedByHost, signedByService, stubs } = report
  const { replayed, unverified, revealed, countersigned } = report
  return [
    `Each of the ${count(lines, 'shown line')} is, byte for byte, what stands at its place in the signed ledger.`,
    complete
      ? `Nothing is left out: the file holds the ledger from its first line to line ${size - 1}, without a gap.`
      : `${count(withheld, 'line')} withheld ${withheld === 1 ? 'stands' : 'stand'} as hashes, at a known place: nothing was cut out unseen.`,
    'The root ledger of the deployment holds this ledger, at this size.',
    ...(countersigned === undefined
      ? []
      : [`The deployment’s signer had seen that root ledger by ${timeWords(countersigned.time)}, by its own clock.`]),
    ...(saw.length > 0 ? [`${listOf(saw)} saw the same root ledger, and no other.`] : []),
    ...(signedByHost > 0
      ? [
          `${count(signedByHost, 'line')} of hosts ${signedByHost === 1 ? 'is' : 'are'} signed by the host that sealed ${signedByHost === 1 ? 'it' : 'them'}.`,
        ]
      : []),
    ...(signedByService > 0
      ? [
          `${count(signedByService, 'row')} of services ${signedByService === 1 ? 'is' : 'are'} signed by a key that was registered for the service, and counted when ${signedByService === 1 ? 'it' : 'they'} came.`,
        ]
      : []),
    ...(stubs > 0
      ? [`${count(stubs, 'batch', 'batches')} not admitted ${stubs === 1 ? 'has' : 'have'} a place and a reason.`]
      : []),
    ...(replayed > unverified
      ? [`${count(replayed - unverified, 'line')} of them came in later, with a signature that holds.`]
      : []),
    ...(revealed > 0
      ? [
          `The personal values of ${count(revealed, 'line')} are those that were committed to when ${revealed === 1 ? 'it was' : 'they were'} sealed.`,
        ]
      : []),
  ]
}

function notProvenBy(report: BundleReport): string[] {
  const { notCovered, trust, unverified } = report
  const { cosigned = [], missing = [] } = report.witnesses ?? {}
  return [
    ...(trust === 'self-asserted' ? ['Who signed this: no key of yours was compared.'] : []),
    'That what a line says really happened: a host seals what it saw, and whoever owns it while it seals decides what that is.',
    ...(notCovered > 0
      ? [
          `That ${count(notCovered, 'shown line')} came from their host or service: the signature that covers ${notCovered === 1 ? 'it' : 'them'} is not in this file.`,
        ]
      : []),
    ...(unverified > 0
      ? [
          `Who made ${count(unverified, 'line')}: ${unverified === 1 ? 'it was' : 'they were'} admitted without a signature that holds, and the line before ${unverified === 1 ? 'it' : 'them'} says why.`,
        ]
      : []),
    ...(missing.length > 0 ? [`That ${listOf(missing)} saw this root ledger: no cosignature is here.`] : []),
    ...(cosigned.length === 0
      ? ['That everybody was shown the same ledger: only witnesses of the root ledger can say so.']
      : []),
  ]
}

const listOf = (names: readonly string[]) => new Intl.ListFormat('en-GB').format(names)

function factsOf(report: BundleReport, { span, gaps }: Seen): Fact[] {
  const { complete, size, lines, withheld, stubs, rootSize, signers, signedByHost, signedByService, notCovered } =
    report
  return [
    { name: 'Tenant', value: report.tenant ?? '', ...(report.origin && { detail: report.origin }) },
    complete
      ? { name: 'Completeness', value: 'Complete', detail: `leaves 0 to ${size - 1}, without a gap` }
      : {
          name: 'Completeness',
          value: `${lines.toLocaleString('en-GB')} of ${size.toLocaleString('en-GB')}`,
          detail: `${count(withheld, 'leaf', 'leaves')} withheld in ${count(gaps.length, 'gap')}, as hashes`,
        },
    ...(span === undefined
      ? []
      : [{ name: 'From', value: timeWords(span.first), detail: `to ${timeWords(span.last)}` }]),
    {
      name: 'Signed by hosts',
      value: `${signedByHost.toLocaleString('en-GB')}`,
      detail: notCovered > 0 ? `${count(notCovered, 'line')} without its signature here` : 'every line of a host',
    },
    ...(signedByService > 0
      ? [
          {
            name: 'Signed by services',
            value: signedByService.toLocaleString('en-GB'),
            detail: 'rows, under keys that counted when they came',
          },
        ]
      : []),
    {
      name: 'Root ledger',
      value: `size ${rootSize.toLocaleString('en-GB')}`,
      detail: `vouched for by ${listOf(signers)}`,
    },
    {
      name: 'Not admitted',
      value: stubs === 0 ? 'none' : count(stubs, 'batch', 'batches'),
      detail: stubs === 0 ? 'no batch shown here was quarantined' : 'a stub stands in the place of each',
    },
  ]
}

/** RFC 3339 as people write it: to the second, in UTC. */
export const timeWords = (time: string): string => `${time.slice(0, 10)} ${time.slice(11, 19)} UTC`

/** How long a host's key may sign, for people. */
export const windowWords = ({ valid_from, valid_until }: Pick<KeyRecord, 'valid_from' | 'valid_until'>): string =>
  `${timeWords(valid_from)} – ${valid_until === null ? 'open' : timeWords(valid_until)}`
