// SPDX-License-Identifier: Apache-2.0

import { canonicalize, isSealwatchError, type Log, messageOf, rfc3339 } from '@sealwatch/base'
import { type DsseEnvelope, verifyEd25519, verifyRsa } from '@sealwatch/keys'
import {
  createHostKeyExamination,
  createKeyExamination,
  entriesIn,
  isOfServices,
  type KeyReport,
  type KeyReportStatement,
  keyVerdicts,
  type Ledger,
  leafHash,
  type ParsedLine,
  parseLine,
  sha256,
} from '@sealwatch/ledger'
import { type Authorised, actBy } from '../../access/index.ts'
import { type RecordOptions, recordAct } from '../../identity/index.ts'
import type { Tables, Tx } from '../../store/index.ts'
import { trustError } from '../errors.ts'
import { readKeyOf, type SigningKey } from '../signing-key.ts'
import { examinationError, examinationLimits } from './errors.ts'

/** What was found, as the deployment signed it and the ledger holds it. */
export type MadeKeyReport = {
  /** Hex SHA-256 of `text`. */
  readonly id: string
  readonly keyId: string
  readonly madeAt: string
  /** Canonical JSON: what is signed is its digest. */
  readonly text: string
  readonly report: KeyReport
  readonly envelope: DsseEnvelope
}

export type ExaminationState = {
  readonly state: 'running' | 'done' | 'failed'
  /** Leaves looked at, of so many. */
  readonly leaf: number
  readonly size: number
  /** Why it failed. */
  readonly detail: string | null
}

/** Everything that a key ever signed, of a service or a host, verified once more from the ledger (docs/formats/key-report.md). */
export type KeyExaminations = {
  /**
   * Begins; it goes on by itself, and is over with the server. Does nothing where one is under way. Throws
   * SIGNING_KEY_UNKNOWN or KEY_EXAMINATION_UNDER_WAY.
   */
  begin(by: Authorised<'producer:manage'>, keyId: string): Promise<ExaminationState>
  /** Undefined: none was begun since the server started. */
  state(by: Authorised<'producer:read'>, keyId: string): ExaminationState | undefined
  /** The newest of the key. Throws KEY_REPORT_UNKNOWN. */
  report(by: Authorised<'producer:read'>, keyId: string): Promise<MadeKeyReport>
}

export type ExaminationOptions = RecordOptions & {
  readonly log: Log
  readonly ledgerOf: (tenant: string) => Pick<Ledger, 'size' | 'origin' | 'readChecked' | 'rootAt'>
  /** Of the root ledger: the deployment that signs. */
  readonly origin: string
  readonly sign: (statement: KeyReportStatement) => Promise<DsseEnvelope>
}

type Progress = { state: ExaminationState['state']; leaf: number; size: number; detail: string | null }

