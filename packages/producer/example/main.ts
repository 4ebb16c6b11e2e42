// SPDX-License-Identifier: Apache-2.0
// A service under load, for trying things out (docs/worst-week.md): rows at a steady rate, from its own database to the
// ledger, until Ctrl-C; what waits then is still sent, unless Ctrl-C comes again. It tells every few seconds what became of
// them.

import process from 'node:process'
import { parseArgs } from 'node:util'
import { messageOf } from '@sealwatch/base'
import { runService } from './service.ts'

const usage = `Usage: node packages/producer/example/main.ts [OPTIONS]

  --url URL     Where the API of the control plane listens (sudo ./sealwatch status)
  --token FILE  A token that may rows:write for this service (sudo ./sealwatch token create)
  --key FILE    Private key in PEM, or a link to one; its name without .pem is the id that it was added under
  --database F  SQLite database of the service (default: service.sqlite)
  --rate N      Rows a second (default: 10000)
`
const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    token: { type: 'string' },
    key: { type: 'string' },
    database: { type: 'string', default: 'service.sqlite' },
    rate: { type: 'string', default: '10000' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
const { url, token, key, database, rate, help } = values
const rowsPerSecond = Number(rate)
if (help || url === undefined || token === undefined || key === undefined || !(rowsPerSecond >= 1)) {
  process.stderr.write(usage)
  process.exit(help ? 0 : 2)
}
const closing = new AbortController()
const stop = new AbortController()
process.on('SIGINT', () => (closing.signal.aborted ? stop : closing).abort())
process.once('SIGTERM', () => stop.abort())
await runService(
  {
    ...{ url, token, key, database, rowsPerSecond },
    onMetrics: ({ keyId, written, rows, sent }) => {
      const { admitted, duplicate, quarantined, parked } = sent
      const became = `${admitted} admitted, ${duplicate} duplicate, ${quarantined} quarantined, ${parked} parked`
      console.log(`${keyId}: ${written} written, ${rows} waiting; under this key ${became}`)
    },
    onError: (error) => console.warn(messageOf(error)),
  },
  closing.signal,
  stop.signal,
)
