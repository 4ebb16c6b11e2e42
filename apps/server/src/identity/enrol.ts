// SPDX-License-Identifier: Apache-2.0

import { hash, randomBytes } from 'node:crypto'
import { type Clock, type Log, rfc3339 } from '@sealwatch/base'
import type { EnrolRequest } from '@sealwatch/contract'
import { checkPublicKey, keyIdOf, verifyEd25519 } from '@sealwatch/keys'
import type { KeyRecord } from '@sealwatch/ledger'
import { across, type Outbox, outboxUid, type Store, type Tx } from '../store/index.ts'
import type { ServerVoice } from './audit-event.ts'
import type { Authority } from './authority.ts'
import { type CertifiedKey, verifyCertificateRequest } from './certificate-request.ts'
import { identityError } from './errors.ts'
import { hostEnrolled, keyLine, ledgersOf, sayOfHost } from './events.ts'
import { checkHostFacts, type HostFacts } from './host-facts.ts'
import type { Hosts } from './hosts.ts'
import type { IssuedCertificate } from './issuing.ts'
import { presentedSecretHash, tokenName } from './join-token.ts'
import type { JoinTokens } from './join-tokens.ts'
import type { HostKeys } from './record-act.ts'
import { renameHost } from './rename-host.ts'

export type EnrolOptions = {
  readonly store: Store
  readonly outbox: Outbox
  readonly authority: Authority
  readonly joinTokens: JoinTokens
  readonly hosts: Pick<Hosts, 'deniedSince'>
  readonly keys: HostKeys
  readonly voice: ServerVoice
  readonly clock: Clock
  readonly log: Log
  /** Throws unless the tenant takes hosts. */
  readonly checkTenant: (tenant: string, attempted: string) => void
}

export type Enrolment = { readonly hostId: string; readonly certificates: Uint8Array[] }

/** A request whose every claim is checked, apart from the join token's. */
type Applicant = {
  readonly facts: HostFacts
  readonly secretHash: string
  readonly tlsKey: CertifiedKey
  /** Raw. */
  readonly signingKey: Uint8Array
  readonly keyId: string
}

const sameMachineMax = 8
const attempted = 'enrolling a host'

/**
 * Gives a host its identity for a join token, in the token's tenant. The signing key is the host: a known key gets its host_id back, any other
 * a new one, even on a machine that enrolled before. A token that is used answers the key that used it again, for an
 * answer that was lost on its way. Resolves when the key stands in the ledgers that the host's lines go to.
 */
export async function enrol(request: EnrolRequest, options: EnrolOptions): Promise<Enrolment> {
  const { store, outbox, log } = options
  const applicant = await checkApplicant(request)
  const admission = await store.transaction((tx) => admit(tx, applicant, options))
  const { tenant, hostId, issued, keyUids, uids, sameMachine } = admission
  const given = Promise.all(keyUids.map((uid) => outbox.committed(uid))).then(() =>
    store.between((db) => options.keys.given(db, { tenant, keyId: applicant.keyId })),
  )
  // A stop ends the waiting; the next start reads the key.
  given.catch(() => undefined)
  // Stored, not yet in the ledgers. If we stop here the outbox goes on later, and the host asks again.
  outbox.ring()
  await Promise.all(uids.map((uid) => outbox.recorded(uid, attempted)))
  await given
  log.info('host enrolled', { host_id: hostId, hostname: applicant.facts.hostname, same_machine: sameMachine })
  return { hostId, certificates: issued.chain }
}

/** Throws HOST_FACTS_INVALID, TOKEN_UNKNOWN, CSR_INVALID, KEY_WEAK or SIGNING_KEY_UNPROVEN. */
async function checkApplicant(request: EnrolRequest): Promise<Applicant> {
  const { csr, signingPublicKey, signingKeyProof } = request
  const facts = checkHostFacts(request.facts)
  const secretHash = presentedSecretHash(request.joinToken)
  const tlsKey = await verifyCertificateRequest(csr)
  const signingKey = checkPublicKey(signingPublicKey, attempted)
  const proven = Buffer.concat([proofPrefix, hash('sha256', csr, 'buffer')])
  if (!verifyEd25519(signingKey, proven, signingKeyProof)) throw identityError('SIGNING_KEY_UNPROVEN', { attempted })
  return { facts, secretHash, tlsKey, signingKey, keyId: keyIdOf(signingKey) }
}

/** docs/formats/agent-protocol.md, 2.3 */
const proofPrefix = Buffer.from('sealwatch.dev/enrol/v1\n')

type Admission = {
  readonly tenant: string
  readonly hostId: string
  readonly issued: IssuedCertificate
  /** Of the lines that say whose key it is. */
  readonly keyUids: readonly string[]
  /** What has to be in the ledgers before the host may have its certificate. */
  readonly uids: readonly string[]
  readonly sameMachine: readonly string[]
}

