// SPDX-License-Identifier: Apache-2.0

import { connect, type Socket } from 'node:net'
import { type Clock, createBell, type Log, messageOf } from '@sealwatch/base'
import type { ChainBatch } from '@sealwatch/ledger/chain'
import type { ShippedChain } from '../ship/index.ts'
import { carriageError } from './errors.ts'
import { createFrameReader, frameOf } from './framing.ts'
import { createGuardWord, type GuardWord } from './guard-word.ts'
import {
  type AgentAsks,
  type CarriedPosition,
  carriageLimits,
  type Delivery,
  type DeliveryKind,
  type GuardReport,
  type GuardSays,
  readGuardSays,
} from './messages.ts'

export type AgentEndOptions = {
  /** RUN/guard/agent.sock. */
  readonly path: string
  readonly clock: Clock
  readonly log: Log
}

/** A chain that the guard seals and the agent ships. */
export type GuardChain = ShippedChain & { readonly acknowledged: number }

export type AgentEnd = {
  /** Of the guard as it was heard last. */
  readonly chains: readonly GuardChain[]
  /** Resolves when there are others than these, or when the signal fires. */
  otherChains(than: readonly ShippedChain[], signal: AbortSignal): Promise<void>
  /** Undefined: the guard is not connected. */
  readonly state: GuardReport | undefined
  /** What it made of what the agent hears as well. */
  readonly word: GuardWord
  /** How many messages came from it until now: one that says nothing any more is silent. */
  readonly heard: number
  /** Has the guard set the chain aside and begin another. One that is away is asked when the server says so again. */
  replace(chain: ShippedChain): Promise<void>
  /** Who this host is to its server. */
  introduce(host: string): void
  /** Resolves when the state, or what there is to ship, is another; or when the signal fires. */
  changed(signal: AbortSignal): Promise<void>
  /** What the server has signed, until something else of that kind is given: again to each life of the guard, and until it is taken. */
  deliver(delivery: Delivery): void
  /** Why the guard does not take what was delivered; undefined: it does, or has not said yet. */
  refusalOf(kind: DeliveryKind): string | undefined
  /** Until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

type Answer = { readonly says: GuardSays; readonly body: Buffer }
type Connection = {
  readonly over: AbortSignal
  tell(asks: AgentAsks): void
  /** Throws CARRIAGE_AWAY. */
  ask(asks: (number: number) => AgentAsks): Promise<Answer>
}
type Kept = GuardChain & { known: CarriedPosition; told: number; readonly bell: ReturnType<typeof createBell> }

/** A guard that was killed is back within a second. */
const reachEveryMs = 500
const readAgainMs = 1_000
const deliverAgainMs = 5_000

