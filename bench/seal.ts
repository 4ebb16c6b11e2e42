// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { systemDisk } from '@sealwatch/base'
import { type Ed25519Signer, generateSigner } from '@sealwatch/keys'
import {
  type ChainBatch,
  type ChainPosition,
  chainStart,
  type Draft,
  type Ledger,
  type VerifiedBatch,
} from '@sealwatch/ledger'
import { type IndexThread, indexEntries, judgeBatch, prepareIndexThread } from '../apps/server/src/ingest/index.ts'
import { createOutbox, openStore } from '../apps/server/src/store/index.ts'
import type { SigningKey } from '../apps/server/src/trust/index.ts'
import { compareAll, type Figure, type Peer, timed } from './figure.ts'
import {
  eventsAtOnce,
  keyRecord,
  launches,
  leanLaunches,
  noteSigner,
  openBenchChain,
  openBenchLedger,
  temporary,
} from './material.ts'
import { journalEntries, openJournal } from './peers/journald.ts'
import { openPostgres } from './peers/postgres.ts'
import type { FromHost, ToHost } from './seal-host.ts'
import { createWindow, onTheWayMax } from './window.ts'

const events = 100 * eventsAtOnce
/** Long enough for a steady state: the compilers of three threads are done after the turn that is not counted. */
const indexedEvents = 200 * eventsAtOnce
const fullEvents = 5 * eventsAtOnce
/** What the peer brings into one transaction. */
const batchesAtOnce = 8

/** Events that become evidence: on the host, at the server, and from the one to the other with an index. */
export async function* benchSeal(runs = 5): AsyncGenerator<Figure> {
  await using dir = await temporary()
  let run = 0
  const place = () => join(dir.path, `${run++}`)
  const signer = generateSigner()
  const lean = leanLaunches(eventsAtOnce)
  const full = launches(eventsAtOnce)

  const sealed = await sealAll(join(dir.path, 'lean'), signer, lean, events)
  const texts = sealed.flatMap(({ lines }) => Buffer.from(lines).toString().split('\n').slice(0, -1))
  const some = texts.slice(0, journalEntries)
  const journal = openJournal(dir.path, some)
  const postgres = openPostgres(dir.path, texts, eventsAtOnce)
  const peers: Peer[] = [
    ...(journal ? [{ name: 'journald, Forward Secure Sealing', work: timed(some.length, journal.seal) }] : []),
    ...(postgres
      ? [
          {
            name: 'PostgreSQL 15, binary COPY from parsed events, no sealing',
            work: async () => ({ units: indexedEvents, seconds: await postgres.copyEvents(lean, indexedEvents) }),
          },
          {
            name: 'PostgreSQL 15, binary COPY from rows that lie in files, no sealing',
            work: timed(texts.length, postgres.copyFiles),
          },
        ]
      : []),
  ]
  await using host = await startHost()
  await using thread = await prepareIndexThread()
  const indexed = join(dir.path, 'indexed')
  yield* compareAll({
    name: 'seal.indexed',
    unit: 'events/s',
    runs,
    // What a turn wrote costs the next: the system keeps it in its cache.
    before: () => rm(indexed, { recursive: true, force: true }),
    ours: () => sealToIndex(host, thread, indexed),
    peers,
  })
  postgres?.stop()

  const text = (drafts: readonly Draft[]) =>
    Buffer.from(drafts.map(({ event }) => `${JSON.stringify(event)}\n`).join(''))
  for (const [name, drafts, count] of [
    ['seal.host', lean, events],
    ['seal.host-full', full, fullEvents],
  ] as const) {
    yield* compareAll({
      name,
      unit: 'events/s',
      runs,
      ours: async () => {
        const chain = await openBenchChain(place(), signer)
        for (let i = 0; i < count; i += eventsAtOnce) await chain.seal(drafts)
        await chain.close()
        return count
      },
      peers: [
        { name: 'JSON.stringify and a synchronous append', work: () => appendAll(place(), count, () => text(drafts)) },
      ],
    })
  }

  const sealedFull = await sealAll(join(dir.path, 'full'), signer, full, fullEvents)
  for (const [name, batches] of [
    ['seal.canonical', sealed],
    ['seal.canonical-full', sealedFull],
  ] as const) {
    yield* compareAll({
      name,
      unit: 'lines/s',
      runs,
      ours: () => takeAll(place(), batches, keyRecord(signer)),
      peers: [{ name: 'node:sqlite, WAL, synchronous=FULL, one table', work: async () => insertAll(place(), batches) }],
    })
  }
}

async function sealAll(
  dir: string,
  signer: Ed25519Signer,
  drafts: readonly Draft[],
  count: number,
): Promise<ChainBatch[]> {
  const chain = await openBenchChain(dir, signer)
  for (let i = 0; i < count; i += eventsAtOnce) await chain.seal(drafts)
  const batches: ChainBatch[] = []
  for (let seq = 0; seq < chain.position.nextSeq; seq += batches.at(-1)?.count ?? 0)
    batches.push((await chain.readBatch(seq)) as ChainBatch)
  await chain.close()
  return batches
}

