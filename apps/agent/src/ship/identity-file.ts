// SPDX-License-Identifier: Apache-2.0

import { stat } from 'node:fs/promises'
import { shipError } from './errors.ts'
import { type Identity, readIdentity } from './identity.ts'

/** The file that holds who this host is, as far as somebody else writes it too. */
export type IdentityFile = {
  /** This process wrote what lies there now. */
  settle(): Promise<void>
  /** Whether another file lies there, as it lay there at the look before: a copy is written in parts. */
  hasChanged(): Promise<boolean>
  /**
   * What lies there, where it can take the place of `current`: the same host under the same CA, now, for its owner alone.
   * Throws IDENTITY_NOT_TAKEN.
   */
  read(current: Identity, nowMs: number): Promise<Identity>
}

const bytesMax = 64 * 1024

export async function openIdentityFile(path: string): Promise<IdentityFile> {
  let known = await signatureOf(path)
  let seen = known
  return {
    settle: async () => {
      known = await signatureOf(path)
      seen = known
    },
    hasChanged: async () => {
      const now = await signatureOf(path)
      const isSettled = now === seen && now !== known
      seen = now
      if (isSettled) known = now
      return isSettled
    },
    read: async (current, nowMs) => {
      const attempted = `taking the identity in ${path}`
      try {
        // Before it is read: what comes later is news.
        known = await signatureOf(path)
        const { mode, size } = await stat(path)
        if ((mode & 0o077) !== 0) throw new Error(`its mode is ${(mode & 0o777).toString(8)}`)
        if (size > bytesMax) throw new Error(`it has ${size} bytes`)
        const next = await readIdentity(path)
        if (next === undefined) throw new Error('there is none')
        checkSuccessor(next, current, nowMs)
        return next
      } catch (cause) {
        throw shipError('IDENTITY_NOT_TAKEN', { attempted, received: reasonOf(cause), cause })
      }
    },
  }
}

function checkSuccessor(next: Identity, current: Identity, nowMs: number): void {
  if (next.hostId !== current.hostId) throw new Error(`it is that of the host ${next.hostId}`)
  if (next.authority !== current.authority) throw new Error('it is of another CA')
  const { notBeforeMs, expiresAtMs } = next
  if (nowMs < notBeforeMs || nowMs >= expiresAtMs)
    throw new Error(
      `it is valid from ${new Date(notBeforeMs).toISOString()} until ${new Date(expiresAtMs).toISOString()}`,
    )
}

/** What readIdentity found wrong is the cause of its error. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error
  return cause instanceof Error ? cause.message : message
}

async function signatureOf(path: string): Promise<string> {
  try {
    const { ino, size, mode, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return [ino, size, mode, mtimeNs, ctimeNs].join(' ')
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
