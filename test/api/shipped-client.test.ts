// SPDX-License-Identifier: Apache-2.0
// The client that services import, against a whole server as it stands on one machine.

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import {
  addRows,
  createForwarder,
  type ForwarderMetrics,
  httpSender,
  keySigner,
  sqliteOutbox,
  sqliteOutboxTables,
} from '@sealwatch/producer'
import { startServer } from './server.ts'

test('ING-6 rows come from an outbox into the ledger over plain HTTP on this machine, and nowhere else', async () => {
  await using server = await startServer()
  const root = server.root('default')
  await root.call('addProducer', { body: { producer: 'billing' } })
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const public_key = publicKey.export({ type: 'spki', format: 'pem' }) as string
  const body = { key_id: 'billing-1', algorithm: 'ed25519', public_key }
  await root.call('addSigningKey', { params: { producer: 'billing' }, body })
  const asked = { name: 'billing', actions: ['rows:write'], ttl_seconds: 600, service: 'billing' }
  const { token } = await root.call('createToken', { body: asked })

  using database = new DatabaseSync(':memory:')
  database.exec(sqliteOutboxTables)
  addRows(database, ['{"invoice":1}', '{"invoice":2}'])
  const over = new AbortController()
  let told: ForwarderMetrics | undefined
  const forwarder = createForwarder({
    outbox: sqliteOutbox(database),
    signer: keySigner('billing-1', privateKey),
    send: httpSender({ url: server.url, token: () => token }),
    onMetrics: (metrics) => {
      told = metrics
      if (metrics.rows === 0) over.abort()
    },
    onError: (error) => over.abort(error),
  })
  await forwarder.run(over.signal)
  assert.deepEqual(told?.sent, { admitted: 2, duplicate: 0, quarantined: 0, parked: 0 })
  assert.throws(
    () => httpSender({ url: 'http://sealwatch.example', token: () => token }),
    (error) => isSealwatchError(error, 'SEND_PLAIN'),
  )
})
