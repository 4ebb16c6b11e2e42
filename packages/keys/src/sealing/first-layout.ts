// SPDX-License-Identifier: Apache-2.0

import { createDecipheriv } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Disk } from '@sealwatch/base'
import { tenantForm } from '@sealwatch/contract'
import { objectKey, saltBytes, tagBytes } from './envelope.ts'
import { sealingError } from './errors.ts'
import { overwrite } from './local-master-key.ts'
import { keyBytes } from './locked-memory.ts'
import type { TenantKeys } from './tenant-keys.ts'

/**
 * What was sealed before there were epochs: 1, salt (32), ciphertext, tag (16), each under an object key of its own with
 * a nonce of zeros (sealing.md, 6). Nothing is sealed so any more.
 */
export function openFirstLayout(from: Uint8Array, place: string, sealed: Uint8Array): Uint8Array {
  const key = objectKey(from, sealed.subarray(1, 1 + saltBytes), 'sealwatch.dev/sealed/v1')
  try {
    if (sealed.length < 1 + saltBytes + tagBytes) throw new RangeError(`${sealed.length} bytes`)
    const decipher = createDecipheriv('aes-256-gcm', key, new Uint8Array(12), { authTagLength: tagBytes })
    decipher.setAAD(Buffer.from(place)).setAuthTag(sealed.subarray(-tagBytes))
    const plain = decipher.update(sealed.subarray(1 + saltBytes, -tagBytes))
    decipher.final()
    return plain
  } catch (cause) {
    throw sealingError('SEALED_UNREADABLE', { attempted: `opening the sealed value of ${place}`, cause })
  } finally {
    key.fill(0)
  }
}

/** Takes keys that lie bare as `kek-<tenant>.key` under the master key, as epoch 0, and overwrites the files. */
export async function adoptBareKeys(dir: string, tenantKeys: TenantKeys, disk: Disk): Promise<string[]> {
  const adopted: string[] = []
  for (const name of await readdir(dir)) {
    const tenant = /^kek-(.+)\.key$/.exec(name)?.[1]
    if (tenant === undefined || !tenantForm.test(tenant)) continue
    const path = join(dir, name)
    const key = new Uint8Array(await readFile(path))
    if (key.length !== keyBytes)
      throw sealingError('KEYS_DAMAGED', { attempted: `reading the key ${path}`, received: `${key.length} bytes` })
    await tenantKeys.adopt(tenant, key)
    key.fill(0)
    // Wrapped and durable, the bare file is still there. If we stop here, the next start finds both and goes on.
    await overwrite(path)
    await disk.remove(path)
    adopted.push(tenant)
  }
  return adopted
}
