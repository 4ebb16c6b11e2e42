// SPDX-License-Identifier: Apache-2.0

import { readFile, realpath } from 'node:fs/promises'
import { basename } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Clock, systemClock } from '@sealwatch/base'
import {
  addRows,
  createForwarder,
  type ForwarderMetrics,
  fileSigner,
  httpSender,
  sqliteOutbox,
  sqliteOutboxTables,
} from '../src/index.ts'

export type Service = {
  /** Its database. */
  readonly database: string
  /** A private key, or a link to one: the file's name without `.pem` is the id that the key was added under. */
  readonly key: string
  readonly token: string
  readonly url: string
  readonly rowsPerSecond: number
  /** `sent`: under all keys that it had since its start. */
  readonly onMetrics: (metrics: ForwarderMetrics & { readonly keyId: string; readonly written: number }) => void
  /** What the business cannot write is told once, until it can again. */
  readonly onError: (error: unknown) => void
  readonly clock?: Clock
}

const turnMs = 20

/**
 * Writes numbered rows at a steady rate, in the transactions of its own business, until `closing` fires; forwards them
 * until none waits then, or until `signal` fires. Signs with another key as soon as the link to it leads elsewhere.
 */
export async function runService(service: Service, closing: AbortSignal, signal: AbortSignal): Promise<void> {
  const database = new DatabaseSync(service.database, { timeout: 5000 })
  database.exec('PRAGMA journal_mode = WAL')
  database.exec(sqliteOutboxTables)
  database.exec('CREATE TABLE IF NOT EXISTS business (last INTEGER NOT NULL)')
  const known = database.prepare('SELECT last FROM business').get() as { last: number } | undefined
  if (known === undefined) database.exec('INSERT INTO business VALUES (0)')
  const counted = { written: known?.last ?? 0 }
  const sent = new AbortController()
  const until = AbortSignal.any([signal, sent.signal])
  const forwarding = forward(service, counted, until)
  await write(service, database, counted, AbortSignal.any([signal, closing]))
  const { clock = systemClock } = service
  const waiting = sqliteOutbox(database)
  while (!until.aborted) {
    if ((await waiting.depth()).rows === 0) sent.abort()
    await clock.sleep(turnMs, until)
  }
  await forwarding
}

async function write(
  { rowsPerSecond, onError, clock = systemClock }: Service,
  database: DatabaseSync,
  counted: { written: number },
  signal: AbortSignal,
): Promise<void> {
  const update = database.prepare('UPDATE business SET last = ?')
  const beganMs = clock.nowMs()
  const before = counted.written
  let isStuck = false
  while (!signal.aborted) {
    const due = before + Math.floor(((clock.nowMs() - beganMs) * rowsPerSecond) / 1000)
    const rows = Array.from({ length: Math.min(due - counted.written, rowsPerSecond) }, (_, i) =>
      JSON.stringify({ n: counted.written + i + 1, at: new Date(clock.nowMs()).toISOString() }),
    )
    database.exec('BEGIN IMMEDIATE')
    try {
      addRows(database, rows)
      update.run(counted.written + rows.length)
      database.exec('COMMIT')
      counted.written += rows.length
      isStuck = false
    } catch (error) {
      // A full outbox stops the business rather than lose the record of it.
      database.exec('ROLLBACK')
      if (!isStuck) onError(error)
      isStuck = true
    }
    await clock.sleep(turnMs, signal)
  }
}

async function forward(service: Service, counted: { written: number }, signal: AbortSignal): Promise<void> {
  const { url, token, onMetrics, onError, clock = systemClock } = service
  let total: Sent = { admitted: 0, duplicate: 0, quarantined: 0, parked: 0 }
  while (!signal.aborted) {
    const file = await realpath(service.key)
    const keyId = basename(file, '.pem')
    const moved = new AbortController()
    const before = total
    const forwarder = createForwarder({
      outbox: sqliteOutbox(new DatabaseSync(service.database, { timeout: 5000 })),
      signer: await fileSigner(keyId, file),
      send: httpSender({ url, token: () => readFile(token, 'utf8') }),
      onMetrics: (metrics) => {
        total = sumOf(before, metrics.sent)
        onMetrics({ ...metrics, sent: total, keyId, written: counted.written })
      },
      onError,
    })
    const until = AbortSignal.any([signal, moved.signal])
    const running = forwarder.run(until)
    while (!until.aborted) {
      await clock.sleep(turnMs * 10, until)
      if ((await realpath(service.key).catch(() => file)) !== file) moved.abort()
    }
    await running
  }
}

type Sent = ForwarderMetrics['sent']
const sumOf = (one: Sent, other: Sent): Sent => ({
  admitted: one.admitted + other.admitted,
  duplicate: one.duplicate + other.duplicate,
  quarantined: one.quarantined + other.quarantined,
  parked: one.parked + other.parked,
})
