// SPDX-License-Identifier: Apache-2.0

import type { Socket } from 'node:net'
import process from 'node:process'
import { CallFailed, openLibc } from './hardening/libc.ts'

/** Who connected, as the kernel knows it since then: pid 0 where it lives in a pid namespace that is not below ours. */
export type PeerCredentials = { readonly pid: number; readonly uid: number; readonly gid: number }

const getsockopt = { x64: 55, arm64: 209 } as const
const [SOL_SOCKET, SO_PEERCRED] = [1, 17]
/** struct ucred of unix(7): three numbers of four bytes. */
const bytesOfUcred = 12

/**
 * Asks the kernel who is at the other end of a socket of the Unix family. Undefined: the socket is closed. Throws CallFailed where
 * nobody can be asked: who must know that does not serve.
 */
export function openPeerCredentials(): (socket: Socket) => PeerCredentials | undefined {
  const { arch } = process
  if (arch !== 'x64' && arch !== 'arm64') throw new CallFailed(`nobody knows the system calls of ${arch}`)
  const libc = openLibc()
  return (socket) => {
    // Node has no name for it.
    const fd = (socket as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd ?? -1
    if (fd < 0) return undefined
    const said = new Uint32Array(bytesOfUcred / Uint32Array.BYTES_PER_ELEMENT)
    const length = new Uint32Array([bytesOfUcred])
    const [saidAt, lengthAt] = [said, length].map(({ buffer }) => libc.pointerTo(new Uint8Array(buffer)))
    libc.syscall('getsockopt', getsockopt[arch], fd, SOL_SOCKET, SO_PEERCRED, saidAt ?? 0, lengthAt ?? 0)
    const [pid = 0, uid = 0, gid = 0] = said
    return { pid, uid, gid }
  }
}
