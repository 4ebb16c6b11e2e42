// SPDX-License-Identifier: Apache-2.0

import { closeSync, writeSync } from 'node:fs'
import process from 'node:process'
import type { Clock } from './clock.ts'
import { messageOf } from './errors.ts'
import { openLibc } from './hardening/libc.ts'
import type { Log } from './log.ts'

/** Who keeps a program alive and asks to hear of it: systemd, of units of `Type=notify` (sd_notify(3)). */
export type ServiceManager = {
  /** Says that the program serves, and each second until the signal fires that its event loop turns. */
  serving(clock: Clock, signal: AbortSignal): void
}

const aliveEveryMs = 1_000
const [AF_UNIX, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_CLOEXEC] = [1, 2, 0o4_000, 0o2_000_000]
const pathBytesMax = 108
/** Node has no datagram sockets of this family, and a program of another would be another process. */
const calls = { socket: { x64: 41, arm64: 198 }, connect: { x64: 42, arm64: 203 } } as const

/** `name`: NOTIFY_SOCKET of the environment; one that begins with @ is no file. Call while any path may be opened. */
export function openServiceManager(name: string | undefined, log: Log): ServiceManager {
  const fd = name === undefined || name === '' ? undefined : connected(name, log)
  const say = (state: string) => {
    try {
      if (fd !== undefined) writeSync(fd, state)
    } catch (error) {
      // It is busy, or begins anew: the next one tells it the same.
      log.debug('the service manager was not told', { error })
    }
  }
  return {
    serving: (clock, signal) => {
      say('READY=1')
      void (async () => {
        while (fd !== undefined && !signal.aborted) {
          say('WATCHDOG=1')
          await clock.sleep(aliveEveryMs, signal)
        }
      })()
    },
  }
}

function connected(name: string, log: Log): number | undefined {
  const { arch } = process
  let fd: number | undefined
  try {
    if (arch !== 'x64' && arch !== 'arm64') throw new Error(`nobody knows the system calls of ${arch}`)
    const path = Buffer.from(name.replace(/^@/, '\0'))
    if (path.length > pathBytesMax) throw new Error(`a name of more than ${pathBytesMax} bytes`)
    const address = new Uint8Array(2 + path.length)
    address[0] = AF_UNIX
    address.set(path, 2)
    const libc = openLibc()
    fd = libc.syscall('socket', calls.socket[arch], AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    libc.syscall('connect', calls.connect[arch], fd, libc.pointerTo(address), address.length)
    return fd
  } catch (error) {
    log.warn('the service manager cannot be told that this program lives', { socket: name, reason: messageOf(error) })
    if (fd !== undefined) closeSync(fd)
    return undefined
  }
}
