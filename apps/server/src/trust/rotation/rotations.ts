// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import {
  digestOfChange,
  encodeKeyProbe,
  type KeyProbe,
  keyProbeType,
  manifestCrypto,
  preAuthEncoding,
} from '@sealwatch/keys'
import { type Authorised, actBy } from '../../access/index.ts'
import { type Act, type Follows, type Recorded, type RecordOptions, recordAct } from '../../identity/index.ts'
import type { KeyState, Tx } from '../../store/index.ts'
import { trustError } from '../errors.ts'
import { spkiOf } from '../key-form.ts'
import { sayOfKey, updateKey } from '../key-rows.ts'
import type { Manifests } from '../manifests/index.ts'
import { checkService } from '../producers.ts'
import type { KeyRegistry } from '../registry.ts'
import { readKeys, type SigningKey } from '../signing-key.ts'
import { isDecoy } from './promotion.ts'

/** A key on its way: what its state is, and when it was found to be held by its producer. */
export type RotatingKey = {
  readonly key: SigningKey
  readonly testedAt: string | null
  /** What a manifest for its promotion names. */
  readonly promotionDigest: string
}

/** How another key of a service comes to count: candidate, tested, staged, promoted (docs/formats/key-states.md). */
export type Rotations = {
  readonly deployment: string
  /** Throws PRODUCER_UNKNOWN. */
  list(by: Authorised<'producer:read'>, producer: string): Promise<RotatingKey[]>
  /** What the key is to sign. Throws SIGNING_KEY_UNKNOWN. */
  probe(by: Authorised<'producer:read'>, keyId: string): Promise<KeyProbe>
  /** `signature` is over the probe as DSSE signs it. Throws SIGNING_KEY_STATE, SIGNING_KEY_UNTESTED and as `revoke`. */
  test(by: Authorised<'producer:manage'>, keyId: string, signature: Uint8Array): Promise<Recorded>
  /** Throws SIGNING_KEY_STATE, SIGNING_KEY_UNTESTED. */
  stage(by: Authorised<'producer:manage'>, keyId: string): Promise<Recorded>
  /** The key counts once its line is in the ledger. Throws SIGNING_KEY_STATE, and as `requireManifest`. */
  promote(by: Authorised<'producer:manage'>, keyId: string): Promise<Recorded>
}

