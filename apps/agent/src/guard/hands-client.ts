// SPDX-License-Identifier: Apache-2.0
// The guard's end of the socket of the hands (docs/formats/orders.md, 4): signs what it commands, and says what became of it.

import { connect, type Socket } from 'node:net'
import { type Clock, createBell, type ErrorTable, errorsOf, type Log } from '@sealwatch/base'
import { commandLimits, type Ed25519Signer, type OrderStep, orderErrors, signCommand } from '@sealwatch/keys'
import type { Answer, Done, Hello, Refused } from '../hands/hands.ts'
import type { ProcessKey } from './act.ts'

export const handsClientErrors = {
  HANDS_AWAY: {
    kind: 'unavailable',
    rule: 'the hands run, and answer the guard',
    advice: 'See `sealwatch status` and their log; what was commanded meanwhile may have been done',
  },
} as const satisfies ErrorTable

/** Whom to end, and for whom. `startNs`: CLOCK_BOOTTIME. */
export type HandsRequest = {
  readonly step: OrderStep
  readonly pid: number
  readonly startNs: bigint
  /** Name of the protected entry. */
  readonly protects: string
  /** The process that is protected: whoever held it still held it for himself. */
  readonly frees?: ProcessKey
  readonly incident: string
  readonly why: string
}
export type HandsResult = { readonly done: Done } | { readonly refused: Refused }

export type HandsState = {
  readonly isConnected: boolean
  /** The standing order that they hold; whether it counts now, they say when they are asked. */
  readonly order: Hello['order']
  /** Why they did not take the last one. */
  readonly refused: Refused | null
}

export type HandsClient = {
  readonly state: HandsState
  /** Resolves when the state is another, or when the signal fires. */
  changed(signal: AbortSignal): Promise<void>
  /** Never rejects. */
  command(request: HandsRequest): Promise<HandsResult>
  /** Hands them a standing order, now and each time that they begin anew. */
  order(envelope: string): void
  /** Who is not to be ended, in the place of all named before. */
  spare(list: readonly (readonly [pid: number, startNs: bigint])[]): void
  /** Connects, again and again, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

export type HandsClientOptions = {
  readonly path: string
  /** Of the guard. */
  readonly signer: Ed25519Signer
  readonly bootNs: () => bigint
  readonly clock: Clock
  readonly log: Log
}

const handsClientError = errorsOf(handsClientErrors)
const orderError = errorsOf(orderErrors)
/** What is commanded is done in a second, or is not over by then. */
const answerMsMax = 5_000
const againMs = 100
/** A machine that has just been started, or is about to join, does not know yet which CA is to be believed. */
const orderAgainMs = 1_000
const lineBytesMax = 16 * 1024
const commandLifeNs = commandLimits.lifeNs / 3n

type Connection = { readonly socket: Socket; hello: Hello | undefined }

export function createHandsClient({ path, signer, bootNs, clock, log }: HandsClientOptions): HandsClient {
  const bell = createBell()
  const waiting = new Map<number, (result: HandsResult) => void>()
  let current: Connection | undefined
  let nonce = ''
  let last = 0
  let envelope: string | undefined
  let spared: readonly (readonly [number, bigint])[] = []

  const say = (socket: Socket, what: object) => void socket.write(`${JSON.stringify(what)}\n`)
  const sayOrder = ({ socket }: Connection) => envelope !== undefined && say(socket, { order: envelope })
  const sayOrderLater = (connection: Connection) =>
    void clock.sleep(orderAgainMs).then(() => {
      if (current === connection) sayOrder(connection)
    })
  const saySpared = ({ socket }: Connection) =>
    say(socket, { spare: spared.map(([pid, startNs]) => [pid, String(startNs)]) })

  function take(connection: Connection, said: Hello | Answer): void {
    if ('nonce' in said) {
      const isFirst = connection.hello === undefined
      // Another life of the hands counts anew; in the same one a guard goes on where the one before it was.
      last = said.nonce === nonce ? Math.max(last, said.number) : said.number
      nonce = said.nonce
      connection.hello = said
      if (isFirst) {
        saySpared(connection)
        sayOrder(connection)
      } else if (said.refused?.code === 'AUTHORITY_UNREADABLE') sayOrderLater(connection)
      bell.ring()
    } else if (said.number !== null) {
      waiting.get(said.number)?.(said)
    }
  }

  function answerAll(result: HandsResult): void {
    for (const answer of [...waiting.values()]) answer(result)
  }

  async function hear(signal: AbortSignal): Promise<void> {
    const socket = connect(path)
    const connection: Connection = { socket, hello: undefined }
    const onAbort = () => socket.destroy()
    signal.addEventListener('abort', onAbort, { once: true })
    current = connection
    try {
      let rest = ''
      for await (const text of socket.setEncoding('utf8') as AsyncIterable<string>) {
        const lines = (rest + text).split('\n')
        rest = lines.pop() ?? ''
        if (rest.length > lineBytesMax) throw new RangeError('a line of the hands that does not end')
        for (const line of lines) take(connection, JSON.parse(line) as Hello | Answer)
      }
    } catch (error) {
      if (!signal.aborted) log.debug('the hands are away', { error })
    } finally {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      current = undefined
      answerAll(away('giving a command to the hands'))
      bell.ring()
    }
  }

  async function command({ step, pid, startNs, protects, frees, incident, why }: HandsRequest): Promise<HandsResult> {
    const attempted = `ending process ${pid}`
    const hello = current?.hello
    if (current === undefined || hello === undefined) return away(attempted)
    if (hello.order === null) return { refused: refusedOf(orderError('ORDER_MISSING', { attempted })) }
    last += 1
    const number = last
    const { socket } = current
    const ends = {
      ...{ pid, start_ns: String(startNs), signal: 'SIGKILL' as const },
      ...(frees && { frees: { pid: frees.pid, start_ns: String(frees.startNs) } }),
    }
    const signed = await signCommand(
      {
        v: 1,
        host: hello.order.host,
        order: hello.order.digest,
        nonce: hello.nonce,
        number,
        until_ns: String(bootNs() + commandLifeNs),
        act: step === 'kill' ? { kill: ends } : { kill_tree: ends },
        protects,
        incident,
        why: why.slice(0, commandLimits.whyUnitsMax).toWellFormed(),
      },
      signer,
    )
    return new Promise((resolve) => {
      const over = new AbortController()
      waiting.set(number, (result) => {
        waiting.delete(number)
        over.abort()
        resolve(result)
      })
      say(socket, { command: signed })
      void clock.sleep(answerMsMax, over.signal).then(() => waiting.get(number)?.(away(attempted)))
    })
  }

  return {
    get state() {
      const hello = current?.hello
      return { isConnected: hello !== undefined, order: hello?.order ?? null, refused: hello?.refused ?? null }
    },
    changed: bell.wait,
    command,
    order: (given) => {
      envelope = given
      if (current?.hello !== undefined) sayOrder(current)
    },
    spare: (list) => {
      spared = list
      if (current?.hello !== undefined) saySpared(current)
    },
    run: async (signal) => {
      while (!signal.aborted) {
        await hear(signal)
        await clock.sleep(againMs, signal)
      }
    },
  }
}

const refusedOf = ({ code, rule, received, advice }: ReturnType<typeof handsClientError>): Refused => ({
  code,
  rule,
  received: received ?? null,
  advice,
})

const away = (attempted: string): HandsResult => ({ refused: refusedOf(handsClientError('HANDS_AWAY', { attempted })) })
