// SPDX-License-Identifier: Apache-2.0

import { type Clock, deadline, rfc3339 } from '@sealwatch/base'
import { limits } from '@sealwatch/contract'
import { across, type Outbox, type Store, type Tx } from '../store/index.ts'
import type { ActBy } from './act.ts'
import type { ServerVoice } from './audit-event.ts'
import { identityError } from './errors.ts'
import { joinTokenCreated, sayOfHost } from './events.ts'
import { newJoinToken, secretHashIn, tokenName } from './join-token.ts'
import type { Recorded } from './record-act.ts'

/** What lets one host of a tenant in. One that has ended stays so, whatever a clock says later. */
export type JoinTokens = {
  /** See identity.ts. */
  create(by: ActBy, tenant: string, ttlSeconds: number): Promise<CreatedJoinToken>
  /**
   * Takes the token, or throws TOKEN_UNKNOWN, TOKEN_EXPIRED or TOKEN_USED; `isRepeated` when the same host took it before.
   * Tokens are found by the hash of 32 random bytes, so how long the search takes tells nothing about any secret.
   */
  use(tx: Tx, secretHash: string, hostId: string | undefined, now: string): Promise<UsedToken>
  /** Whether `use` would let somebody in for this token who comes with this signing key (raw); takes nothing. */
  isGood(token: string, signingKey: Uint8Array): Promise<boolean>
  /** Writes down which have ended. */
  tend(): Promise<void>
}

export type CreatedJoinToken = { readonly token: string; readonly expiresAt: string; readonly recorded: Recorded }
export type UsedToken = { readonly tenant: string; readonly isRepeated: boolean }

/** Of a tenant. */
const openTokensMax = 1000

export async function openJoinTokens(options: {
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly clock: Clock
  readonly caFingerprint: string
  readonly checkTenant: (tenant: string, attempted: string) => void
}): Promise<JoinTokens> {
  const { store, outbox, voice, clock, caFingerprint, checkTenant } = options
  /** By the hash of the secret: of those that were not written down as ended, whether they are now. */
  const hasPassed = new Map<string, () => boolean>()
  const isOver = (secretHash: string) => hasPassed.get(secretHash)?.() !== false
  const notEnded = () =>
    across(store.db, 'start').selectFrom('join_tokens').selectAll().where('ended_at', 'is', null).execute()
  for (const { secret_hash, created_at, expires_at, used_at } of await notEnded())
    hasPassed.set(secret_hash, deadline(clock, expires_at, [created_at, used_at ?? created_at]))

  const rowOf = (db: Parameters<typeof across>[0], secretHash: string) =>
    across(db, 'secret').selectFrom('join_tokens').selectAll().where('secret_hash', '=', secretHash).executeTakeFirst()

  return {
    create: async (by, tenant, ttlSeconds) => {
      const attempted = 'creating a join token'
      if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > limits.tokenTtlSecondsMax)
        throw identityError('TOKEN_TTL_INVALID', { attempted, received: `${ttlSeconds} seconds` })
      checkTenant(tenant, attempted)
      const { token, secretHash } = newJoinToken(caFingerprint)
      const nowNs = clock.nowNs()
      const created_at = rfc3339(nowNs)
      const expires_at = rfc3339(nowNs + BigInt(ttlSeconds) * 1_000_000_000n)
      const uids = await store.transaction(async (tx) => {
        // A used token stays until it expires: it answers the host that used it, should the first answer be lost.
        await tx
          .deleteFrom('join_tokens')
          .where('tenant', '=', tenant)
          .where((eb) => eb.or([eb('expires_at', '<=', created_at), eb('ended_at', 'is not', null)]))
          .execute()
        const { open } = await tx
          .selectFrom('join_tokens')
          .select(({ fn }) => fn.countAll<number>().as('open'))
          .where('tenant', '=', tenant)
          // Of those that were used there are no more than hosts.
          .where('used_at', 'is', null)
          .executeTakeFirstOrThrow()
        if (open >= openTokensMax) throw identityError('TOKENS_TOO_MANY', { attempted })
        await tx
          .insertInto('join_tokens')
          .values({
            secret_hash: secretHash,
            tenant,
            created_at,
            expires_at,
            used_at: null,
            host_id: null,
            ended_at: null,
          })
          .execute()
        hasPassed.set(secretHash, deadline(clock, expires_at, [created_at]))
        const created = { joinToken: tokenName(secretHash), expiresAt: expires_at }
        return sayOfHost(tx, outbox, tenant, joinTokenCreated(voice, nowNs, by, created))
      })
      outbox.ring()
      // Not handed out before it is recorded.
      const [leafIndex] = await Promise.all(uids.map((uid) => outbox.recorded(uid, attempted)))
      return { token, expiresAt: expires_at, recorded: { tenant, leafIndex } }
    },
    use: async (tx, secretHash, hostId, now) => {
      const attempted = 'enrolling a host'
      const token = await rowOf(tx, secretHash)
      if (token === undefined) throw identityError('TOKEN_UNKNOWN', { attempted })
      const { tenant } = token
      if (isOver(secretHash))
        throw identityError('TOKEN_EXPIRED', { attempted, received: `a token that expired at ${token.expires_at}` })
      if (token.used_at !== null) {
        if (token.host_id !== null && token.host_id === hostId) return { tenant, isRepeated: true }
        throw identityError('TOKEN_USED', {
          attempted,
          received: `a token used at ${token.used_at} by ${token.host_id}`,
        })
      }
      await tx
        .updateTable('join_tokens')
        .set({ used_at: now })
        .where('tenant', '=', tenant)
        .where('secret_hash', '=', secretHash)
        .execute()
      return { tenant, isRepeated: false }
    },
    isGood: async (presented, signingKey) => {
      const secretHash = secretHashIn(presented)
      const token = secretHash === undefined ? undefined : await rowOf(store.db, secretHash)
      if (token === undefined || isOver(token.secret_hash)) return false
      if (token.used_at === null) return true
      const key = await store.db
        .selectFrom('signing_keys')
        .select('producer')
        .where('tenant', '=', token.tenant)
        .where('public_key', '=', signingKey.toHex())
        .where('producer_kind', '=', 'host')
        .executeTakeFirst()
      return key !== undefined && key.producer === token.host_id
    },
    tend: async () => {
      const before = [...hasPassed.keys()]
      const rows = await notEnded()
      const over = rows.filter(({ secret_hash }) => isOver(secret_hash))
      if (over.length > 0) {
        const ended_at = rfc3339(clock.nowNs())
        await store.transaction(async (tx) => {
          for (const { tenant, secret_hash } of over)
            await tx
              .updateTable('join_tokens')
              .set({ ended_at })
              .where('tenant', '=', tenant)
              .where('secret_hash', '=', secret_hash)
              .execute()
        })
      }
      const left = new Set(rows.map(({ secret_hash }) => secret_hash))
      for (const secretHash of before) if (isOver(secretHash) || !left.has(secretHash)) hasPassed.delete(secretHash)
    },
  }
}