export function createRotations(
  options: RecordOptions & { readonly keys: KeyRegistry; readonly manifests: Manifests },
): Rotations {
  const { store, outbox, keys, manifests } = options
  const { deployment } = manifests

  /** One that people made, in the state from which it goes on. */
  async function keyIn(tenant: string, keyId: string, state: KeyState, attempted: string): Promise<SigningKey> {
    const [key] = await readKeys(store.db, { tenant, keyId })
    if (key === undefined || !keys.isVouched(key))
      throw trustError('SIGNING_KEY_UNKNOWN', { attempted, received: keyId })
    if (key.source !== 'api')
      throw trustError('SIGNING_KEY_ELSEWHERE', { attempted, received: `${keyId}, by ${key.source}` })
    if (key.revokedAt !== null) throw trustError('SIGNING_KEY_REVOKED', { attempted, received: keyId })
    if (key.state !== state)
      throw trustError('SIGNING_KEY_STATE', { attempted, received: `${keyId}, which is ${key.state}` })
    return key
  }

  const probeOf = ({ tenant, producer, keyId, ...key }: SigningKey): KeyProbe => ({
    type: 'key-probe',
    deployment,
    tenant,
    producer,
    key_id: keyId,
    public_key: spkiOf(key).toBase64(),
  })

  const promotionDigest = ({ tenant, producer, keyId, ...key }: SigningKey) =>
    digestOfChange(
      { action: 'key-promotion', tenant, producer, key_id: keyId, public_key: spkiOf(key).toBase64() },
      manifestCrypto,
    )

  async function testedAt(tenant: string): Promise<ReadonlyMap<string, string>> {
    const rows = await store.db.selectFrom('signing_key_tests').selectAll().where('tenant', '=', tenant).execute()
    return new Map(rows.map(({ key_id, tested_at }) => [key_id, tested_at]))
  }

  function act(
    by: Authorised,
    { tenant, producer, keyId }: SigningKey,
    matter: Pick<Act, 'code' | 'severity' | 'message'> & { readonly details?: object },
    change: (tx: Tx, timeNs: bigint) => Promise<unknown>,
    follows?: Follows,
  ): Promise<Recorded> {
    const { details: more, ...told } = matter
    const details = { producer, producer_kind: 'service', signing_key_id: keyId, ...more }
    const entity = { type: 'Signing Key', uid: `${tenant}/${keyId}` }
    return recordAct(
      options,
      { ...told, verb: 'update', component: 'trust', tenant, by: actBy(by), entity, details },
      async (tx, timeNs) => void (await change(tx, timeNs)),
      follows,
    )
  }

  async function moved(tx: Tx, key: SigningKey, state: KeyState, timeNs: bigint): Promise<void> {
    const row = await updateKey(tx, key, { state, was: key.state })
    await sayOfKey(tx, outbox, row, { change: 'state', changedAt: rfc3339(timeNs) })
  }

  return {
    deployment,
    list: async ({ tenant }, producer) => {
      const tested = await testedAt(tenant)
      const all = await readKeys(store.db, { tenant })
      const rows = all.filter((key) => key.kind === 'service' && key.producer === producer)
      if (rows.length === 0) await checkService(store.db, { tenant, producer }, 'reading the keys of a service')
      return rows
        .toSorted((a, b) => (a.validFrom < b.validFrom ? -1 : 1))
        .map((key) => ({ key, testedAt: tested.get(key.keyId) ?? null, promotionDigest: promotionDigest(key) }))
    },
    probe: async ({ tenant }, keyId) => {
      const [key] = await readKeys(store.db, { tenant, keyId })
      if (key?.kind === 'service') return probeOf(key)
      throw trustError('SIGNING_KEY_UNKNOWN', { attempted: 'reading what a key is to sign', received: keyId })
    },
    test: async (by, keyId, signature) => {
      const { tenant } = by
      const attempted = `testing the key ${keyId.slice(0, 128)}`
      const key = await keyIn(tenant, keyId, 'candidate', attempted)
      const message = preAuthEncoding(keyProbeType, encodeKeyProbe(probeOf(key)))
      if (!manifestCrypto.verify(key.algorithm, spkiOf(key), message, signature))
        throw trustError('SIGNING_KEY_UNTESTED', { attempted, received: 'a signature that is not that of the key' })
      const told = {
        code: 'signing_key_tested',
        severity: 'low',
        message: `the service ${key.producer} has shown that it holds the key ${keyId}`,
      } as const
      return act(by, key, told, async (tx, timeNs) => {
        const row = { tenant, key_id: keyId, tested_at: rfc3339(timeNs), signature: signature.toBase64() }
        await tx
          .insertInto('signing_key_tests')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .execute()
      })
    },
    stage: async (by, keyId) => {
      const attempted = `staging the key ${keyId.slice(0, 128)}`
      const key = await keyIn(by.tenant, keyId, 'candidate', attempted)
      if (!(await testedAt(by.tenant)).has(keyId))
        throw trustError('SIGNING_KEY_UNTESTED', { attempted, received: `${keyId}, which has signed nothing yet` })
      const told = {
        code: 'signing_key_staged',
        severity: 'medium',
        message: `the key ${keyId} of the service ${key.producer} waits to be promoted`,
      } as const
      return act(by, key, told, (tx, timeNs) => moved(tx, key, 'staged', timeNs), keys.giveKey(key))
    },
    promote: async (by, keyId) => {
      const attempted = `promoting the key ${keyId.slice(0, 128)}`
      const key = await keyIn(by.tenant, keyId, 'staged', attempted)
      const wanted = { action: 'key-promotion', digest: promotionDigest(key) } as const
      const approval = isDecoy(key.producer) ? undefined : await manifests.requireManifest(wanted, attempted)
      const told = {
        code: 'signing_key_promoted',
        severity: 'high',
        message: `the service ${key.producer} may sign with the key ${keyId}`,
        details: approval?.details ?? {},
      } as const
      return act(
        by,
        key,
        told,
        async (tx, timeNs) => {
          await approval?.consume(tx, timeNs, actBy(by))
          await moved(tx, key, 'active', timeNs)
        },
        keys.giveKey(key),
      )
    },
  }
}