/** Goes on where it was when the guard comes back: what it has sealed lies on its disk. */
export function openAgentEnd({ path, clock, log }: AgentEndOptions): AgentEnd {
  const changed = createBell()
  const due = createBell()
  const word = createGuardWord(clock)
  const deliveries = new Map<
    DeliveryKind,
    { readonly delivery: Delivery; takenBy?: Connection; refused?: string | undefined }
  >()
  let kept: readonly Kept[] = []
  let current: Connection | undefined
  let state: GuardReport | undefined
  let heard = 0
  let host: string | undefined

  function chainFor(known: CarriedPosition): Kept {
    const bell = createBell()
    const chain: Kept = {
      id: known.chain,
      tenant: known.tenant,
      writer: 'guard',
      known,
      told: known.acknowledged,
      bell,
      get acknowledged() {
        return chain.told
      },
      get position() {
        return chain.known
      },
      waitFor: async (seq, signal) => {
        while (!signal.aborted && chain.known.nextSeq <= seq) await bell.wait(signal)
      },
      readBatch: (seq, signal) => readBatch(chain, seq, signal),
      // The cursor only saves work: a guard that is away hears it when it is back.
      acknowledge: async (nextSeq, checkpoint) => {
        chain.told = Math.max(chain.told, nextSeq)
        current?.tell({ ask: 'acknowledge', chain: chain.id, nextSeq: chain.told, checkpoint: checkpoint ?? null })
      },
    }
    return chain
  }

  async function readBatch(chain: Kept, seq: number, signal: AbortSignal): Promise<ChainBatch | undefined> {
    while (!signal.aborted) {
      const connection = kept.includes(chain) ? current : undefined
      if (connection === undefined) {
        await changed.wait(signal)
        continue
      }
      try {
        const { says, body } = await until(
          signal,
          connection.ask((number) => ({ ask: 'read', number, chain: chain.id, seq })),
        )
        if (says.say === 'batch') return batchOf(chain.id, seq, says, body)
        if (says.say === 'no_batch') return undefined
      } catch (error) {
        log.debug('a batch of the guard was not read, and is asked for again', { error })
      }
      await clock.sleep(readAgainMs, signal)
    }
    return undefined
  }

  function takeChains(positions: readonly CarriedPosition[], connection: Connection): void {
    kept = positions.map((known) => {
      // One that went back is another to whoever ships it: registered anew, the server says what it thinks of that.
      const before = kept.find((chain) => chain.id === known.chain && goesOn(chain.known, known))
      const chain = before ?? chainFor(known)
      chain.known = known
      if (chain.told > known.acknowledged && chain.told <= known.nextSeq)
        connection.tell({ ask: 'acknowledge', chain: chain.id, nextSeq: chain.told, checkpoint: null })
      return chain
    })
    for (const { bell } of kept) bell.ring()
    changed.ring()
  }

  function take(says: GuardSays, connection: Connection): void {
    if (says.say === 'chains') takeChains(says.chains, connection)
    if (says.say === 'state') {
      state = says.state
      changed.ring()
    }
    if (says.say === 'protects') word.protects(says)
    if (says.say === 'judged') word.judged(says)
    if (says.say === 'grown') {
      const chain = kept.find(({ id }) => id === says.chain)
      if (chain === undefined) return
      chain.known = { ...chain.known, nextSeq: says.nextSeq, tip: says.tip }
      chain.bell.ring()
    }
  }

  /** Until this life of the guard ends, or its connection. */
  async function talk(socket: Socket, signal: AbortSignal): Promise<void> {
    const over = new AbortController()
    const answers = new Map<number, (answer: Answer | undefined) => void>()
    const read = createFrameReader()
    let number = 0
    const connection: Connection = {
      over: over.signal,
      tell: (asks) => void (over.signal.aborted || socket.write(frameOf(asks))),
      ask: async (asks) => {
        number += 1
        const answered = Promise.withResolvers<Answer | undefined>()
        if (over.signal.aborted || answers.size >= carriageLimits.requestsMax) answered.resolve(undefined)
        else answers.set(number, answered.resolve)
        connection.tell(asks(number))
        const answer = await answered.promise
        if (answer !== undefined) return answer
        throw carriageError('CARRIAGE_AWAY', { attempted: 'asking the guard' })
      },
    }
    const end = () => over.abort()
    signal.addEventListener('abort', end)
    socket.on('close', end)
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const { header, body } of read(chunk)) {
          heard += 1
          const says = readGuardSays(header)
          if ('number' in says) {
            answers.get(says.number)?.({ says, body })
            answers.delete(says.number)
          } else take(says, connection)
        }
      } catch (error) {
        log.error('what the guard says cannot be read; the agent connects again', { error })
        end()
      }
    })
    current = connection
    if (host !== undefined) connection.tell({ ask: 'host', host })
    changed.ring()
    try {
      await Promise.all([beAlive(connection), deliverAll(connection)])
    } finally {
      signal.removeEventListener('abort', end)
      socket.destroy()
      current = undefined
      state = undefined
      word.away()
      for (const answer of answers.values()) answer(undefined)
      changed.ring()
    }
  }

  async function beAlive({ tell, over }: Connection): Promise<void> {
    while (!over.aborted) {
      tell({ ask: 'alive' })
      await clock.sleep(carriageLimits.aliveEveryMs, over)
    }
  }

  async function deliverAll(connection: Connection): Promise<void> {
    const { over, ask } = connection
    while (!over.aborted) {
      const waited = new AbortController()
      const until = AbortSignal.any([over, waited.signal])
      const another = due.wait(until)
      let isRefused = false
      for (const item of deliveries.values()) {
        if (item.takenBy === connection) continue
        const refused = await ask((number) => ({ ask: 'deliver', number, delivery: item.delivery })).then(
          ({ says }) => (says.say === 'answer' ? (says.refused ?? undefined) : 'another answer'),
          (error: unknown) => messageOf(error),
        )
        if (over.aborted) break
        if (refused === undefined) item.takenBy = connection
        else isRefused = true
        if (refused !== undefined && refused !== item.refused)
          log.error('the guard does not take what the server has signed', { what: item.delivery.kind, refused })
        item.refused = refused
      }
      await Promise.race([another, ...(isRefused ? [clock.sleep(deliverAgainMs, until)] : [])])
      waited.abort()
    }
  }

  return {
    get chains() {
      return kept
    },
    otherChains: async (than, signal) => {
      const isSame = () => than.filter(({ writer }) => writer === 'guard').every((one) => kept.includes(one as Kept))
      while (!signal.aborted && isSame() && kept.every((one) => than.includes(one))) await changed.wait(signal)
    },
    get state() {
      return state
    },
    get heard() {
      return heard
    },
    word,
    replace: async (chain) => {
      try {
        await current?.ask((number) => ({ ask: 'replace', number, chain: chain.id }))
      } catch (error) {
        log.warn('the guard was not asked to begin a new chain', { chain: chain.id, error })
      }
    },
    introduce: (id) => {
      host = id
      current?.tell({ ask: 'host', host })
    },
    changed: changed.wait,
    deliver: (delivery) => {
      const before = deliveries.get(delivery.kind)?.delivery
      if (before?.envelope === delivery.envelope && before.identity === delivery.identity) return
      deliveries.set(delivery.kind, { delivery })
      due.ring()
    },
    refusalOf: (kind) => deliveries.get(kind)?.refused,
    run: async (signal) => {
      while (!signal.aborted) {
        const socket = await reached(path)
        if (socket !== undefined) await talk(socket, signal)
        await clock.sleep(reachEveryMs, signal)
      }
    },
  }
}

