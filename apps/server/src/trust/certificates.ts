// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { rfc3339 } from '@sealwatch/base'
import { type Authorised, actBy } from '../access/index.ts'
import {
  type Act,
  type ActBy,
  type Authority,
  type Follows,
  type Recorded,
  type RecordOptions,
  recordAct,
  renewalGraceMs,
  type ServiceCertificate,
  verifyCertificateRequest,
} from '../identity/index.ts'
import { across, type Tables, type Tx } from '../store/index.ts'
import { perTenantMax, trustError } from './errors.ts'
import type { KeyRegistry } from './registry.ts'

export type CertificateRow = {
  readonly certificateId: string
  readonly producer: string
  readonly serial: string
  readonly issuedAt: string
  readonly issuedBy: string
  readonly renewedAt: string | null
  readonly expiresAt: string
  readonly revokedAt: string | null
}

/** DER: the service's, then the CA's. */
export type IssuedChain = readonly Uint8Array[]

/** The certificates that services come with, on the agents' port. Each lives for a day, and is renewed by itself. */
export type Certificates = {
  /** Throws PRODUCER_UNKNOWN. */
  list(by: Authorised<'producer:read'>, producer: string): Promise<CertificateRow[]>
  /** For the key of the request. Throws PRODUCER_UNKNOWN, CSR_INVALID or TRUST_TOO_MANY. */
  issue(
    by: Authorised<'producer:manage'>,
    producer: string,
    csr: Uint8Array,
  ): Promise<{ readonly chain: IssuedChain; readonly row: CertificateRow; readonly recorded: Recorded }>
  /** For good, with all that it was renewed to; ends its connections at once. Throws CERTIFICATE_UNKNOWN. */
  revoke(
    by: Authorised<'producer:manage'>,
    one: { readonly producer: string; readonly certificateId: string },
    cause: string,
  ): Promise<Recorded>
  /** Whether it counts, its time aside. Throws CERTIFICATE_REVOKED. */
  check(certificate: ServiceCertificate): void
  /** Calls `close` when it is revoked; the returned function ends that. */
  attach(certificate: ServiceCertificate, close: () => void): () => void
  /** The next one of the same, for the key of the request. Throws CSR_INVALID or CERTIFICATE_REVOKED. */
  renew(by: Authorised<'rows:write'>, certificate: ServiceCertificate, csr: Uint8Array): Promise<IssuedChain>
  /** Those of a tenant that goes count no more. */
  forgetTenant(tenant: string): void
}

export type CertificatesOptions = RecordOptions & {
  readonly keys: Pick<KeyRegistry, 'of'>
  readonly authority: Authority
}

type Kept = { readonly tenant: string; readonly producer: string; readonly closers: Set<() => void> }