async function admit(tx: Tx, applicant: Applicant, options: EnrolOptions): Promise<Admission> {
  const { outbox, authority, joinTokens, hosts, voice, clock, checkTenant } = options
  const { facts, secretHash, tlsKey, keyId } = applicant
  const nowNs = clock.nowNs()
  const known = await knownHost(tx, keyId, hosts)
  const { tenant, isRepeated } = await joinTokens.use(tx, secretHash, known?.hostId, rfc3339(nowNs))
  checkTenant(tenant, attempted)
  if (known !== undefined && known.tenant !== tenant) throw identityError('HOST_OF_ANOTHER_TENANT', { attempted })
  const hostId = known?.hostId ?? randomBytes(16).toString('hex')
  const issued = await authority.issueHost(tlsKey, hostId)
  const { hostname } = facts
  const renamed =
    known === undefined ? [] : await renameHost(tx, { outbox, voice }, { hostId, tenant, hostname }, nowNs)
  await saveHost(tx, { hostId, tenant }, facts, issued, rfc3339(nowNs))
  const key = known?.key ?? (await addKey(tx, applicant, { hostId, tenant }, rfc3339(nowNs)))
  const said = () => keyLine(key)
  if (known === undefined) await sayOfHost(tx, outbox, tenant, said)
  const keyUids = ledgersOf(tenant).map((ledger) => outboxUid(ledger, said()))
  if (isRepeated) return { tenant, hostId, issued, keyUids, uids: keyUids, sameMachine: [] }
  await tx
    .updateTable('join_tokens')
    .set({ host_id: hostId })
    .where('tenant', '=', tenant)
    .where('secret_hash', '=', secretHash)
    .execute()
  const sameMachine = await hostsOnMachine(tx, tenant, facts.machineId, hostId)
  const event = hostEnrolled(voice, nowNs, {
    hostId,
    hostname: facts.hostname,
    machineId: facts.machineId,
    certificateSerial: issued.serial,
    signingKeyId: keyId,
    joinToken: tokenName(secretHash),
    again: known !== undefined,
    sameMachine,
  })
  const uids = [...keyUids, ...renamed, ...(await sayOfHost(tx, outbox, tenant, event))]
  return { tenant, hostId, issued, keyUids, uids, sameMachine }
}

type KnownHost = { readonly hostId: string; readonly tenant: string; readonly key: KeyRecord }

async function knownHost(tx: Tx, keyId: string, hosts: EnrolOptions['hosts']): Promise<KnownHost | undefined> {
  const row = await across(tx, 'signing-key')
    .selectFrom('signing_keys')
    .innerJoin('hosts', 'hosts.host_id', 'signing_keys.producer')
    .select(['key_id', 'public_key', 'valid_from', 'valid_until', 'signing_keys.revoked_at'])
    .select(['hosts.host_id', 'hosts.tenant', 'hosts.revoked_at as host_revoked_at'])
    .where('key_id', '=', keyId)
    .where('producer_kind', '=', 'host')
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { host_revoked_at, revoked_at, tenant, ...columns } = row
  const key: KeyRecord = { algorithm: 'ed25519', ...columns }
  const isRevoked = host_revoked_at !== null || revoked_at !== null || hosts.deniedSince(key.host_id) !== undefined
  if (!isRevoked) return { hostId: key.host_id, tenant, key }
  throw identityError('HOST_REVOKED', { attempted: 'enrolling a host again', received: `the host ${key.host_id}` })
}

async function saveHost(
  tx: Tx,
  { hostId, tenant }: { readonly hostId: string; readonly tenant: string },
  facts: HostFacts,
  issued: IssuedCertificate,
  now: string,
): Promise<void> {
  const current = {
    hostname: facts.hostname,
    machine_id: facts.machineId,
    facts: JSON.stringify(facts),
    ...certificateColumns(issued),
  }
  await tx
    .insertInto('hosts')
    .values({
      host_id: hostId,
      tenant,
      enrolled_at: now,
      agent_version: null,
      last_seen_at: null,
      revoked_at: null,
      ...current,
    })
    .onConflict((conflict) => conflict.column('host_id').doUpdateSet(current).where('hosts.tenant', '=', tenant))
    .execute()
}

export const certificateColumns = ({ serial, notBeforeMs, expiresAtMs }: IssuedCertificate) => ({
  cert_serial: serial,
  cert_begins_at: rfc3339(BigInt(notBeforeMs) * 1_000_000n),
  cert_expires_at: rfc3339(BigInt(expiresAtMs) * 1_000_000n),
})

async function addKey(
  tx: Tx,
  { keyId, signingKey }: Applicant,
  { hostId, tenant }: { readonly hostId: string; readonly tenant: string },
  now: string,
): Promise<KeyRecord> {
  const key: KeyRecord = {
    algorithm: 'ed25519',
    host_id: hostId,
    key_id: keyId,
    public_key: signingKey.toHex(),
    valid_from: now,
    valid_until: null,
  }
  const taken = await tx
    .selectFrom('signing_keys')
    .select('producer')
    .where('tenant', '=', tenant)
    .where((where) => where.or([where('key_id', '=', keyId), where('public_key', '=', key.public_key)]))
    .executeTakeFirst()
  if (taken !== undefined)
    throw identityError('SIGNING_KEY_IN_USE', { attempted, received: `that of the service ${taken.producer}` })
  const { host_id, ...columns } = key
  const owner = { tenant, producer: host_id, producer_kind: 'host' } as const
  await tx
    .insertInto('signing_keys')
    .values({ ...columns, ...owner, revoked_at: null, state: 'active', source: 'enrolment' })
    .execute()
  return key
}

async function hostsOnMachine(tx: Tx, tenant: string, machineId: string, except: string): Promise<readonly string[]> {
  if (machineId === 'unknown') return []
  const rows = await tx
    .selectFrom('hosts')
    .select('host_id')
    .where('tenant', '=', tenant)
    .where('machine_id', '=', machineId)
    .where('host_id', '!=', except)
    .orderBy('enrolled_at', 'desc')
    .limit(sameMachineMax)
    .execute()
  return rows.map(({ host_id }) => host_id)
}
