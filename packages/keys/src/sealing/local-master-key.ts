// SPDX-License-Identifier: Apache-2.0

import { constants, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Disk } from '@sealwatch/base'
import { keyInfo, openAlone, type Random, sealAlone } from './envelope.ts'
import { sealingError } from './errors.ts'
import type { KeyCache } from './key-cache.ts'
import { type KeySlot, keyBytes } from './locked-memory.ts'
import type { MasterKey, WrapPlace } from './master-key.ts'

/** The system master key in files of its own, `master-<epoch>.key`: 32 bytes that their owner alone may read. */
export function localMasterKey(options: {
  readonly dir: string
  readonly disk: Disk
  readonly cache: KeyCache
  readonly random: Random
}): MasterKey {
  const { dir, disk, cache, random } = options
  const pathOf = (epoch: number) => join(dir, `master-${epoch}.key`)

  const use = <T>(epoch: number, work: (key: KeySlot) => T) =>
    cache.use(nameOf(epoch), () => readKey(pathOf(epoch)), work)

  return {
    begin: async (epoch) => {
      const key = random(keyBytes)
      // The file first: a master key that no epoch names is replaced here at the next attempt.
      await disk.replace(pathOf(epoch), key, 0o600)
      key.fill(0)
      return ''
    },
    wrap: (_keyId, place, key) =>
      use(place.masterEpoch, (master) => sealAlone(random, master.bytes, infoOf(place), placeOf(place), key)),
    unwrap: (_keyId, place, wrapped) =>
      use(place.masterEpoch, (master) => openAlone(master.bytes, infoOf(place), placeOf(place), wrapped)),
    check: (epoch) => use(epoch, () => undefined),
    probe: (epoch) => use(epoch, () => undefined),
    destroy: async (epoch) => {
      cache.evict(nameOf(epoch))
      await overwrite(pathOf(epoch))
      await disk.remove(pathOf(epoch))
    },
  }
}

/** No tenant's name holds a space. */
const nameOf = (epoch: number) => `master key ${epoch};`
const infoOf = ({ tenant, masterEpoch }: WrapPlace) => keyInfo('tenant-key', tenant, masterEpoch)
const placeOf = ({ tenant, epoch, masterEpoch }: WrapPlace) => `tenant-key/${tenant}/${epoch}/${masterEpoch}`

async function readKey(path: string): Promise<Uint8Array> {
  const attempted = `reading the master key ${path}`
  await using file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw sealingError('KEYS_DAMAGED', { attempted, received: cause.code, cause })
  })
  const { mode, size } = await file.stat()
  if ((mode & 0o077) !== 0)
    throw sealingError('KEYS_EXPOSED', { attempted, received: `mode ${(mode & 0o777).toString(8)}` })
  const key = new Uint8Array(keyBytes)
  const { bytesRead } = await file.read(key, 0, keyBytes, 0)
  if (size !== keyBytes || bytesRead !== keyBytes)
    throw sealingError('KEYS_DAMAGED', { attempted, received: `${size} bytes` })
  return key
}

/** In place, so that on a file system that writes in place the old bytes are gone before the name is. */
export async function overwrite(path: string): Promise<void> {
  try {
    await using file = await open(path, constants.O_WRONLY | constants.O_SYNC)
    await file.write(new Uint8Array((await file.stat()).size))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
  }
}
