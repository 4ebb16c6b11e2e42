// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mutantTree } from './mutant.ts'
import { plantAndSearch } from './planted.ts'
import { whyNot } from './platform.ts'

const skip = whyNot() ?? false

test('LOG-5 no secret that enters anywhere is written in clear anywhere', { skip }, async (t) => {
  const { found, planted, searched, events, serverLog } = await plantAndSearch()
  t.diagnostic(`${planted} secrets, ${searched.length} files and outputs`)
  assert.deepEqual(found, [])
  assert(planted > 60, 'secrets were planted')
  for (const due of [
    'index.sqlite',
    'entries.sqlite',
    'server.log',
    'agent.log',
    'quarantine',
    'lines',
    'planted.bundle',
    '/metrics',
    'alerts',
  ])
    assert(
      searched.some((where) => where.includes(due)),
      `${due} was searched`,
    )
  for (const due of ['batch quarantined', 'JSON_MALFORMED', 'JSON_NOT_CANONICAL', 'TOKEN_UNKNOWN'])
    assert(serverLog.includes(due), due)
  assert(events.includes('mysql -u root -p[redacted]') && events.includes('"redacted":'), 'what was run was seen')
})

test('LOG-5 the test itself: with the scrubber off it finds what stands in lines, files and outputs', {
  skip,
}, async () => {
  await using tree = await mutantTree([
    {
      file: 'packages/base/src/scrub/arguments.ts',
      find: 'return isPlain ? argv : scrubWords',
      replace: 'return isPlain || !isPlain ? argv : scrubWords',
    },
  ])
  const { found } = await plantAndSearch({ root: tree.root, programsOnly: true })
  const where = (place: string) => found.filter(({ secret }) => secret === place).map((one) => one.where)
  assert(where('mysql -px').length >= 3, 'in the ledger, in a bundle, in an output')
  assert(where('seen in /proc').length > 0)
  assert(where('arguments of an alert').includes('alerts'))
})
