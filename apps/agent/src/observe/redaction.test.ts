// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from '@sealwatch/base'
import { classOf, fields, type ObjectName } from '@sealwatch/contract'

const planted = 'planted-word'

/** An object of the vocabulary in which every field that is not plain holds the planted word. */
function plantedIn(name: ObjectName, depth: number): Record<string, unknown> {
  const rows = Object.entries(fields[name]).flatMap(([member, row]) => {
    if (typeof row === 'string')
      return row === 'plain' ? [] : [[member, member === 'url' ? { text: planted } : planted]]
    return depth === 0
      ? []
      : [[member, row.of === 'evidence' ? [plantedIn(row.of, depth - 1)] : plantedIn(row.of, depth - 1)]]
  })
  return Object.fromEntries(rows)
}

test('LOG-5: a log that is given an event shows nothing of its personal and secret fields', () => {
  const event = plantedIn('event', 4)
  assert(JSON.stringify(event).split(planted).length > 20, 'there is something to hide')
  const lines: string[] = []
  const log = createLog(
    'agent',
    (line) => lines.push(line),
    () => 0,
  )
  log.info('an event', { event, user: event.actor })
  assert(!lines.join('').includes(planted), lines.join(''))
  assert.equal(classOf(['process', 'cmd_line']), 'secret')
})
