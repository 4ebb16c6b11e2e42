// SPDX-License-Identifier: Apache-2.0

import type { Io } from './io.ts'

/** Who runs us through sudo: what they asked for is theirs, to read, to verify and to send. */
export function sudoerOf({ uid, env }: Pick<Io, 'uid' | 'env'>): { uid: number; gid: number } | undefined {
  const [user, group] = [env.SUDO_UID, env.SUDO_GID].map((id) => (/^\d{1,10}$/.test(id ?? '') ? Number(id) : undefined))
  return uid !== 0 || user === undefined || group === undefined ? undefined : { uid: user, gid: group }
}
