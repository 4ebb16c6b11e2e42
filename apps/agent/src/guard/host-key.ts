// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { asUser, type Clock } from '@sealwatch/base'
import { type Ed25519Signer, signerOf } from '@sealwatch/keys'

const lookEveryMs = 50

/**
 * The key of this host, by which its guard seals as its agent does. It is the agent's, which makes it at its first start: so it is waited for, and
 * read as the agent's user. Undefined: the signal fired before. Throws what stands in the way.
 */
export async function readHostKey(
  path: string,
  owner: { readonly uid: number; readonly gid: number },
  clock: Clock,
  signal: AbortSignal,
): Promise<Ed25519Signer | undefined> {
  while (!signal.aborted) {
    try {
      const pem = asUser(owner, () => readFileSync(path, 'utf8'))
      return signerOf(createPrivateKey(pem))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    await clock.sleep(lookEveryMs, signal)
  }
  return undefined
}
