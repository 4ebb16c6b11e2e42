// SPDX-License-Identifier: Apache-2.0

import { randomFillSync } from 'node:crypto'

const idBytes = 12
const pool = Buffer.alloc(256 * idBytes)
let next = pool.length

/** Names one request for good; the randomness of many is fetched at once. */
export function newRequestId(): string {
  if (next === pool.length) {
    randomFillSync(pool)
    next = 0
  }
  next += idBytes
  return `req_${pool.toString('hex', next - idBytes, next)}`
}