const goesOn = (before: CarriedPosition, now: CarriedPosition): boolean =>
  now.tenant === before.tenant &&
  (now.nextSeq > before.nextSeq || (now.nextSeq === before.nextSeq && now.tip === before.tip))

/** Undefined where nobody listens. */
function reached(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => resolve(socket))
    socket.on('error', () => {
      socket.destroy()
      resolve(undefined)
    })
  })
}

/** What the answer was; or undefined's like, once the signal fires: nobody waits for it then. */
async function until<T>(signal: AbortSignal, answer: Promise<T>): Promise<T> {
  const stopped = Promise.withResolvers<never>()
  const stop = () => stopped.reject(carriageError('CARRIAGE_AWAY', { attempted: 'asking the guard' }))
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([answer, stopped.promise])
  } finally {
    signal.removeEventListener('abort', stop)
    answer.catch(() => undefined)
  }
}

/** Throws CARRIAGE_MALFORMED where the lengths are not those of the bytes. */
function batchOf(
  chain: string,
  firstSeq: number,
  { count, lineBytes, side }: GuardSays & { say: 'batch' },
  body: Buffer,
): ChainBatch {
  const bytes = side.reduce((sum, row) => sum + row.bytes, lineBytes)
  if (bytes !== body.length || lineBytes === 0 || body[lineBytes - 1] !== 0x0a)
    throw carriageError('CARRIAGE_MALFORMED', { attempted: 'reading a batch', received: `${body.length} bytes` })
  let at = lineBytes
  const values = side.map((row) => {
    at += row.bytes
    return { seq: row.seq, values: new Uint8Array(body.subarray(at - row.bytes, at)) }
  })
  return { chain, firstSeq, count, lines: new Uint8Array(body.subarray(0, lineBytes)), side: values }
}
