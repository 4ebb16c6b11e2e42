// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { keeperIn } from './epochs.ts'
import { sealingError } from './errors.ts'
import { createKeyCache } from './key-cache.ts'
import { openKeyStore } from './key-store.ts'
import { localMasterKey } from './local-master-key.ts'
import { openLockedMemory } from './locked-memory.ts'
import type { SealingOptions } from './sealing.ts'
import { createSubjectKeys } from './subject-keys.ts'
import { createTenantKeys } from './tenant-keys.ts'
import { createValues, type Values } from './values.ts'

/** Opens what was sealed below a directory, and makes, takes in and retires no key. */
export type SealedReader = Pick<Values, 'open'> & { close(): void }

const keysMax = 512

/** Of a stopped server. Throws KEYS_DAMAGED where there are no keys. */
export function openSealedReader({
  dir,
  kms,
  clock,
  disk,
}: Pick<SealingOptions, 'dir' | 'kms' | 'clock' | 'disk'>): SealedReader {
  const path = join(dir, 'keys.sqlite')
  if (!existsSync(path))
    throw sealingError('KEYS_DAMAGED', { attempted: `opening ${path}`, received: 'no keys.sqlite' })
  const memory = openLockedMemory(2 * keysMax)
  const caches = [1, 2].map(() => createKeyCache(memory, { ttlMs: 3_600_000, keysMax }, clock))
  const [cache, objectCache] = caches as [(typeof caches)[0], (typeof caches)[0]]
  const store = openKeyStore(path)
  const keepers = { kms, local: localMasterKey({ dir, disk, cache, random: randomBytes }) }
  const rows = store.epochs()
  const newest = rows.at(-1)
  if (newest === undefined) {
    store.close()
    throw sealingError('KEYS_DAMAGED', { attempted: `opening ${path}`, received: 'no epoch' })
  }
  const epochs = {
    current: newest,
    of: (epoch: number) => keeperIn(rows, keepers, epoch),
    retireIdle: async () => undefined,
  }
  const tenantKeys = createTenantKeys({ store, epochs, cache, clock, random: randomBytes })
  const subjectKeys = createSubjectKeys({ store, tenantKeys, cache, random: randomBytes })
  const { open } = createValues({ store, tenantKeys, subjectKeys, objectCache, random: randomBytes })
  const close = () => {
    for (const held of caches) held.evict('')
    store.close()
  }
  return { open, close }
}