type Host = { readonly worker: Worker; readonly key: ReturnType<typeof keyRecord> } & AsyncDisposable

async function startHost(): Promise<Host> {
  const worker = new Worker(new URL('seal-host.ts', import.meta.url))
  const [{ key }] = (await once(worker, 'message')) as [{ key: ReturnType<typeof keyRecord> }]
  return { worker, key, [Symbol.asyncDispose]: async () => void (await worker.terminate()) }
}

/**
 * A host seals on a thread of its own, what it sends is judged and made durable on this one, and a third indexes it: until
 * the last line is indexed and a checkpoint signed.
 */
async function sealToIndex({ worker, key }: Host, thread: IndexThread, dir: string): Promise<number> {
  const ledger = await openBenchLedger(join(dir, 'ledger'), noteSigner())
  const store = openStore(dir)
  const index = await thread.open(store.indexPath)
  const stop = new AbortController()
  let due = Number.POSITIVE_INFINITY
  const onIndexed = (position: number) => {
    if (position >= due) stop.abort()
  }
  const indexing = indexEntries({ ledger, store, index, outbox: createOutbox(store), signal: stop.signal, onIndexed })
  const take = createJudge(ledger, key)
  const pending: Promise<void>[] = []
  const { promise: done, resolve } = Promise.withResolvers<void>()
  const onMessage = (message: FromHost) => {
    if ('done' in message) resolve()
    if (!('batch' in message)) return
    const appended = ledger.append(take(message.batch)).then(() => worker.postMessage({ taken: true } satisfies ToHost))
    pending.push(appended)
  }
  worker.on('message', onMessage)
  worker.postMessage({ order: { dir: join(dir, 'chain'), events: indexedEvents } } satisfies ToHost)
  await done
  await Promise.all(pending)
  worker.off('message', onMessage)
  due = ledger.size + 1
  await ledger.append({ own: { event: { message: 'the end' } } })
  await indexing
  await ledger.checkpoint()
  await ledger.close()
  await index.close()
  await store.close()
  return indexedEvents
}

/** The verdict on batches of one chain in their order, as the server's ingest gives it. */
function createJudge(ledger: Ledger, key: ReturnType<typeof keyRecord>) {
  const registered: SigningKey = {
    tenant: ledger.tenant,
    keyId: key.key_id,
    kind: 'host',
    producer: key.host_id,
    algorithm: key.algorithm,
    publicKey: key.public_key,
    validFrom: key.valid_from,
    validUntil: key.valid_until,
    revokedAt: null,
    endedAt: null,
    compromisedSince: null,
    state: 'active',
    source: 'enrolment',
  }
  const owner = { hostId: key.host_id, tenant: ledger.tenant }
  let position: ChainPosition = chainStart
  return (batch: Pick<ChainBatch, 'chain' | 'count' | 'lines'>): VerifiedBatch => {
    const verdict = judgeBatch(
      batch,
      position,
      owner,
      () => registered,
      () => '2026-11-21T12:00:00.000000000Z',
    )
    if (!('admitted' in verdict)) throw new Error(`a batch was refused: ${verdict.detail}`)
    position = verdict.admitted.end
    return verdict.admitted
  }
}

async function takeAll(
  dir: string,
  batches: readonly ChainBatch[],
  key: ReturnType<typeof keyRecord>,
): Promise<number> {
  const ledger = await openBenchLedger(dir, noteSigner())
  const judge = createJudge(ledger, key)
  const window = createWindow(onTheWayMax)
  const appended: Promise<void>[] = []
  for (const batch of batches) {
    await window.enter()
    // A batch comes by way of the event loop, which also hears of what the disk has done.
    await setImmediate()
    appended.push(ledger.append(judge(batch)).then(window.leave))
  }
  await Promise.all(appended)
  await ledger.checkpoint()
  const { size } = ledger
  await ledger.close()
  return size
}

async function appendAll(path: string, count: number, text: () => Buffer): Promise<number> {
  const file = await systemDisk.openAppend(path)
  for (let i = 0; i < count; i += eventsAtOnce) await file.append([text()])
  await file.close()
  return count
}

function insertAll(path: string, batches: readonly ChainBatch[]): number {
  using db = new DatabaseSync(path)
  db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE lines (id INTEGER PRIMARY KEY, line TEXT)')
  const insert = db.prepare('INSERT INTO lines (line) VALUES (?)')
  let count = 0
  for (let i = 0; i < batches.length; i += batchesAtOnce) {
    db.exec('BEGIN')
    for (const { lines } of batches.slice(i, i + batchesAtOnce)) {
      for (const line of Buffer.from(lines).toString().split('\n').slice(0, -1)) {
        insert.run(line)
        count += 1
      }
    }
    db.exec('COMMIT')
  }
  return count
}
