// SPDX-License-Identifier: Apache-2.0

import type { Socket } from 'node:net'
import {
  type Clock,
  createBell,
  isSealwatchError,
  type Log,
  messageOf,
  openPeerCredentials,
  openStandingSocket,
} from '@sealwatch/base'
import type { Chain } from '@sealwatch/ledger/chain'
import { createFrameReader, frameOf } from './framing.ts'
import {
  type AgentAsks,
  carriageLimits,
  type Delivery,
  type GuardReport,
  type GuardSays,
  type Judged,
  type Protects,
  readAgentAsks,
} from './messages.ts'

export type CarriedChain = Pick<
  Chain,
  'id' | 'tenant' | 'position' | 'shipped' | 'readBatch' | 'waitFor' | 'acknowledge'
>

export type GuardEndOptions = {
  readonly path: string
  /** Nobody else may come. */
  readonly agentUid: number
  readonly chains: () => readonly CarriedChain[]
  /** The server has another history of this chain: puts a new one in its place. */
  readonly replace: (chain: string) => Promise<void>
  /** Throws why it is not taken. */
  readonly take: (delivery: Delivery) => Promise<void>
  /** Who this host is to its server, as the agent says. */
  readonly onHost: (host: string) => void
  readonly state: () => GuardReport
  /** Whom the guard protects and sees, by `keyOf`. */
  readonly protects: () => Protects
  /** The agent has come, or is gone. */
  readonly onAgent: (isThere: boolean) => void
  /** The outcome of a write is unknown. */
  readonly onFatal: (error: unknown) => void
  readonly clock: Clock
  readonly log: Log
}

export type GuardEnd = {
  readonly isAgentThere: boolean
  /** The state is another: the agent is told now, and not only with the next sign of life. */
  changed(): void
  /** Others are protected, or nobody is. */
  protectsOthers(): void
  judged(judged: Judged): void
  close(): Promise<void>
}

const socketMode = 0o660

/** Lets the agent read what is sealed here, and say what the server has of it. Throws where nobody can be told who connects. */
export async function openGuardEnd(options: GuardEndOptions): Promise<GuardEnd> {
  const { path, agentUid, log } = options
  const whoIs = openPeerCredentials()
  let current: ({ readonly socket: Socket } & Serving) | undefined
  const take = (socket: Socket) => {
    // An agent that is killed resets its socket; the end of the connection says the same.
    socket.on('error', () => socket.destroy())
    const peer = whoIs(socket)
    if (peer?.uid !== agentUid) {
      log.warn('somebody who is not the agent came to its socket, and was turned away', { ...peer })
      socket.destroy()
      return
    }
    // The agent has one connection: another is that of another life of it.
    current?.socket.destroy()
    const wasThere = current !== undefined
    const mine = { socket, ...serve(socket, options) }
    current = mine
    if (!wasThere) options.onAgent(true)
    socket.on('close', () => {
      if (current !== mine) return
      current = undefined
      options.onAgent(false)
    })
  }
  const standing = await openStandingSocket({ path, mode: socketMode, take, clock: options.clock })
  return {
    get isAgentThere() {
      return current !== undefined
    },
    changed: () => current?.tellState(),
    protectsOthers: () => current?.tellProtected(),
    judged: (judged) => current?.say({ say: 'judged', ...judged }),
    close: async () => {
      current?.socket.destroy()
      standing.close()
    },
  }
}

type Serving = { readonly say: (says: GuardSays) => void } & Readonly<Record<'tellState' | 'tellProtected', () => void>>

