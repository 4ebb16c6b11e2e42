// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import type { Clock, Disk, Log } from '@sealwatch/base'
import type { EnrolRequest } from '@sealwatch/contract'
import type { Outbox, Store } from '../store/index.ts'
import type { ActBy } from './act.ts'
import type { ServerVoice } from './audit-event.ts'
import { type Authority, openAuthority } from './authority.ts'
import { verifyCertificateRequest } from './certificate-request.ts'
import { certificateColumns, type Enrolment, enrol } from './enrol.ts'
import { identityError } from './errors.ts'
import { expel } from './expel.ts'
import { createHosts, type Host, type Hosts } from './hosts.ts'
import { type CreatedJoinToken, type JoinTokens, openJoinTokens } from './join-tokens.ts'
import { type OperatorAuthorityOptions, openOperatorAuthority } from './operator-authority.ts'
import type { HostKeys } from './record-act.ts'

/** Who belongs to this deployment, and how hosts come and go. */
export type Identity = {
  readonly authority: Authority
  readonly hosts: Hosts
  /**
   * A token for one host of the tenant; resolves when its creation stands in the ledger. Throws TOKEN_TTL_INVALID,
   * TOKENS_TOO_MANY, or what `checkTenant` throws.
   */
  createJoinToken(by: ActBy, tenant: string, ttlSeconds: number): Promise<CreatedJoinToken>
  /** See join-tokens.ts. */
  isGoodToken: JoinTokens['isGood']
  /** See enrol.ts. */
  enrol(request: EnrolRequest): Promise<Enrolment>
  /** Revokes every host of a tenant that goes, forgets what they said of themselves, and takes its join tokens back. */
  expel(tenant: string): Promise<void>
  /** A new certificate for the same host and the key of the request: leaf first, the CA last. Throws CSR_INVALID. */
  renew(host: Host, csr: Uint8Array): Promise<Uint8Array[]>
  /** Writes down what has ended, and what a full disk did not keep, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

const tendMs = 60_000

export type IdentityOptions = {
  /** Holds `ca.pem`, the built-in CA's private key and its certificate, or `ca-issuers.json`. */
  readonly dir: string
  /** The CA that an operator gives; left out: the built-in one. */
  readonly operatorCa?: Pick<OperatorAuthorityOptions, 'file' | 'names'>
  readonly deployment: string
  /** Of the certificate of a host; a day where it is left out. */
  readonly hostLifetimeMs?: number
  /** Throws unless the tenant takes hosts. */
  readonly checkTenant: (tenant: string, attempted: string) => void
  readonly store: Store
  readonly outbox: Outbox
  readonly keys: HostKeys
  readonly voice: ServerVoice
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
}

export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { store, outbox, voice, clock } = options
  const authority = await authorityOf(options)

  const joinTokens = await openJoinTokens({ ...options, caFingerprint: authority.fingerprint })
  const hosts = createHosts({ store, outbox, keys: options.keys, voice, clock })
  return {
    authority,
    hosts,
    createJoinToken: joinTokens.create,
    isGoodToken: joinTokens.isGood,
    enrol: (request) => enrol(request, { ...options, authority, joinTokens, hosts }),
    expel: (tenant) => expel(tenant, { store, hosts }),
    renew: async ({ hostId, tenant }, csr) => {
      const issued = await authority.issueHost(await verifyCertificateRequest(csr), hostId)
      await store.db
        .updateTable('hosts')
        .set(certificateColumns(issued))
        .where('tenant', '=', tenant)
        .where('host_id', '=', hostId)
        .execute()
      return issued.chain
    },
    run: async (signal) => {
      const watching = authority.run?.(signal)
      while (!signal.aborted) {
        await clock.sleep(tendMs, signal)
        store.holdReserve()
        await hosts.tend()
        await joinTokens.tend()
      }
      await watching
    },
  }
}

/** What the deployment began with stays: a setting that is forgotten founds no other authority. */
async function authorityOf(options: IdentityOptions): Promise<Authority> {
  const { dir, operatorCa, disk } = options
  const [builtInPath, recordPath] = [join(dir, 'ca.pem'), join(dir, 'ca-issuers.json')]
  const has = async (path: string) => (await disk.sizeOf(path)) !== undefined
  if (operatorCa === undefined) {
    if (await has(recordPath)) throw identityError('CA_MISSING', { attempted: 'opening the CA of the deployment' })
    return openAuthority({ ...options, path: builtInPath })
  }
  if (await has(builtInPath))
    throw identityError('CA_ANOTHER', {
      attempted: `taking the CA in ${operatorCa.file}`,
      received: 'a deployment whose hosts know its built-in CA',
    })
  return openOperatorAuthority({ ...options, ...operatorCa, recordPath })
}
