// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, type Log } from '@sealwatch/base'
import { limits } from '@sealwatch/contract'
import { type Lines, openSide, sha256 } from '@sealwatch/ledger'
import type { LineWithValues, SideCustody } from '../custody/index.ts'
import { ingestError } from './errors.ts'

/** Personal values as they came, by the number of their line. */
export type SideRows = Iterable<readonly [seq: number, values: Uint8Array]>

/** Values that do not match their line are worth nothing and are left out; the line itself is evidence all the same. */
export async function sealSide(
  { side, log }: { readonly side: SideCustody; readonly log: Log },
  tenant: string,
  {
    chain,
    firstSeq,
    lines: { count, lineAt },
  }: { readonly chain: string; readonly firstSeq: number; readonly lines: Lines },
  rows: SideRows,
): Promise<Map<number, Uint8Array>> {
  const attempted = `reading the personal values of chain ${chain}`
  const found: LineWithValues[] = []
  for (const [seq, values] of rows) {
    const index = seq - firstSeq
    try {
      if (!(index >= 0 && index < count) || values.length > limits.sideBytesMax)
        throw ingestError('INGEST_MALFORMED', { attempted, received: `${values.length} bytes for line ${seq}` })
      const { line, hash } = lineAt(index)
      const opened = openSide(sha256, line, Buffer.from(values).toString('utf8'), attempted)
      found.push({ line, leafHash: hash.toHex(), values: opened })
    } catch (error) {
      if (!isSealwatchError(error)) throw error
      log.error('personal values that do not match their line are left out', { chain, seq, error })
    }
  }
  const sealed = await side.seal(tenant, found)
  return new Map(found.flatMap(({ line }, i) => (sealed[i] === undefined ? [] : [[line.seq, sealed[i]] as const])))
}
