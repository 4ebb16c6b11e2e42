// SPDX-License-Identifier: Apache-2.0
// The guard's end of docs/formats/frame.md, 11: what the sensor tells it at once, and whom it tells the sensor to look at.

import { type Clock, isSealwatchError, type Log } from '@sealwatch/base'
import type { SensorHello, SensorMessage } from '../sources/observation.ts'
import { holdOrder, type TableSecret } from '../sources/sensor-order.ts'
import type { SensorConnection, SensorSocket } from '../sources/sensor-socket.ts'
import { type Prevention, type ProtectedProcess, protectedLimits, protectedOrder } from './protected-order.ts'

export type Tier = 'ebpf' | 'polling' | 'none'

export type SensorLine = {
  readonly tier: Tier
  /** The sensor says that it follows the newest list. */
  readonly isFollowed: boolean
  /** Why this kernel refuses nothing for the guard; undefined: it does. */
  readonly preventsNothing: string | undefined
  /** Whom it looks at has changed; what comes together is told together. */
  changed(): void
  /** Until the signal fires. */
  run(connections: AsyncIterable<SensorConnection>, signal: AbortSignal): Promise<void>
}

/** How long the sensor goes on with a list, and how often it is told that it holds. */
const [secondsHeld, holdEveryMs] = [300, 60_000]
/** A service that forks changes the list again and again: what comes within this time is told together. */
const gatherMs = 5

export function createSensorLine(options: {
  readonly socket: Pick<SensorSocket, 'tell'>
  readonly protected: () => {
    readonly processes: readonly ProtectedProcess[]
    readonly images: readonly string[]
    readonly prevention?: Prevention
  }
  readonly take: (messages: readonly SensorMessage[]) => Promise<void>
  /** It came, or is gone. */
  readonly onTier: (tier: Tier) => void
  readonly secret: TableSecret
  readonly clock: Clock
  readonly log: Log
}): SensorLine {
  const { socket, take, onTier, secret, clock, log } = options
  let tier: Tier = 'none'
  let number = 0
  let isDue = false
  let followed: number | undefined
  let preventsNothing: string | undefined = 'no sensor has come yet'

  function turn(next: Tier): void {
    if (next === tier) return
    tier = next
    onTier(next)
  }

  function tell(): void {
    isDue = false
    const { processes, images, prevention } = options.protected()
    number += 1
    // The registry holds no more than the sensor takes; of paths that are too long the processes are named alone.
    const { imagesMax, imageBytes } = protectedLimits
    const told = images.filter((path) => Buffer.byteLength(path) < imageBytes).slice(0, imagesMax)
    if (told.length < images.length)
      log.warn('not every program can be told to the sensor: starts of the others are seen within a second', {
        images: images.length,
        told: told.length,
      })
    const table = { processes, images: told, ...(prevention && { prevention }) }
    socket.tell(protectedOrder(table, number, secondsHeld, secret))
  }

  async function hold(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(holdEveryMs, signal)
      if (tier !== 'none' && !signal.aborted) socket.tell(holdOrder(number, secondsHeld))
    }
  }

  async function hear(connection: SensorConnection): Promise<void> {
    try {
      for await (const messages of connection) {
        const hello = messages.find((message): message is SensorHello => message.kind === 'hello')
        if (hello !== undefined) {
          preventsNothing = preventsNothingOf(hello)
          turn(hello.modes.process === 'ebpf' && hello.modes.file === 'ebpf' ? 'ebpf' : 'polling')
          tell()
        }
        followed = messages.findLast((message) => message.kind === 'report')?.table ?? followed
        await take(messages)
      }
    } catch (error) {
      if (!isSealwatchError(error)) throw error
      log.error('the sensor sent what nobody can read', { error })
    }
    turn('none')
  }

  return {
    get tier() {
      return tier
    },
    get isFollowed() {
      return tier !== 'none' && followed === number && !isDue
    },
    get preventsNothing() {
      return preventsNothing
    },
    changed() {
      if (isDue || tier === 'none') return
      isDue = true
      void clock.sleep(gatherMs).then(() => {
        if (isDue && tier !== 'none') tell()
      })
    },
    async run(connections, signal) {
      const holding = hold(signal)
      for await (const connection of connections) await hear(connection)
      await holding
    },
  }
}

/** docs/formats/frame.md, 12.8: of the site reach, which has a second tier. */
function preventsNothingOf({ attached: { reach } }: SensorHello): string | undefined {
  if (reach.reason.startsWith('tier 2: ')) return undefined
  return reach.reason.replace(/^tier 1: /, '') || 'there are no BPF programs'
}
