// SPDX-License-Identifier: Apache-2.0

import { deadline, type Log, parseRfc3339, rfc3339 } from '@sealwatch/base'
import { strictOffSeconds } from '@sealwatch/contract'
import { type Act, actEvent, auditTenant, type RecordOptions } from '../../identity/index.ts'
import {
  type AcknowledgedRow,
  acknowledgedCode,
  digestOfAcknowledgement,
  tellUnvouched,
  unsaidOfAcknowledgement,
  type Vouching,
} from '../vouching/index.ts'
import { byConfiguration } from './strict-rows.ts'

/** STRICT_SIGNATURES=false, as far as an acknowledgement goes: for a day from when a server saw it first. */
export type Configured = {
  readonly endsAt: string
  /** The line about it stands in the cluster's ledger. */
  isGiven(): boolean
  hasPassed(): boolean
  /** Whatever a clock says later, this has come: `latest` is a time that a tenant has seen, in nanoseconds. */
  see(latest: bigint): Promise<void>
}

const dayNs = BigInt(strictOffSeconds.soloMax) * 1_000_000_000n

/**
 * What is said again at the next start is the same acknowledgement, and ends when it was to end; another one begins anew.
 * Which those are the cluster's ledger says: a row that is gone comes again as its first line has it, and one that says
 * something else is over. Durable when it returns.
 */
export async function openConfigured(
  options: RecordOptions & { readonly log: Log } & Pick<Vouching, 'acknowledged'>,
  acknowledgement: string,
): Promise<Configured> {
  const { store, outbox, voice, clock, log } = options
  const digest = digestOfAcknowledgement(acknowledgement)
  const found = await store.db
    .selectFrom('strict_acknowledgements')
    .selectAll()
    .where('acknowledgement', '=', acknowledgement)
    .executeTakeFirst()
  const said = await options.acknowledged(digest)
  const why = found && unsaidOfAcknowledgement(found, said)
  if (why !== undefined) {
    await tellUnvouched(options, [{ tenant: auditTenant, kind: 'strict_acknowledgement', name: digest, why }])
    const endsAt = said?.expiresAt ?? rfc3339(0n)
    return { endsAt, isGiven: () => false, hasPassed: () => true, see: async () => undefined }
  }
  const nowNs = clock.nowNs()
  const ends_at = said?.expiresAt ?? rfc3339(nowNs + dayNs)
  // As its line says it, whatever the row has.
  const since = rfc3339((parseRfc3339(ends_at) ?? dayNs) - dayNs)
  const row = found ?? { acknowledgement, since, ends_at, seen_at: rfc3339(nowNs) }
  const waitsAs = found === undefined ? await write(row) : said?.waitsAs
  let isGiven = waitsAs === undefined
  const give = () => {
    isGiven = true
  }
  // A stop ends the waiting.
  if (waitsAs !== undefined) outbox.committed(waitsAs).then(give, () => undefined)
  return {
    endsAt: ends_at,
    isGiven: () => isGiven,
    hasPassed: deadline(clock, ends_at, [since, row.seen_at]),
    see: async (latest) => {
      if (latest <= (parseRfc3339(row.seen_at) ?? 0n)) return
      const seen_at = rfc3339(latest)
      await store.db
        .updateTable('strict_acknowledgements')
        .set({ seen_at })
        .where('acknowledgement', '=', acknowledgement)
        .where('seen_at', '<', seen_at)
        .execute()
    },
  }

  /** With its line, where it has none: the uid under which that waits. */
  async function write(anew: AcknowledgedRow): Promise<string | undefined> {
    if (said !== undefined)
      log.warn('an acknowledgement of STRICT_SIGNATURES=false was gone from the database: it ends as its line says', {
        acknowledgement_sha256: digest,
        until: ends_at,
      })
    const uid = await store.transaction(async (tx) => {
      await tx.insertInto('strict_acknowledgements').values(anew).execute()
      return said === undefined ? outbox.enqueue(tx, auditTenant, actEvent(voice, actOf())) : said.waitsAs
    })
    outbox.ring()
    return uid
  }

  function actOf(): Act {
    return {
      code: acknowledgedCode,
      component: 'trust',
      tenant: auditTenant,
      timeNs: nowNs,
      by: { name: byConfiguration, requestId: 'start' },
      verb: 'disable',
      severity: 'high',
      message: `STRICT_SIGNATURES=false was acknowledged, and counts until ${ends_at} for tenants that nobody switched`,
      entity: { type: 'Strict Signatures', uid: digest },
      details: { acknowledgement_sha256: digest, expires_at: ends_at },
    }
  }
}
