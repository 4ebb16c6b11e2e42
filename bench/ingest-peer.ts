// SPDX-License-Identifier: Apache-2.0
// `node bench/ingest-peer.ts DIR`: takes length-prefixed batches over TLS, appends each to one file, answers each with a byte
// once it is on stable storage. No identity, no verification, no ledger: what any receiver does at the least.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { createServer } from 'node:tls'
import { systemDisk } from '@sealwatch/base'

const dir = process.argv[2] as string
mkdirSync(dir, { recursive: true })
const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
const request = [
  'req',
  '-x509',
  '-nodes',
  '-newkey',
  'ec',
  '-pkeyopt',
  'ec_paramgen_curve:P-256',
  '-subj',
  '/CN=localhost',
]
execFileSync('openssl', [...request, '-keyout', key, '-out', cert], { stdio: 'ignore' })

let files = 0
const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, async (socket) => {
  const file = await systemDisk.openAppend(join(dir, `lines-${files++}`))
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of socket) {
    rest = Buffer.concat([rest, chunk as Buffer])
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
      const end = 4 + rest.readUInt32BE()
      await file.append([rest.subarray(4, end)])
      rest = rest.subarray(end)
      socket.write('.')
    }
  }
  await file.close()
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ msg: 'serving', port: (server.address() as AddressInfo).port })}\n`)
})
process.once('SIGTERM', () => process.exit(0))
