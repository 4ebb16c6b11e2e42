// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Clock, type Disk, type Log, rfc3339 } from '@sealwatch/base'
import { type EnrolRequest, limits } from '@sealwatch/contract'
import type { Outbox, Store } from '../store/index.ts'
import type { ActBy } from './act.ts'
import type { ServerVoice } from './audit-event.ts'
import { type Authority, openAuthority } from './authority.ts'
import { verifyCertificateRequest } from './certificate-request.ts'
import { certificateColumns, type Enrolment, enrol, tokenName } from './enrol.ts'
import { identityError } from './errors.ts'
import { joinTokenCreated, sayOfHost } from './events.ts'
import { expel } from './expel.ts'
import { createHosts, type Host, type Hosts } from './hosts.ts'
import { newJoinToken } from './join-token.ts'
import type { Recorded } from './record-act.ts'

/** Who belongs to this deployment, and how hosts come and go. */
export type Identity = {
  readonly authority: Authority
  readonly hosts: Hosts
  /**
   * A token for one host of the tenant; resolves when its creation stands in the ledger. Throws TOKEN_TTL_INVALID,
   * TOKENS_TOO_MANY, or what `checkTenant` throws.
   */
  createJoinToken(by: ActBy, tenant: string, ttlSeconds: number): Promise<CreatedJoinToken>
  /** See enrol.ts. */
  enrol(request: EnrolRequest): Promise<Enrolment>
  /** Revokes every host of a tenant that goes, forgets what they said of themselves, and takes its join tokens back. */
  expel(tenant: string): Promise<void>
  /** A new certificate for the same host and the key of the request: leaf first, the CA last. Throws CSR_INVALID. */
  renew(host: Host, csr: Uint8Array): Promise<Uint8Array[]>
}

export type CreatedJoinToken = { readonly token: string; readonly expiresAt: string; readonly recorded: Recorded }

export type IdentityOptions = {
  /** Holds `ca.pem`: the CA's private key and its certificate. */
  readonly dir: string
  readonly deployment: string
  /** Throws unless the tenant takes hosts. */
  readonly checkTenant: (tenant: string, attempted: string) => void
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
}

/** Of a tenant. */
const openTokensMax = 1000

export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { dir, deployment, checkTenant, store, outbox, voice, disk, clock } = options
  const authority = await openAuthority({ path: join(dir, 'ca.pem'), deployment, disk, clock })

  async function createJoinToken(by: ActBy, tenant: string, ttlSeconds: number): Promise<CreatedJoinToken> {
    const attempted = 'creating a join token'
    if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > limits.tokenTtlSecondsMax)
      throw identityError('TOKEN_TTL_INVALID', { attempted, received: `${ttlSeconds} seconds` })
    checkTenant(tenant, attempted)
    const { token, secretHash } = newJoinToken(authority.fingerprint)
    const nowNs = clock.nowNs()
    const created_at = rfc3339(nowNs)
    const expires_at = rfc3339(nowNs + BigInt(ttlSeconds) * 1_000_000_000n)
    const uids = await store.transaction(async (tx) => {
      // A used token stays until it expires: it answers the host that used it, should the first answer be lost.
      await tx.deleteFrom('join_tokens').where('tenant', '=', tenant).where('expires_at', '<=', created_at).execute()
      const { open } = await tx
        .selectFrom('join_tokens')
        .select(({ fn }) => fn.countAll<number>().as('open'))
        .where('tenant', '=', tenant)
        .executeTakeFirstOrThrow()
      if (open >= openTokensMax) throw identityError('TOKENS_TOO_MANY', { attempted })
      await tx
        .insertInto('join_tokens')
        .values({ secret_hash: secretHash, tenant, created_at, expires_at, used_at: null, host_id: null })
        .execute()
      const created = { joinToken: tokenName(secretHash), expiresAt: expires_at }
      return sayOfHost(tx, outbox, tenant, joinTokenCreated(voice, nowNs, by, created))
    })
    outbox.ring()
    // Not handed out before it is recorded.
    const [leafIndex] = await Promise.all(uids.map((uid) => outbox.recorded(uid, attempted)))
    return { token, expiresAt: expires_at, recorded: { tenant, leafIndex } }
  }

  const hosts = createHosts({ store, outbox, voice, clock })
  return {
    authority,
    hosts,
    createJoinToken,
    enrol: (request) => enrol(request, { ...options, authority }),
    expel: (tenant) => expel(tenant, { store, hosts }),
    renew: async ({ hostId, tenant }, csr) => {
      const issued = await authority.issueHost(await verifyCertificateRequest(csr), hostId)
      await store.db
        .updateTable('hosts')
        .set(certificateColumns(issued))
        .where('tenant', '=', tenant)
        .where('host_id', '=', hostId)
        .execute()
      return [issued.certificate, new Uint8Array(authority.certificate.raw)]
    },
  }
}
