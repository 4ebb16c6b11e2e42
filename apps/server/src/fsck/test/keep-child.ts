// SPDX-License-Identifier: Apache-2.0
// `node keep-child.ts DIR`: a service sends rows under a key that nobody knows, many at once and without end; what the server
// acknowledged as quarantined is written line by line, until somebody kills it.

import process from 'node:process'
import { billing, openRooms, signed } from '../../ingest/rows/test/open-rows.ts'

const rooms = await openRooms(process.argv[2] as string)
const requestRows = 20
for (;;) {
  const requests = Array.from({ length: 3 }, () =>
    Array.from({ length: requestRows }, () => signed(['{"a":1}'], { id: `row-${process.hrtime.bigint()}` })),
  )
  const outcomes = await Promise.all(requests.map((request) => rooms.rows.submit(billing, request)))
  for (const outcome of outcomes.flat()) if (outcome.kind === 'quarantined') process.stdout.write(`${outcome.item}\n`)
}
