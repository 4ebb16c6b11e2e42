// SPDX-License-Identifier: Apache-2.0
// The shipped forwarder as a process of its own: DATABASE KEY_ID KEY TOKEN_FILE URL. Killed without warning by tests.

import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { DatabaseSync } from 'node:sqlite'
import { createForwarder, fileSigner, httpSender, sqliteOutbox } from '@sealwatch/producer'

const [database, keyId, key, token, url] = process.argv.slice(2) as [string, string, string, string, string]
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
const forwarder = createForwarder({
  outbox: sqliteOutbox(new DatabaseSync(database, { timeout: 5000 })),
  signer: await fileSigner(keyId, key),
  send: httpSender({ url, token: async () => (await readFile(token, 'utf8')).trim() }),
})
await forwarder.run(stop.signal)