export function createKeyExaminations(options: ExaminationOptions): KeyExaminations {
  const { store, clock, log, ledgerOf, origin, sign } = options
  const under = new Map<string, Progress>()
  const nameOf = (tenant: string, keyId: string) => `${tenant} ${keyId}`

  const readNewest = (tenant: string, keyId: string) =>
    store.db
      .selectFrom('key_reports')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('key_id', '=', keyId)
      .orderBy('made_at', 'desc')
      .limit(1)
      .executeTakeFirst()

  /** Those of one tenant leave room for others'. */
  function checkRoom(tenant: string, attempted: string): void {
    const busy = [...under].flatMap(([name, { state }]) => (state === 'running' ? [name] : []))
    const own = busy.filter((name) => name.startsWith(nameOf(tenant, ''))).length
    const { atOnce, atOnceOfTenant } = examinationLimits
    if (own < atOnceOfTenant && busy.length < atOnce) return
    throw examinationError('KEY_EXAMINATION_UNDER_WAY', { attempted, received: `${own}, and ${busy.length} in all` })
  }

  async function examine(tenant: string, key: SigningKey, progress: Progress): Promise<KeyReport> {
    const { kind, producer, keyId, algorithm, publicKey, revokedAt, compromisedSince } = key
    const ledger = ledgerOf(tenant)
    const examined = { producer, key_id: keyId, revoked_at: revokedAt, compromised_since: compromisedSince }
    const of = { ...examined, algorithm, public_key: publicKey, ledger: ledger.origin, tenant }
    const checks = { sha256, verify: verifyEd25519, verifyRsa, key: examined }
    const root = ledger.rootAt(progress.size).toHex()
    if (kind === 'host') {
      const examination = createHostKeyExamination(checks)
      await walk(ledger, examination, () => true, progress)
      return { ...of, ...examination.findings(progress.size), root, producer_kind: 'host', v: 2 }
    }
    const examination = createKeyExamination(checks)
    await walk(ledger, examination, isOfServices, progress)
    return { ...of, ...examination.findings(progress.size), root, v: 1 }
  }

  async function make(by: Authorised, key: SigningKey, progress: Progress): Promise<void> {
    const { tenant } = by
    const { kind, producer, keyId } = key
    const report = await examine(tenant, key, progress)
    const newest = await readNewest(tenant, keyId)
    if (newest !== undefined && isSame(madeOf(newest).report, report)) {
      progress.state = 'done'
      return
    }
    const text = canonicalize(report)
    const id = sha256(Buffer.from(text)).toHex()
    const time = rfc3339(clock.nowNs())
    const statement = { by: actBy(by).name, digest: id, key_id: keyId, origin, producer, tenant, time, v: 1 } as const
    const envelope = await sign(statement)
    const [sound, suspect, unvouched, invalid] = keyVerdicts.map((verdict) =>
      entriesIn(report.counts[verdict]),
    ) as Found
    await recordAct(
      options,
      {
        code: 'signing_key_examined',
        component: 'trust',
        tenant,
        by: actBy(by),
        verb: 'read',
        severity: suspect + invalid > 0 ? 'high' : 'medium',
        message: `of the key ${keyId} of the ${kind} ${producer} ${sound} ${kind === 'host' ? 'lines' : 'rows'} are sound, ${suspect} suspect, ${unvouched} unvouched, ${invalid} invalid`,
        entity: { type: 'Signing Key', uid: `${tenant}/${keyId}` },
        details: {
          producer,
          producer_kind: kind,
          signing_key_id: keyId,
          key_report: { id, report: text, envelope },
        },
      },
      (tx) =>
        insert(tx, { tenant, report: id, key_id: keyId, made_at: time, text, envelope: JSON.stringify(envelope) }),
    )
    progress.state = 'done'
  }

  return {
    begin: async (by, keyId) => {
      const attempted = `examining the key ${keyId.slice(0, 128)}`
      const { tenant } = by
      const key = await readKeyOf(store.db, { tenant, keyId })
      if (key === undefined) throw trustError('SIGNING_KEY_UNKNOWN', { attempted, received: keyId })
      const name = nameOf(tenant, keyId)
      const running = under.get(name)
      if (running?.state === 'running') return { ...running }
      checkRoom(tenant, attempted)
      const progress: Progress = { state: 'running', leaf: 0, size: ledgerOf(tenant).size, detail: null }
      under.delete(name)
      under.set(name, progress)
      forgetOld(under)
      make(by, key, progress).catch((error: unknown) => {
        progress.state = 'failed'
        progress.detail = messageOf(error)
        log.error('an examination of a key failed', { tenant, ...(isSealwatchError(error) && { error }) })
      })
      return { ...progress }
    },
    state: ({ tenant }, keyId) => {
      const found = under.get(nameOf(tenant, keyId))
      return found && { ...found }
    },
    report: async ({ tenant }, keyId) => {
      const row = await readNewest(tenant, keyId)
      if (row === undefined)
        throw examinationError('KEY_REPORT_UNKNOWN', { attempted: 'reading a report', received: keyId })
      return madeOf(row)
    },
  }
}

type Found = [number, number, number, number]

async function walk(
  ledger: Pick<Ledger, 'readChecked'>,
  examination: { take(parsed: ParsedLine, leaf: number, attempted: string): void },
  matters: (line: Uint8Array) => boolean,
  progress: Progress,
): Promise<void> {
  while (progress.leaf < progress.size) {
    const due = Math.min(examinationLimits.leavesAtOnce, progress.size - progress.leaf)
    const leaves = await ledger.readChecked(progress.leaf, due)
    for (const { index, line } of leaves) {
      if (!matters(line)) continue
      const attempted = `examining leaf ${index}`
      examination.take(parseLine(sha256, line, attempted, leafHash(sha256, line)), index, attempted)
    }
    progress.leaf += leaves.length
  }
}

/** Found again, of a longer ledger: what was said of it stands, and is not said twice. */
const isSame = (one: KeyReport, other: KeyReport): boolean =>
  one.listing === other.listing &&
  canonicalize(one.counts) === canonicalize(other.counts) &&
  one.revoked_at === other.revoked_at &&
  one.compromised_since === other.compromised_since

const rememberedMax = 256

function forgetOld(under: Map<string, Progress>): void {
  for (const [name, { state }] of under) {
    if (under.size <= rememberedMax) return
    if (state !== 'running') under.delete(name)
  }
}

async function insert(tx: Tx, row: Tables['key_reports']): Promise<void> {
  const { count } = await tx
    .selectFrom('key_reports')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('tenant', '=', row.tenant)
    .executeTakeFirstOrThrow()
  if (count >= examinationLimits.perTenant)
    throw examinationError('KEY_REPORTS_TOO_MANY', { attempted: 'keeping a report of a key', received: count })
  await tx
    .insertInto('key_reports')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

const madeOf = ({ report: id, key_id, made_at, text, envelope }: Tables['key_reports']): MadeKeyReport => ({
  id,
  keyId: key_id,
  madeAt: made_at,
  text,
  report: JSON.parse(text) as KeyReport,
  envelope: JSON.parse(envelope) as DsseEnvelope,
})
