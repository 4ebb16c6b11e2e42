// SPDX-License-Identifier: Apache-2.0

import { create } from '@bufbuild/protobuf'
import { type Clock, createBell, isSealwatchError, type Log } from '@sealwatch/base'
import {
  type ChainPosition,
  type ChainWriter,
  limits,
  type ShipRequest,
  ShipRequestSchema,
  type ShipResponse,
} from '@sealwatch/contract'
import type { Chain, ChainBatch } from '@sealwatch/ledger/chain'
import { type Backoff, createBackoff } from './backoff.ts'
import type { AgentConnection } from './client.ts'
import { shipError } from './errors.ts'

export type ShippedChain = Pick<Chain, 'id' | 'tenant' | 'waitFor' | 'acknowledge'> & {
  readonly position: Pick<Chain['position'], 'nextSeq' | 'tip'>
  /** Which program of this host seals it; left out: this one. */
  readonly writer?: ChainWriter
  /** As of a chain; what lies with another program may have to be waited for: until the signal fires, then undefined. */
  readBatch(seq: number, signal: AbortSignal): Promise<ChainBatch | undefined>
}

export type StreamOptions = {
  readonly client: AgentConnection['client']
  /** What to ship, and from where on the server wants it. */
  readonly chains: readonly { readonly chain: ShippedChain; readonly expected: ChainPosition }[]
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  /** Ends the stream in good order: what is in flight is still answered, for at most `drainMs`. */
  readonly signal: AbortSignal
  readonly onProgress: () => void
  /**
   * The server does not continue this chain where it stands: one of the two was rolled back, or the chain forked. Or what it wants is damaged on disk.
   * Called at the end of the stream, when the chain is not used any more.
   */
  readonly onRollback: (chain: ShippedChain) => Promise<void>
}

export const answerTimeoutMs = 30_000
const drainMs = 2_000
/** The cursor on disk only saves work: when it is behind, registration says what the server has. */
const saveEveryMs = 200

/** One chain on its way up. */
type Lane = {
  readonly chain: ShippedChain
  readonly backoff: Backoff
  next: number
  /** Hex leaf hash the server has before `next`; checked once against ours. Empty: nothing to compare. */
  tip: string
  /** The batch at `next`, read ahead. */
  ready: ChainBatch | undefined
  /** Where each batch ends that is sent and not answered, and its bytes, in order. */
  readonly inFlight: { readonly end: number; readonly bytes: number }[]
  /** After a refusal: where to go on once everything in flight is answered. */
  rewind: ChainPosition | undefined
  /** Fires when there is something else to do than to wait for the chain to grow. */
  wake: AbortController
  acknowledged: number
  /** The newest checkpoint of the tenant that the server has sent. */
  checkpoint: string | undefined
}

/**
 * Ships whole batches as they were sealed, at most `limits.batchesInFlightMax` unanswered, and none while
 * `limits.bytesInFlightMax` are, until the signal fires (resolves) or the stream breaks (rejects). The server answers each chain's batches in their order.
 */
