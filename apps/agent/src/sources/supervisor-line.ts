// SPDX-License-Identifier: Apache-2.0

import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type AgentSays, readSupervisorSays, type SupervisorSays, supervisionLimits } from '@sealwatch/contract'

export type SupervisorLine = {
  readonly isOpen: boolean
  say(says: AgentSays): void
  close(): void
}

/** The supervisor's end is another process's; what is not of the form is left out. `onEnd`: there is no supervisor any more. */
export function openSupervisorLine(
  socket: Duplex,
  on: { readonly said: (says: SupervisorSays) => void; readonly ended: () => void },
): SupervisorLine {
  let rest = ''
  let isClosed = false
  const end = () => {
    if (isClosed) return
    isClosed = true
    socket.destroy()
    on.ended()
  }
  socket.on('error', end).on('end', end).on('close', end)
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = (lines.pop() ?? '').slice(0, supervisionLimits.lineBytesMax)
    for (const line of lines) {
      const says = readSupervisorSays(line)
      if (says !== undefined) on.said(says)
    }
  })
  return {
    get isOpen() {
      return !isClosed
    },
    say: (says) => void (isClosed || socket.write(`${JSON.stringify(says)}\n`)),
    close: () => {
      isClosed = true
      socket.destroy()
    },
  }
}

/** The descriptor that this process was born with. */
export const supervisorSocket = (fd: number): Duplex => new Socket({ fd, readable: true, writable: true })