/** Until the socket closes. */
function serve(socket: Socket, options: GuardEndOptions): Serving {
  const { chains, clock, log } = options
  const over = new AbortController()
  socket.once('close', () => over.abort())
  const drained = createBell()
  socket.on('drain', drained.ring)
  const read = createFrameReader()
  /** Batches are read one after the other, and the next when the last is on its way: memory holds one. */
  let reading: Promise<void> = Promise.resolve()
  let waiting = 0
  let told = new AbortController()

  const say = (says: GuardSays, body: readonly Uint8Array[] = []): void => {
    if (!over.signal.aborted) socket.write(frameOf(says, body))
  }

  function tellChains(): void {
    told.abort()
    told = new AbortController()
    const until = AbortSignal.any([told.signal, over.signal])
    // One without a line has no name yet that its next life would know.
    const all = chains().filter(({ position }) => position.nextSeq > 0)
    for (const empty of chains().filter((chain) => !all.includes(chain)))
      void empty.waitFor(0, until).then(() => until.aborted || tellChains())
    say({
      say: 'chains',
      chains: all.map(({ id, tenant, position: { nextSeq, tip }, shipped }) => ({
        chain: id,
        tenant,
        nextSeq,
        tip,
        acknowledged: shipped,
      })),
    })
    for (const chain of all) void follow(chain, chain.position.nextSeq, until)
  }

  async function follow(chain: CarriedChain, from: number, signal: AbortSignal): Promise<void> {
    for (let seq = from; ; ) {
      await chain.waitFor(seq, signal)
      if (signal.aborted) return
      const { nextSeq, tip } = chain.position
      seq = nextSeq
      say({ say: 'grown', chain: chain.id, nextSeq, tip })
    }
  }

  const chainOf = (id: string) => chains().find((chain) => chain.id === id)

  async function readBatch({ number, chain: id, seq }: AgentAsks & { ask: 'read' }): Promise<void> {
    const chain = chainOf(id)
    if (chain === undefined) return say({ say: 'answer', number, refused: 'no such chain' })
    const batch = await chain.readBatch(seq)
    if (batch === undefined) return say({ say: 'no_batch', number })
    const { count, lines, side } = batch
    const lengths = side.map((row) => ({ seq: row.seq, bytes: row.values.length }))
    const bytes = [lines, ...side.map(({ values }) => values)]
    say({ say: 'batch', number, count, lineBytes: lines.length, side: lengths }, bytes)
    while (socket.writableNeedDrain && !over.signal.aborted) await drained.wait(over.signal)
  }

  async function acknowledge({ chain: id, nextSeq, checkpoint }: AgentAsks & { ask: 'acknowledge' }): Promise<void> {
    const chain = chainOf(id)
    if (chain === undefined || nextSeq > chain.position.nextSeq) {
      log.warn('the agent acknowledged what this guard has not sealed', { chain: id, next_seq: nextSeq })
      return
    }
    await chain.acknowledge(nextSeq, checkpoint ?? undefined)
  }

  async function answer(number: number, work: () => Promise<void>): Promise<void> {
    const refused = await work().then(
      () => null,
      (error: unknown) => {
        log.critical('what the agent brought is not taken', { error })
        return reasonOf(error)
      },
    )
    say({ say: 'answer', number, refused })
  }

  function reasonOf(error: unknown): string {
    if (isSealwatchError(error) && error.kind === 'fatal') options.onFatal(error)
    return messageOf(error).slice(0, carriageLimits.textMax)
  }

  async function take(asks: AgentAsks): Promise<void> {
    switch (asks.ask) {
      case 'alive':
        return
      case 'host':
        return options.onHost(asks.host)
      case 'read':
        reading = reading
          .then(() => readBatch(asks))
          .catch(async (error: unknown) => {
            log.critical('a batch of the guard cannot be read, and waits', { chain: asks.chain, seq: asks.seq, error })
            say({ say: 'answer', number: asks.number, refused: reasonOf(error) })
            // It cannot be read later either: what comes after it goes on in another chain.
            if (!isSealwatchError(error, 'CHAIN_DAMAGED')) return
            await options.replace(asks.chain)
            tellChains()
          })
        return await reading
      case 'acknowledge':
        return await acknowledge(asks)
      case 'replace':
        await answer(asks.number, () => options.replace(asks.chain))
        return tellChains()
      case 'deliver':
        return await answer(asks.number, () => options.take(asks.delivery))
    }
  }

  async function takeNext(header: string): Promise<void> {
    waiting += 1
    try {
      if (waiting > carriageLimits.requestsMax) throw new RangeError('more requests than there may be')
      await take(readAgentAsks(header))
    } catch (error) {
      log.error('the connection of the agent ends here, and it comes again', { reason: reasonOf(error) })
      socket.destroy()
    } finally {
      waiting -= 1
    }
  }

  socket.on('data', (chunk: Buffer) => {
    try {
      for (const { header } of read(chunk)) void takeNext(header)
    } catch (error) {
      log.error('the connection of the agent ends here, and it comes again', { error })
      socket.destroy()
    }
  })

  async function beAlive(): Promise<void> {
    while (!over.signal.aborted) {
      say({ say: 'alive' })
      tellState()
      await clock.sleep(carriageLimits.aliveEveryMs, over.signal)
    }
  }

  let toldState = ''
  function tellState(): void {
    const state = options.state()
    const text = JSON.stringify(state)
    if (text !== toldState) say({ say: 'state', state })
    toldState = text
  }

  function tellProtected(): void {
    const { processes, paths } = options.protects()
    const { protectedMax, pathsMax, pathMax } = carriageLimits
    const told = paths.filter(({ length }) => length <= pathMax).slice(0, pathsMax)
    say({ say: 'protects', processes: processes.slice(0, protectedMax), paths: told })
  }

  tellChains()
  tellProtected()
  void beAlive()
  return { say, tellState, tellProtected }
}
