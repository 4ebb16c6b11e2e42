// SPDX-License-Identifier: Apache-2.0
// A service under load, for trying things out (docs/worst-week.md): rows at a steady rate, from its own database to the
// ledger, until Ctrl-C; what waits then is still sent, unless Ctrl-C comes again. It tells every few seconds what became of
// them.

import process from 'node:process'
import { messageOf } from '@sealwatch/base'
import { readOptions, usage } from './options.ts'
import { runService } from './service.ts'

function optionsOf(args: string[]) {
  try {
    const options = readOptions(args)
    if (options !== 'help') return options
    process.stdout.write(usage)
    return process.exit(0)
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${usage}`)
    return process.exit(2)
  }
}

const options = optionsOf(process.argv.slice(2))
const closing = new AbortController()
const stop = new AbortController()
process.on('SIGINT', () => (closing.signal.aborted ? stop : closing).abort())
process.once('SIGTERM', () => stop.abort())
await runService(
  {
    ...options,
    onMetrics: ({ keyId, written, rows, sent }) => {
      const { admitted, duplicate, quarantined, parked } = sent
      const became = `${admitted} admitted, ${duplicate} duplicate, ${quarantined} quarantined, ${parked} parked`
      console.log(`${keyId}: ${written} written, ${rows} waiting; under all its keys ${became}`)
    },
    onError: (error) => console.warn(messageOf(error)),
  },
  closing.signal,
  stop.signal,
)
