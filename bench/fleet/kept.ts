// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { systemDisk } from '@sealwatch/base'
import { linesIn, readLineBlocks } from '../../packages/ledger/src/log/read-lines.ts'
import type { ChainAccount } from './agents.ts'

const silent = Buffer.from('"host_silent"')
/** Goes without a word. */
const slow = Buffer.from('"slow"')

/** What the ledgers hold of chains, line by line: how many are missing, how many are there again; and of hosts that live, how often one was said to be silent. */
export async function countFaults(ledgers: string, chains: readonly ChainAccount[]) {
  const times = new Map(chains.map(({ id, shipped }) => [id, new Uint8Array(shipped)]))
  let falseAlarms = 0
  for (const tenant of ['default', 'cluster'])
    for await (const block of readLineBlocks(join(ledgers, `tenant-${tenant}`, 'lines'), systemDisk))
      for (const bytes of linesIn(block)) {
        const line = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
        if (line.includes(silent) && !line.includes(slow)) falseAlarms += 1
        const { chain, seq } = JSON.parse(line.toString('utf8')) as { chain: string; seq: number }
        const seen = times.get(chain)
        if (seen !== undefined && seq < seen.length) seen[seq] = (seen[seq] as number) + 1
      }
  let lost = 0
  let doubled = 0
  for (const seen of times.values())
    for (const count of seen) {
      if (count === 0) lost += 1
      if (count > 1) doubled += 1
    }
  return { lost, doubled, falseAlarms }
}