export async function openCertificates(options: CertificatesOptions): Promise<Certificates> {
  const { store, keys, authority, clock } = options
  // Those that count. Of one that is not here nothing is let in.
  const live = new Map<string, Kept>()
  const put = (certificateId: string, { tenant, producer }: Pick<Kept, 'tenant' | 'producer'>) =>
    void live.set(certificateId, { tenant, producer, closers: new Set() })
  const started = across(store.db, 'start').selectFrom('service_certificates').selectAll()
  for (const row of await started.where('revoked_at', 'is', null).execute()) put(row.certificate_id, row)

  function drop(certificateId: string): void {
    const gone = live.get(certificateId)
    live.delete(certificateId)
    for (const close of gone?.closers ?? []) close()
  }

  function checkProducer(tenant: string, producer: string, attempted: string): void {
    if (keys.of(tenant).producer('service', producer) === undefined)
      throw trustError('PRODUCER_UNKNOWN', { attempted, received: producer })
  }

  function check({ tenant, producer, certificateId, holder }: ServiceCertificate): void {
    const kept = live.get(certificateId)
    if (kept?.tenant === tenant && kept.producer === producer) return
    throw trustError('CERTIFICATE_REVOKED', { attempted: `admitting ${holder}`, received: certificateId })
  }

  const rowOf = (row: Tables['service_certificates']): CertificateRow => ({
    certificateId: row.certificate_id,
    producer: row.producer,
    serial: row.serial,
    issuedAt: row.issued_at,
    issuedBy: row.issued_by,
    renewedAt: row.renewed_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  })

  const rowsOf = (tenant: string, producer: string) =>
    store.db
      .selectFrom('service_certificates')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('producer', '=', producer)
      .orderBy('issued_at')
      .execute()

  function act(
    { tenant, by }: { readonly tenant: string; readonly by: ActBy },
    name: {
      readonly producer: string
      readonly certificateId: string
      readonly serial?: string
      readonly cause?: string
    },
    matter: Pick<Act, 'code' | 'verb' | 'severity' | 'message'>,
    change: (tx: Tx, now: string) => Promise<void>,
    follows: Follows,
  ): Promise<Recorded> {
    const { producer, certificateId, serial, cause } = name
    const entity = { type: 'Service Certificate', uid: certificateId }
    const details = {
      producer,
      ...(serial !== undefined && { certificate_serial: serial }),
      ...(cause !== undefined && { cause }),
    }
    return recordAct(
      options,
      { ...matter, component: 'trust', tenant, by, entity, details },
      (tx, timeNs) => change(tx, rfc3339(timeNs)),
      follows,
    )
  }

  /** What is over for longer than it may be renewed is forgotten. */
  async function makeRoom(tx: Tx, tenant: string, producer: string, attempted: string): Promise<void> {
    const over = rfc3339(clock.nowNs() - BigInt(renewalGraceMs) * 1_000_000n)
    await tx
      .deleteFrom('service_certificates')
      .where('tenant', '=', tenant)
      .where('producer', '=', producer)
      .where('expires_at', '<', over)
      .execute()
    const kept = await tx
      .selectFrom('service_certificates')
      .select('certificate_id')
      .where('tenant', '=', tenant)
      .where('producer', '=', producer)
      .where('revoked_at', 'is', null)
      .execute()
    if (kept.length >= perTenantMax.certificatesOfProducer)
      throw trustError('TRUST_TOO_MANY', { attempted, received: `${kept.length} certificates of ${producer}` })
  }

  const expiryOf = ({ expiresAtMs }: { readonly expiresAtMs: number }) => rfc3339(BigInt(expiresAtMs) * 1_000_000n)

  return {
    list: async ({ tenant }, producer) => {
      checkProducer(tenant, producer, 'listing the certificates of a service')
      return (await rowsOf(tenant, producer)).map(rowOf)
    },
    issue: async (by, producer, csr) => {
      const { tenant } = by
      const attempted = `certifying the service ${producer}`
      checkProducer(tenant, producer, attempted)
      const certificateId = `crt_${randomBytes(10).toString('hex')}`
      const name = { tenant, producer, certificateId }
      const issued = await authority.issueService(await verifyCertificateRequest(csr), name)
      const { serial } = issued
      let row: Tables['service_certificates'] | undefined
      const recorded = await act(
        { tenant, by: actBy(by) },
        { ...name, serial },
        {
          code: 'service_certified',
          verb: 'create',
          severity: 'medium',
          message: `the service ${producer} may come with the certificate ${certificateId}, until ${expiryOf(issued)} and as long as it is renewed`,
        },
        async (tx, now) => {
          await makeRoom(tx, tenant, producer, attempted)
          row = {
            ...{ tenant, certificate_id: certificateId, producer, serial, issued_at: now, issued_by: actBy(by).name },
            ...{ renewed_at: null, expires_at: expiryOf(issued), revoked_at: null },
          }
          await tx.insertInto('service_certificates').values(row).execute()
        },
        { given: async () => put(certificateId, name) },
      )
      return { chain: issued.chain, row: rowOf(row as Tables['service_certificates']), recorded }
    },
    revoke: async (by, { producer, certificateId }, cause) => {
      const { tenant } = by
      const attempted = 'revoking a certificate'
      checkProducer(tenant, producer, attempted)
      const known = (await rowsOf(tenant, producer)).some((row) => row.certificate_id === certificateId)
      if (!known) throw trustError('CERTIFICATE_UNKNOWN', { attempted, received: certificateId })
      const message = `the certificate ${certificateId} of the service ${producer} was revoked: ${cause}`
      return act(
        { tenant, by: actBy(by) },
        { producer, certificateId, cause },
        { code: 'service_certificate_revoked', verb: 'delete', severity: 'high', message },
        async (tx, now) => {
          await tx
            .updateTable('service_certificates')
            .set({ revoked_at: now })
            .where('tenant', '=', tenant)
            .where('certificate_id', '=', certificateId)
            .where('revoked_at', 'is', null)
            .execute()
        },
        { taken: () => drop(certificateId) },
      )
    },
    check,
    attach: ({ certificateId }, close) => {
      const closers = live.get(certificateId)?.closers
      closers?.add(close)
      return () => void closers?.delete(close)
    },
    renew: async (by, certificate, csr) => {
      const { tenant, producer, certificateId } = certificate
      const issued = await authority.issueService(await verifyCertificateRequest(csr), certificate)
      const { serial } = issued
      const expires_at = expiryOf(issued)
      const message = `the certificate ${certificateId} of the service ${producer} was renewed until ${expires_at}`
      await act(
        { tenant, by: actBy(by) },
        { producer, certificateId, serial },
        { code: 'service_certificate_renewed', verb: 'update', severity: 'informational', message },
        async (tx, renewed_at) => {
          const { numUpdatedRows } = await tx
            .updateTable('service_certificates')
            .set({ serial, expires_at, renewed_at })
            .where('tenant', '=', tenant)
            .where('certificate_id', '=', certificateId)
            .where('revoked_at', 'is', null)
            .executeTakeFirst()
          if (numUpdatedRows === 0n)
            throw trustError('CERTIFICATE_REVOKED', { attempted: 'renewing a certificate', received: certificateId })
        },
        {},
      )
      // It may have been revoked meanwhile.
      check(certificate)
      return issued.chain
    },
    forgetTenant: (tenant) => {
      for (const [certificateId, kept] of live) if (kept.tenant === tenant) drop(certificateId)
    },
  }
}
