// SPDX-License-Identifier: Apache-2.0

import { afterClose, type FeedFrame, type FeedState, frameOf, waitBefore } from '../model/feed.ts'
import type { Clock } from './clock.ts'

export type FeedOptions = {
  readonly clock: Clock
  readonly onFrame: (frame: FeedFrame) => void
  readonly onState: (state: FeedState) => void
  /** The session that it was opened with is over. */
  readonly onSessionEnd: () => void
}

/** Listens until it is closed; where it was interrupted it goes on, so that nothing is missed. */
export function openFeed({ clock, onFrame, onState, onSessionEnd }: FeedOptions): { close(): void } {
  let cursor: number | undefined
  let attempt = 0
  let socket: WebSocket | undefined
  let callOff: () => void = () => undefined
  let isOver = false

  const open = () => {
    onState(attempt === 0 ? 'connecting' : 'away')
    const url = new URL('/api/v1/feed', window.location.href)
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    if (cursor !== undefined) url.searchParams.set('cursor', String(cursor))
    const opened = new WebSocket(url)
    socket = opened
    opened.onopen = () => {
      attempt = 0
      onState('live')
    }
    opened.onmessage = ({ data }) => {
      const frame = frameOf(String(data))
      if (frame === undefined) return
      cursor = frame.cursor
      onFrame(frame)
    }
    opened.onclose = ({ code }) => {
      if (isOver) return
      const next = afterClose(code)
      onState('away')
      if (next === 'session') onSessionEnd()
      if (next !== 'again') return
      const [share = 0] = crypto.getRandomValues(new Uint32Array(1))
      callOff = clock.after(waitBefore(attempt, share / 2 ** 32), open)
      attempt += 1
    }
  }
  const hurry = () => {
    if (isOver || socket?.readyState !== WebSocket.CLOSED) return
    callOff()
    open()
  }
  window.addEventListener('online', hurry)
  open()
  return {
    close: () => {
      isOver = true
      callOff()
      window.removeEventListener('online', hurry)
      socket?.close()
    },
  }
}
