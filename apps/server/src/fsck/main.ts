// SPDX-License-Identifier: Apache-2.0
//
// node apps/server/src/fsck/main.ts DIR [--repair] [--trust VKEY]…   Writes {"bytes": N} as it reads, {"read": true} once the
// ledgers are read, and at the end {"report": …} or {"error": …}, a JSON object a line. `sealwatch audit fsck` runs it.

import process from 'node:process'
import { parseArgs } from 'node:util'
import { isSealwatchError, messageOf, systemClock, systemDisk } from '@sealwatch/base'
import { kmsMasterKey } from '@sealwatch/keys/sealing'
import { parseVkey, sha256 } from '@sealwatch/ledger'
import { fsckServer } from './fsck.ts'

const stepBytes = 16 * 1024 * 1024
const write = (record: object) => process.stdout.write(`${JSON.stringify(record)}\n`)

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { repair: { type: 'boolean', default: false }, trust: { type: 'string', multiple: true, default: [] } },
  })
  let bytes = 0
  let told = 0
  const report = await fsckServer(positionals[0] as string, {
    disk: systemDisk,
    clock: systemClock,
    kms: kmsMasterKey({ clock: systemClock }),
    trust: values.trust.map((vkey) => parseVkey(sha256, vkey)),
    repair: values.repair,
    onBytes: (read) => {
      bytes += read
      if (bytes - told < stepBytes) return
      told = bytes
      write({ bytes })
    },
    onRead: () => write({ read: true }),
  })
  write({ report })
} catch (error) {
  write({ error: isSealwatchError(error) ? error.toJSON() : { code: 'FSCK_FAILED', message: messageOf(error) } })
}
