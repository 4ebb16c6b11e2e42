// SPDX-License-Identifier: Apache-2.0
// DET-4, LOG-6: requests are judged on a file system without room, and what could not be written down is told.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ApiProblem } from '@sealwatch/contract/api'
import { startServer, type TestServer } from '../api/server.ts'
import { openSmallDisk, skip } from './small-disk.ts'

const attack = { method: 'GET', url: `/?q=${encodeURIComponent("1'; DROP TABLE users; --")}`, address: '192.0.2.1' }

test('DET-4 LOG-6 on a full disk attacks are blocked, settings stay as they are, and what has no line is told with room', {
  skip,
}, async () => {
  using disk = openSmallDisk()
  const { dir } = disk
  let server: TestServer | undefined = await startServer({}, undefined, { dir })
  try {
    const analyze = () => as().call('analyzeThreat', { body: { request_context: attack } })
    const as = () => (server as TestServer).root('default')
    const body = (mode: 'block' | 'observe') => ({ body: { mode, reason: 'it is tried' } })
    await as().call('setThreatSettings', body('block'))
    for (let n = 0; n < 3; n += 1) {
      disk.fill()
      const { action, ledger, unwritten } = await analyze()
      assert.deepEqual([action, ledger, unwritten], ['block', null, 'failed'])
    }
    disk.fill()
    const refused = await as()
      .call('setThreatSettings', body('observe'))
      .catch((error: ApiProblem) => error.problem.code)
    assert.equal(refused, 'STORE_FULL')
    const { mode, version } = await as().call('getThreatSettings')
    assert.deepEqual([mode, version], ['block', 1])
    assert.equal((await as().call('getThreatCalibration')).days, 0)
    disk.empty()
    const told = await analyze()
    assert.equal(told.unwritten, undefined)
    const { items } = await as().call('listAlerts', { query: {} })
    assert.match(JSON.stringify(items), /"unwritten_before":3/)
    await server[Symbol.asyncDispose]()
    server = undefined
    server = await startServer({}, undefined, { dir })
    assert.equal((await as().call('getThreatSettings')).version, 1)
    const { scores } = await as().call('getThreatCalibration')
    assert.equal(
      scores.reduce((sum, count) => sum + count, 0),
      4,
    )
  } finally {
    // A server ends where it can sign what it holds.
    disk.empty()
    await server?.[Symbol.asyncDispose]()
  }
})
