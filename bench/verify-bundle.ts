// SPDX-License-Identifier: Apache-2.0
// `node bench/verify-bundle.ts PATH THREADS`: verifies a bundle whenever it is told to, as `sealwatch audit verify` does, and
// says how many lines it had.

import { open } from 'node:fs/promises'
import process from 'node:process'
import { fileChunks } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { openBlockReaders, sha256, verifyBundle } from '@sealwatch/ledger'

const [path, threads] = process.argv.slice(2) as [string, 'all' | 'one']
await using blockReader = threads === 'all' ? openBlockReaders() : undefined
for await (const _told of process.stdin) {
  await using file = await open(path)
  const checks = { sha256, verify: verifyEd25519, trust: [], ...(blockReader && { blockReader }) }
  const { ok, lines, problem } = await verifyBundle(fileChunks(file), checks)
  if (!ok) throw new Error(`the bundle does not verify: ${problem?.message}`)
  process.stdout.write(`${lines}\n`)
}