export async function shipOverStream(options: StreamOptions): Promise<void> {
  const { client, clock, random, log, onProgress, onRollback } = options
  const diverged: ShippedChain[] = []
  const stopping = new AbortController()
  const broken = new AbortController()
  const finished = new AbortController()
  const sending = AbortSignal.any([options.signal, stopping.signal, broken.signal, finished.signal])
  const changed = createBell()
  const lanes = options.chains.map(({ chain, expected }) => laneOf(chain, expected, createBackoff(random)))
  let unanswered = 0
  let unansweredBytes = 0
  let answeredNs = 0n

  async function* requests(): AsyncGenerator<ShipRequest> {
    while (!sending.aborted) {
      const hasRoom = unanswered < limits.batchesInFlightMax && unansweredBytes < limits.bytesInFlightMax
      const lane = hasRoom ? lanes.find(({ ready }) => ready !== undefined) : undefined
      if (lane?.ready === undefined) {
        await changed.wait(sending)
        continue
      }
      const batch = lane.ready
      // The chain that was served goes to the end: a busy one does not starve the others.
      lanes.push(...lanes.splice(lanes.indexOf(lane), 1))
      lane.ready = undefined
      lane.next = batch.firstSeq + batch.count
      const bytes = batch.side.reduce((sum, { values }) => sum + values.length, batch.lines.length)
      lane.inFlight.push({ end: lane.next, bytes })
      unansweredBytes += bytes
      if (unanswered++ === 0) answeredNs = clock.monotonicNs()
      changed.ring()
      yield requestOf(batch)
    }
  }

  async function readAhead(lane: Lane): Promise<void> {
    const { chain } = lane
    while (!sending.aborted) {
      if (lane.rewind !== undefined) await goBack(lane)
      else if (lane.ready !== undefined) await changed.wait(sending)
      else {
        const end = chain.position
        const batch = lane.next < end.nextSeq ? await read(lane) : undefined
        if (lane.rewind !== undefined || sending.aborted) continue
        if (batch === 'damaged' || !continues(lane, end, batch)) {
          diverged.push(chain)
          return stopping.abort()
        }
        lane.tip = ''
        lane.ready = batch
        if (batch === undefined) await chain.waitFor(lane.next, lane.wake.signal)
        else changed.ring()
      }
    }
  }

  /** What cannot be read now cannot be read later either. */
  async function read({ chain, next, wake }: Lane): Promise<ChainBatch | 'damaged' | undefined> {
    try {
      return await chain.readBatch(next, wake.signal)
    } catch (error) {
      if (!isSealwatchError(error, 'CHAIN_DAMAGED')) throw error
      log.critical('what the server does not have yet cannot be read any more', { chain: chain.id, error })
      return 'damaged'
    }
  }

  async function goBack(lane: Lane): Promise<void> {
    if (lane.inFlight.length > 0) return changed.wait(sending)
    await clock.sleep(lane.backoff.nextMs(), sending)
    Object.assign(lane, startAt(lane.rewind as ChainPosition), { rewind: undefined, wake: new AbortController() })
    if (sending.aborted) lane.wake.abort()
  }

  async function receive(): Promise<void> {
    try {
      for await (const response of client.ship(requests(), { signal: broken.signal })) {
        const lane = lanes.find(({ chain }) => chain.id === response.chain)
        const due = lane?.inFlight.shift()
        if (lane === undefined || due === undefined) throw protocolError('an answer to a batch that was not sent')
        unanswered--
        unansweredBytes -= due.bytes
        answeredNs = clock.monotonicNs()
        settle(lane, due.end, response)
        changed.ring()
      }
      if (!sending.aborted) throw shipError('SHIP_ENDED', { attempted: 'shipping events' })
    } finally {
      finished.abort()
    }
  }

  function settle(lane: Lane, due: number, { outcome }: ShipResponse): void {
    const { chain } = lane
    switch (outcome.case) {
      case 'quarantined':
        log.critical('the server quarantined a batch: it is kept there, but its events are not admitted', {
          chain: chain.id,
          reason: outcome.value.reason,
          item: outcome.value.item,
          next_seq: outcome.value.nextSeq,
        })
        acknowledge(lane, due, outcome.value.nextSeq)
        break
      case 'acknowledged':
        if (outcome.value.checkpoint !== '') lane.checkpoint = outcome.value.checkpoint
        acknowledge(lane, due, outcome.value.nextSeq)
        break
      case 'refused': {
        const { code, message, expected } = outcome.value
        if (expected === undefined) throw protocolError('a refusal that does not say what was expected')
        if (lane.rewind === undefined)
          log.warn('the server refused a batch', { chain: chain.id, code, reason: message })
        lane.rewind = expected
        lane.ready = undefined
        lane.wake.abort()
        break
      }
      default:
        throw protocolError('an answer without an outcome')
    }
  }

  function acknowledge(lane: Lane, due: number, nextSeq: bigint): void {
    if (nextSeq < due || nextSeq > lane.chain.position.nextSeq)
      throw protocolError(`an acknowledgement up to ${nextSeq} for a batch up to ${due}`)
    lane.acknowledged = Math.max(lane.acknowledged, Number(nextSeq))
    lane.backoff.reset()
    onProgress()
  }

  async function save(lane: Lane): Promise<void> {
    for (let saved = 0; ; ) {
      if (lane.acknowledged > saved) {
        saved = lane.acknowledged
        await lane.chain.acknowledge(saved, lane.checkpoint)
        await clock.sleep(saveEveryMs, finished.signal)
      } else if (finished.signal.aborted) return
      else await changed.wait(finished.signal)
    }
  }

  async function watch(): Promise<void> {
    while (!finished.signal.aborted) {
      const waitedMs = unanswered === 0 ? 0 : Number((clock.monotonicNs() - answeredNs) / 1_000_000n)
      if (waitedMs >= answerTimeoutMs) throw stalled(`${unanswered} batches without an answer`)
      await clock.sleep(answerTimeoutMs - waitedMs, finished.signal)
    }
  }

  async function limitDrain(): Promise<void> {
    await aborted(sending)
    for (const { wake } of lanes) wake.abort()
    changed.ring()
    await clock.sleep(drainMs, finished.signal)
    if (!finished.signal.aborted) throw stalled(`${unanswered} batches without an answer at the end`)
  }

  const tasks = [receive(), watch(), limitDrain(), ...lanes.flatMap((lane) => [readAhead(lane), save(lane)])]
  await Promise.all(tasks.map((task) => task.catch((error: unknown) => broken.abort(error))))
  // Now that nothing here touches the chains any more.
  for (const chain of diverged) await onRollback(chain)
  if (broken.signal.aborted) throw broken.signal.reason
}

function laneOf(chain: ShippedChain, expected: ChainPosition, backoff: Backoff): Lane {
  return {
    chain,
    backoff,
    ...startAt(expected),
    ready: undefined,
    inFlight: [],
    rewind: undefined,
    wake: new AbortController(),
    acknowledged: 0,
    checkpoint: undefined,
  }
}

const startAt = ({ nextSeq, tip }: ChainPosition) => ({ next: Number(nextSeq), tip: tip.toHex() })

/** Whether our chain goes on where the server stands: it holds a batch there, or ends there, after the same line. */
function continues({ next, tip }: Lane, end: ShippedChain['position'], batch: ChainBatch | undefined): boolean {
  if (batch === undefined && next !== end.nextSeq) return false
  const ours = batch === undefined ? end.tip : tip && prevOf(batch)
  return tip === '' || ours === null || ours === tip
}

function prevOf({ lines }: ChainBatch): string {
  const first = Buffer.from(lines.subarray(0, lines.indexOf(0x0a))).toString('utf8')
  return (JSON.parse(first) as { prev: string }).prev
}

const requestOf = ({ chain, firstSeq, count, lines, side }: ChainBatch): ShipRequest =>
  create(ShipRequestSchema, {
    chain,
    firstSeq: BigInt(firstSeq),
    count,
    lines,
    side: side.map(({ seq, values }) => ({ seq: BigInt(seq), values })),
  })

const protocolError = (received: string) => shipError('SHIP_PROTOCOL', { attempted: 'shipping events', received })
const stalled = (received: string) => shipError('SHIP_STALLED', { attempted: 'shipping events', received })

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
