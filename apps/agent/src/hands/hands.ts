// SPDX-License-Identifier: Apache-2.0
// What the hands do with what they are told (docs/formats/orders.md): nothing that is not signed, allowed, new, and in time.

import { type Clock, isSealwatchError, type Log, type SealwatchError } from '@sealwatch/base'
import { type OpenedCommand, type OpenedOrder, openCommand, orderError } from '@sealwatch/keys'
import { handsError } from './errors.ts'
import type { Killed, Killer } from './kill.ts'
import type { Spared } from './spare.ts'
import type { Standing } from './standing.ts'

/** As it is sent. */
export type Refused = {
  readonly code: string
  readonly rule: string
  readonly received: string | null
  readonly advice: string
}
export type Done = {
  readonly step: 'kill' | 'kill_tree'
  readonly pid: number
  readonly start_ns: string
  readonly received_ns: string
  readonly signalled_ns: string
  readonly ended_ns: string | null
  readonly freed: boolean
} & Pick<Killed, 'killed' | 'rounds' | 'spared' | 'left'>
export type Answer = { readonly number: number | null } & ({ readonly done: Done } | { readonly refused: Refused })
export type Hello = {
  readonly v: 1
  readonly nonce: string
  readonly number: number
  readonly order: {
    readonly digest: string
    readonly host: string
    readonly version: number
    readonly steps: readonly string[]
    readonly scope: readonly string[]
    readonly expires_at: string
  } | null
  readonly refused: Refused | null
}

export type Hands = {
  hello(): Hello
  /** Signals before it returns; the answer comes when what was signalled is over, or has had its time. */
  command(envelope: string, receivedNs: bigint): Promise<Answer>
  /** Resolves when the hello says what became of it. */
  order(envelope: string): Promise<void>
  spare: Spared['set']
}

export type HandsOptions = {
  readonly standing: Standing
  readonly killer: Killer
  readonly spared: Pick<Spared, 'set'>
  /** 128 bits, drawn anew at each start, 32 hex. */
  readonly nonce: string
  /** Whether the numbers of processes that we see are those of the machine. */
  readonly isFirstNamespace: boolean
  readonly bootNs: () => bigint
  readonly clock: Clock
  readonly log: Log
}

const minuteNs = 60_000_000_000n
/** Until a process that was signalled is over, or is said not to be. */
const endMsMax = 1_000
const lookMsMax = 64

export function createHands(options: HandsOptions): Hands {
  const { standing, killer, spared, nonce, isFirstNamespace, bootNs, clock, log } = options
  let last = 0
  let refusedOrder: Refused | null = null
  /** When the last commands were followed, at most as many as an order allows in a minute. */
  let turns: bigint[] = []
  let ordering: Promise<void> = Promise.resolve()

  function takeTurn(perMinute: number): void {
    const nowNs = clock.monotonicNs()
    turns = turns.filter((ns) => nowNs - ns < minuteNs)
    if (turns.length >= perMinute)
      throw orderError('COMMAND_TOO_MANY', {
        attempted: 'following a command',
        received: `${turns.length} in a minute`,
      })
    turns.push(nowNs)
  }

  function opened(envelope: string): OpenedCommand {
    if (!isFirstNamespace) throw handsError('HANDS_ELSEWHERE', { attempted: 'following a command' })
    const order = standing.now()
    const command = openCommand(envelope, { order, nonce, last, bootNs: bootNs(), nowMs: clock.nowMs() })
    takeTurn(order.order.kills_a_minute)
    last = command.command.number
    return command
  }

  async function follow(command: OpenedCommand, receivedNs: bigint): Promise<Done> {
    const { step, pid, startNs } = command
    const { isAnyLeft, signalledNs, ...counts } = kill(command)
    const endedNs = await end(isAnyLeft)
    const freed = free(command)
    return {
      step,
      pid,
      start_ns: String(startNs),
      received_ns: String(receivedNs),
      signalled_ns: String(signalledNs),
      ended_ns: endedNs === undefined ? null : String(endedNs),
      freed,
      ...counts,
    }
  }

  function kill(command: OpenedCommand): Killed {
    try {
      return command.step === 'kill' ? killer.kill(command) : killer.killTree(command)
    } catch (error) {
      // Who stops a process and ends at once leaves it stopped.
      if (isSealwatchError(error, 'TARGET_GONE')) free(command)
      throw error
    }
  }

  /** Whom the kernel does not let us signal goes on as it is: that somebody was ended is told all the same. */
  function free({ frees, command: { incident } }: OpenedCommand): boolean {
    try {
      return frees !== undefined && killer.free(frees)
    } catch (error) {
      log.error('a process that was stopped could not be let go on', { incident, error })
      return false
    }
  }

  async function end(isAnyLeft: () => boolean): Promise<bigint | undefined> {
    const untilNs = clock.monotonicNs() + BigInt(endMsMax) * 1_000_000n
    for (let ms = 1; isAnyLeft(); ms = Math.min(ms * 2, lookMsMax)) {
      if (clock.monotonicNs() >= untilNs) return undefined
      await clock.sleep(ms)
    }
    return bootNs()
  }

  async function takeOrder(envelope: string): Promise<void> {
    try {
      await standing.take(envelope)
      refusedOrder = null
    } catch (error) {
      if (!isSealwatchError(error)) throw error
      log.error('a standing order is not taken; the one before stays', { error })
      refusedOrder = refusedBy(error)
    }
  }

  return {
    hello: () => ({ v: 1, nonce, number: last, order: orderTold(standing.held), refused: refusedOrder }),
    command: async (envelope, receivedNs) => {
      let number: number | null = null
      try {
        const command = opened(envelope)
        number = command.command.number
        const { incident, protects, why } = command.command
        const done = await follow(command, receivedNs)
        log.info('a command is done', { incident, protects, why, ...done })
        return { number, done }
      } catch (error) {
        if (!isSealwatchError(error)) throw error
        log.error('a command is refused', { number, error })
        return { number: number ?? numberSaid(envelope), refused: refusedBy(error) }
      }
    },
    order: (envelope) => {
      ordering = ordering.then(() => takeOrder(envelope))
      return ordering
    },
    spare: spared.set,
  }
}

function orderTold(held: OpenedOrder | undefined): Hello['order'] {
  if (held === undefined) return null
  const { host, version, steps, scope, expires_at } = held.order
  return { digest: held.digest, host, version, steps, scope, expires_at }
}

const refusedBy = ({ code, rule, received, advice }: SealwatchError): Refused => ({
  code,
  rule,
  received: received ?? null,
  advice,
})

/** For whoever asked, who may be nobody we believe. */
function numberSaid(envelope: string): number | null {
  try {
    const { payload } = JSON.parse(envelope) as { readonly payload?: unknown }
    const { number } = JSON.parse(Buffer.from(String(payload), 'base64').toString('utf8')) as {
      readonly number?: unknown
    }
    return Number.isSafeInteger(number) ? (number as number) : null
  } catch {
    return null
  }
}
