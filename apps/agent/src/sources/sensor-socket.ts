// SPDX-License-Identifier: Apache-2.0

import type { Socket } from 'node:net'
import { openStandingSocket, systemClock } from '@sealwatch/base'
import type { SensorMessage } from './observation.ts'

/** One life of the sensor, or one of its reconnections: ends when the socket does. */
export type SensorConnection = AsyncIterable<readonly SensorMessage[]>

export type SensorSocket = {
  /** Connections one after the other, until the signal fires. */
  connections(signal: AbortSignal): AsyncIterable<SensorConnection>
  /** To the sensor whose connection is being read; whether there is one. */
  tell(bytes: Uint8Array): boolean
  close(): Promise<void>
}

export type FrameDecoder = { push(chunk: Uint8Array): readonly SensorMessage[] }

const socketMode = 0o660
/** The sensor connects again within 100 ms; more than a few at once is somebody else. */
const waitingMax = 4
/** A sensor that does not take what it is told is told no more. */
const untoldBytesMax = 1024 * 1024

/** Listens where the sensor connects, and anew where somebody took that away. Who may connect is decided by the directory's owner and mode. */
export async function listenForSensor(path: string, createDecoder: () => FrameDecoder): Promise<SensorSocket> {
  const waiting: Socket[] = []
  let heard: Socket | undefined
  let wake: () => void = () => undefined
  const take = (socket: Socket) => {
    // A sensor that is killed resets its socket; the end of the connection says the same.
    socket.on('error', () => socket.destroy())
    if (waiting.length >= waitingMax) {
      socket.destroy()
      return
    }
    waiting.push(socket)
    wake()
  }
  const standing = await openStandingSocket({
    path,
    mode: socketMode,
    take,
    clock: systemClock,
    pauseOnConnect: true,
  })

  async function* connections(signal: AbortSignal): AsyncGenerator<SensorConnection> {
    const onAbort = () => wake()
    signal.addEventListener('abort', onAbort)
    while (!signal.aborted) {
      const socket = waiting.shift()
      if (socket === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
          if (signal.aborted || waiting.length > 0) resolve()
        })
        continue
      }
      heard = socket
      yield readFrames(socket, createDecoder(), signal)
      heard = undefined
      socket.destroy()
    }
    signal.removeEventListener('abort', onAbort)
  }

  return {
    connections,
    tell: (bytes) => {
      if (heard === undefined || heard.destroyed || heard.writableLength > untoldBytesMax) return false
      heard.write(bytes)
      return true
    },
    close: async () => {
      for (const socket of waiting) socket.destroy()
      standing.close()
    },
  }
}

/** Reading waits for the consumer: a slow one fills the socket, then the ring, and the kernel counts what it drops. */
async function* readFrames(
  socket: Socket,
  decoder: FrameDecoder,
  signal: AbortSignal,
): SensorConnection & AsyncGenerator {
  const onAbort = () => socket.destroy()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      const messages = decoder.push(chunk)
      if (messages.length > 0) yield messages
    }
  } catch (error) {
    if (!socket.destroyed || isOurs(error)) throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
  }
}

const isOurs = (error: unknown) => !(error instanceof Error && 'code' in error && String(error.code).startsWith('E'))
