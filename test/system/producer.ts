// SPDX-License-Identifier: Apache-2.0

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { createLog, type JsonObject, systemClock, systemDisk, systemRandom } from '@sealwatch/base'
import { protocol, type ShipRequest, ShipRequestSchema } from '@sealwatch/contract'
import { type Ed25519Signer, generateSigner } from '@sealwatch/keys'
import { type Chain, openChain } from '@sealwatch/ledger'
import { connectAgent } from '../../apps/agent/src/ship/client.ts'
import { openIdentity, readHostFacts } from '../../apps/agent/src/ship/index.ts'
import type { Platform } from './platform.ts'

/**
 * A second host in the test's own process: it seals numbered events at a steady rate and sends them by the bare
 * protocol. It believes acknowledgements alone: after each broken stream it sends again all that is not acknowledged,
 * whatever the server says it has. Now and then it repeats a batch, as a host does whose acknowledgement got lost.
 */
export type Producer = {
  readonly chain: string
  /** Lines that the server has acknowledged so far. */
  readonly acknowledged: number
  /** Stops producing, and waits until everything sealed is acknowledged, as long as acknowledgements keep coming. */
  finish(patienceMs: number): Promise<{ readonly sealed: number; readonly acknowledged: number }>
  /** Ends at once, whatever is under way; does nothing after `finish`. */
  stop(): Promise<void>
}

const inFlightMax = 8
const repeatEvery = 16
const reconnectMs = 50

export type Production = {
  readonly name?: string
  readonly tenant?: string
  /** Where its files lie; default: beside the platform's. */
  readonly parent?: string
  /** Milliseconds between two batches. */
  readonly everyMs: number
  /** Events of a batch; the event with a number. */
  readonly perBatch?: number
  readonly event?: (n: number) => JsonObject
  /** Where each has personal values, as pointers into its line. */
  readonly personalPointers?: readonly string[]
  /** What its sensor has counted so far (docs/formats/chain.md). */
  readonly account?: JsonObject
  /** What signs its lines, where that is not the key that it enrolled with. */
  readonly sealedBy?: (enrolled: Ed25519Signer) => Ed25519Signer
  /** Done between its enrolment and its first line. */
  readonly beforeSealing?: () => Promise<void>
  /** Ends by itself after so many events; without it, when `finish` is called. */
  readonly events?: number
}

export async function startProducer(
  platform: Pick<Platform, 'data' | 'port' | 'sealwatch'>,
  production: Production,
): Promise<Producer> {
  const { name = 'producer', tenant = 'default', everyMs, perBatch = 3, event = (n) => ({ n }) } = production
  const eventsMax = production.events ?? Number.POSITIVE_INFINITY
  const dir = join(production.parent ?? platform.data, name)
  await mkdir(dir)
  const invited = await platform.sealwatch('host', 'invite', '--tenant', tenant, '--json')
  await writeFile(join(dir, 'join-token'), (JSON.parse(invited.stdout) as { token: string }).token)
  const clock = systemClock
  const disk = systemDisk
  const stopping = new AbortController()
  const signer = generateSigner()
  const facts = { ...(await readHostFacts()), hostname: name, machineId: name }
  const url = `https://127.0.0.1:${platform.port}`
  const files = { tokenFile: join(dir, 'join-token'), identityFile: join(dir, 'identity') }
  const log = createLog(name, () => undefined, clock.nowMs)
  const identity = await openIdentity({
    url,
    ...files,
    facts,
    signer,
    clock,
    disk,
    random: systemRandom,
    log,
    signal: stopping.signal,
  })
  if (identity === undefined) throw new Error('the producer could not enrol')
  const sizes = { segmentBytesMax: 256 * 1024, totalBytesMax: 512 * 1024 * 1024 }
  const chain: Chain = await openChain({
    dir: join(dir, 'chain'),
    tenant,
    signer: production.sealedBy?.(signer) ?? signer,
    clock,
    disk,
    ...sizes,
  })

  await production.beforeSealing?.()
  let acknowledged = 0
  let producing = true
  const sealing = (async () => {
    for (let n = 0; producing && n < eventsMax; n += perBatch) {
      const numbers = Array.from({ length: Math.min(perBatch, eventsMax - n) }, (_, i) => n + i)
      await chain.seal(
        numbers.map((number) => ({
          event: event(number),
          personalPointers: production.personalPointers ?? [],
          timeNs: clock.nowNs(),
        })),
        production.account,
      )
      if (everyMs > 0) await clock.sleep(everyMs)
    }
  })()

  async function sendOverOneConnection(signal: AbortSignal): Promise<void> {
    const connection = connectAgent(
      url,
      (identity as NonNullable<typeof identity>).current.authorityPem,
      identity?.current,
    )
    const broken = new AbortController()
    try {
      const position = {
        chain: chain.id,
        tenant: chain.tenant,
        nextSeq: BigInt(chain.position.nextSeq),
        tip: new Uint8Array(),
      }
      await connection.client.register(
        {
          agentProtoVersion: protocol.version,
          agentVersion: '0.0.0-test',
          capabilities: [],
          facts,
          chains: [position],
        },
        { signal, timeoutMs: 2_000 },
      )
      let sent = acknowledged
      let turns = 0
      let repeatable: number | undefined
      const inFlight: number[] = []
      const until = AbortSignal.any([signal, broken.signal])
      async function* requests(): AsyncGenerator<ShipRequest> {
        while (!until.aborted) {
          const again = ++turns % repeatEvery === 0 ? repeatable : undefined
          const batch = inFlight.length < inFlightMax ? await chain.readBatch(again ?? sent) : undefined
          if (batch === undefined) {
            await clock.sleep(2, until)
            continue
          }
          if (again === undefined) sent += batch.count
          inFlight.push(batch.firstSeq)
          yield create(ShipRequestSchema, {
            chain: batch.chain,
            firstSeq: BigInt(batch.firstSeq),
            count: batch.count,
            lines: batch.lines,
            side: batch.side.map(({ seq, values }) => ({ seq: BigInt(seq), values })),
          })
        }
      }
      for await (const { outcome } of connection.client.ship(requests(), { signal })) {
        repeatable = inFlight.shift()
        if (outcome.case === 'refused') throw new Error(outcome.value.message)
        acknowledged = Math.max(acknowledged, Number(outcome.value?.nextSeq))
      }
    } finally {
      broken.abort()
      connection.close()
    }
  }

  const sending = (async () => {
    while (!stopping.signal.aborted) {
      // The server is killed again and again: a broken connection is what this is about.
      await sendOverOneConnection(stopping.signal).catch(() => undefined)
      await clock.sleep(reconnectMs, stopping.signal)
    }
  })()

  return {
    chain: chain.id,
    get acknowledged() {
      return acknowledged
    },
    finish: async (patienceMs) => {
      if (production.events === undefined) producing = false
      await sealing
      for (let seen = -1, sinceMs = clock.nowMs(); acknowledged < chain.position.nextSeq; await clock.sleep(20)) {
        if (acknowledged > seen) sinceMs = clock.nowMs()
        else if (clock.nowMs() - sinceMs > patienceMs) break
        seen = acknowledged
      }
      return { sealed: chain.position.nextSeq, acknowledged }
    },
    stop: async () => {
      producing = false
      await sealing
      stopping.abort()
      await sending
      await chain.close()
    },
  }
}
