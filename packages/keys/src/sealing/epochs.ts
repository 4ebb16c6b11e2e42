// SPDX-License-Identifier: Apache-2.0

import { type Clock, rfc3339 } from '@sealwatch/base'
import { sealingError } from './errors.ts'
import type { EpochRow, KeyStore } from './key-store.ts'
import type { MasterKey } from './master-key.ts'

/** Where the settings want the system master key: '' in files of this machine, else the KMS key of that id. */
export type MasterChoice = { readonly kmsKeyId: string }

export type Keepers = Readonly<Record<EpochRow['kind'], MasterKey>>

/** The epochs of the system master key. The newest wraps what is new; the others are there for what they still wrap. */
export type Epochs = {
  readonly current: EpochRow
  of(epoch: number): { readonly keyId: string; readonly keeper: MasterKey }
  /** Begins a new epoch, durable when it resolves. Throws KEYS_UNAVAILABLE, and the epoch before stays current. */
  rotate(): Promise<EpochRow>
  /** Destroys master keys under which nothing is wrapped any more. */
  retireIdle(): Promise<void>
}

export async function openEpochs(options: {
  readonly store: KeyStore
  readonly keepers: Keepers
  readonly choice: MasterChoice
  readonly clock: Clock
  /** Files of master keys on this machine: their epochs. */
  readonly found: readonly number[]
}): Promise<Epochs> {
  const { store, keepers, choice, clock, found } = options
  const kind = choice.kmsKeyId === '' ? 'local' : 'kms'
  let rows = store.epochs()
  let rotating: Promise<unknown> = Promise.resolve()
  const current = () => rows.at(-1) as EpochRow

  async function begin(): Promise<EpochRow> {
    const epoch = store.planEpoch()
    // The number is taken, the epoch has not begun. If we stop here, the next beginning takes the same number and makes
    // its key anew: nothing is wrapped under it yet.
    const keyId = await keepers[kind].begin(epoch, choice.kmsKeyId)
    store.beginEpoch({ epoch, kind, asked: choice.kmsKeyId, keyId, createdAt: rfc3339(clock.nowNs()) })
    rows = store.epochs()
    return current()
  }

  async function retireIdle(): Promise<void> {
    for (const { epoch, retiredAt, kind: kindOf } of rows) {
      // Looked at in the very turn: a tenant's key is only ever added under the epoch that is current then.
      if (epoch === current().epoch || store.tenantKeyCounts().some(({ masterEpoch }) => masterEpoch === epoch))
        continue
      if (retiredAt === null) store.retireEpoch(epoch, rfc3339(clock.nowNs()))
      // Retired on record, its key is still there. If we stop here, the next start destroys it.
      await keepers[kindOf].destroy(epoch)
    }
    rows = store.epochs()
  }

  if (rows.length === 0 && found.some((epoch) => epoch !== store.plannedEpoch()))
    throw sealingError('KEYS_DAMAGED', { attempted: 'opening the keys', received: 'master keys without keys.sqlite' })
  for (const { epoch, kind: kindOf, retiredAt } of rows) if (retiredAt === null) await keepers[kindOf].check(epoch)
  if (rows.length === 0 || current().kind !== kind || current().asked !== choice.kmsKeyId) await begin()
  await retireIdle()

  return {
    get current() {
      return current()
    },
    of: (epoch) => keeperIn(rows, keepers, epoch),
    rotate: () => {
      const turn = rotating.then(begin)
      rotating = turn.catch(() => undefined)
      return turn
    },
    retireIdle,
  }
}

/** Throws KEYS_DAMAGED where no row tells of the epoch. */
export function keeperIn(rows: readonly EpochRow[], keepers: Keepers, epoch: number): ReturnType<Epochs['of']> {
  const row = rows.find((one) => one.epoch === epoch)
  if (row === undefined) throw sealingError('KEYS_DAMAGED', { attempted: 'looking for a master key', received: epoch })
  return { keyId: row.keyId, keeper: keepers[row.kind] }
}
