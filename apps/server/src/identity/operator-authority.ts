// SPDX-License-Identifier: Apache-2.0
// The authority of a deployment whose CA an operator gives: taken when it fits, and another one of the same root and name in its
// place while everything goes on (docs/own-ca.md, ADR 2026-11-23-own-ca).

import { hash, X509Certificate } from 'node:crypto'
import { type Disk, isSealwatchError, type Log, type SealwatchError } from '@sealwatch/base'
import { authorityFingerprint } from '@sealwatch/keys'
import type { Outbox, Store } from '../store/index.ts'
import type { ServerVoice } from './audit-event.ts'
import type { Authority } from './authority.ts'
import { renewalGraceMs } from './certificate.ts'
import { identityError } from './errors.ts'
import { auditTenant, caTaken } from './events.ts'
import { type Issuing, type IssuingCa, type IssuingOptions, issuingBy } from './issuing.ts'
import { operatorCaIn, readOperatorCa } from './operator-ca.ts'
import { proveCa } from './prove-ca.ts'

export type OperatorAuthorityOptions = IssuingOptions & {
  /** Of the operator: key, issuing CA, those above it. */
  readonly file: string
  /** Where it is written down under which CAs was certified. */
  readonly recordPath: string
  /** That the server's certificate is for. */
  readonly names: readonly string[]
  readonly store: Pick<Store, 'transaction'>
  readonly outbox: Pick<Outbox, 'enqueue' | 'ring'>
  readonly voice: ServerVoice
  readonly disk: Pick<Disk, 'read' | 'replace'>
  readonly log: Log
}

/** The newest first, PEM: whose certificates count. */
type CaRecord = { readonly v: 1; readonly fingerprint: string; readonly issuers: readonly string[] }
type Taken = { readonly ca: IssuingCa; readonly issuing: Issuing }

/** How often the file is looked at. */
const lookEveryMs = 1_000
const dayMs = 24 * 3_600_000
/** One that ends sooner is not worth beginning with. */
const leftDaysMin = 30
const issuersMax = 64

/** Throws CA_UNFIT, CA_ANOTHER or CA_RECORD, and then nothing was certified. */
export async function openOperatorAuthority(options: OperatorAuthorityOptions): Promise<Authority> {
  const { file, recordPath, names, store, outbox, voice, disk, clock, log } = options
  const attempted = `taking the CA in ${file}`
  let record = await readRecord(recordPath, disk)
  let issuers = (record?.issuers ?? []).map((pem) => new X509Certificate(pem))
  let problem: SealwatchError | undefined
  const first = await readOperatorCa(file)
  let current = await take(first)
  /** States of the file: as it was taken, and as it was at the last look. */
  let taken = digestOf(first)
  let seen = taken
  const fingerprint = authorityFingerprint(current.ca.chain)

  async function take(pem: string): Promise<Taken> {
    const ca = operatorCaIn(pem, file, clock.nowMs())
    const pinned = authorityFingerprint(ca.chain)
    if (record !== undefined && record.fingerprint !== pinned)
      throw identityError('CA_ANOTHER', { attempted, received: nameOf(ca) })
    const issuing = issuingBy(ca, options)
    await proveCa(ca, issuing, names, attempted)
    if (issuers[0]?.raw.equals(ca.chain[0].raw) !== true) await putFirst(ca, pinned)
    return { ca, issuing }
  }

  /** Said, then written down, then used: where this ends in between it is said once more. */
  async function putFirst(ca: IssuingCa, pinned: string): Promise<void> {
    const nowMs = clock.nowMs()
    const [issuer] = ca.chain
    const endsMs = issuer.validToDate.getTime()
    const others = issuers.filter(({ raw }) => !raw.equals(issuer.raw))
    if (others.length === issuers.length && endsMs - nowMs < leftDaysMin * dayMs)
      throw identityError('CA_UNFIT', {
        attempted,
        received: `one that ends at ${issuer.validToDate.toISOString()}`,
        advice: `Give one that has ${leftDaysMin} days left`,
      })
    const counting = [issuer, ...others.filter(({ validToDate }) => nowMs < validToDate.getTime() + renewalGraceMs)]
    if (counting.length > issuersMax)
      throw identityError('CA_UNFIT', { attempted, received: `one more than ${issuersMax} whose certificates count` })
    const said = { subject: nameOf(ca), serial: issuer.serialNumber.toLowerCase(), endsMs, fingerprint: pinned }
    await store.transaction((tx) => outbox.enqueue(tx, auditTenant, caTaken(voice, clock.nowNs(), said)))
    outbox.ring()
    const next: CaRecord = { v: 1, fingerprint: pinned, issuers: counting.map(String) }
    await disk.replace(recordPath, `${JSON.stringify(next)}\n`, 0o600)
    record = next
    issuers = counting
    log.info('a CA is taken: what is certified from now on is certified by it', { ...said, counting: counting.length })
  }

  /** A file may be met half-written: what is wrong is told when the next look finds the same. */
  async function look(): Promise<void> {
    let state = ''
    try {
      const pem = await readOperatorCa(file)
      state = digestOf(pem)
      if (state !== taken) {
        current = await take(pem)
        taken = state
      }
      problem = undefined
    } catch (error) {
      if (!isSealwatchError(error) || error.kind === 'fatal') throw error
      if (state === seen && problem?.message !== error.message) {
        problem = error
        log.critical('the CA in the file is not taken: the one in use stays', { error, runbook: 'docs/runbooks/ca.md' })
      }
    }
    seen = state
  }

  return {
    fingerprint,
    get certificate() {
      return current.ca.chain[0]
    },
    get issuers() {
      return issuers
    },
    get problem() {
      return problem
    },
    issueHost: (key, hostId) => current.issuing.issueHost(key, hostId),
    issueService: (key, service) => current.issuing.issueService(key, service),
    issueServer: (all) => current.issuing.issueServer(all),
    get dsseSigner() {
      return current.issuing.dsseSigner
    },
    run: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(lookEveryMs, signal)
        if (!signal.aborted) await look()
      }
    },
  }
}

const digestOf = (pem: string) => hash('sha256', pem, 'hex')
const nameOf = ({ chain }: IssuingCa) => chain.map(({ subject }) => subject.replaceAll('\n', ', ')).join(' under ')

async function readRecord(path: string, disk: Pick<Disk, 'read'>): Promise<CaRecord | undefined> {
  const bytes = await disk.read(path)
  if (bytes === undefined) return undefined
  try {
    const record = JSON.parse(Buffer.from(bytes).toString('utf8')) as CaRecord
    const { v, fingerprint, issuers } = record
    if (v !== 1 || !/^[0-9a-f]{64}$/.test(fingerprint) || !Array.isArray(issuers)) throw new TypeError('another form')
    for (const pem of issuers) new X509Certificate(pem)
    return record
  } catch (cause) {
    throw identityError('CA_RECORD', { attempted: `reading ${path}`, cause })
  }
}
