// SPDX-License-Identifier: Apache-2.0
// DET-1, LOG-6: the server is killed amid changes of how requests are judged, and amid judging.

import assert from 'node:assert/strict'
import { mkdtempDisposableSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { rootAt } from '../api/server.ts'
import { startServer } from '../signers/server-process.ts'

const attack = { method: 'GET', url: `/?q=${encodeURIComponent("1'; DROP TABLE users; --")}`, address: '192.0.2.1' }
const env = {
  AUDIT_SIGNING_KEY: 'test-ci-signing-key',
  REQUIRE_KMS: 'false',
  SEALWATCH_SERVER_API_PER_TENANT: '100000',
}
/** Answers that come before each kill. */
const kills = [1, 2, 3, 8, 21]

test('DET-1 LOG-6 whatever a kill falls into, settings that were acknowledged are in force, and threats that were have their lines', async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'sealwatch-kill-'))
  const api = rootAt(join(folder.path, 'run/api.sock'))('default')
  let version = 0
  const leaves: number[] = []
  async function started() {
    const server = startServer(folder.path, env)
    await server.serving
    const { version: found } = await api.call('getThreatSettings')
    // What was under way may have been done, and its answer lost.
    assert.ok(found === version || found === version + 1, `${found} is in force, ${version} was acknowledged`)
    assert.doesNotMatch(server.output(), /the ledger does not say it|set aside/)
    version = found
    return server
  }
  for (const answersMax of kills) {
    const server = await started()
    const enough = Promise.withResolvers<void>()
    let answers = 0
    const answered = () => {
      answers += 1
      if (answers >= answersMax) enough.resolve()
    }
    let isOver = false
    const again = async (work: () => Promise<void>) => {
      while (!isOver)
        try {
          await work()
          answered()
        } catch (error) {
          if (!isOver) throw error
        }
    }
    const working = [
      again(async () => {
        const mode = version % 2 === 0 ? 'block' : 'observe'
        version = (await api.call('setThreatSettings', { body: { mode, reason: 'a kill' } })).settings.version
      }),
      again(async () => {
        const { ledger } = await api.call('analyzeThreat', { body: { request_context: attack } })
        if (typeof ledger?.leaf_index === 'number') leaves.push(ledger.leaf_index)
      }),
      again(async () => void (await api.call('getThreatCalibration'))),
    ]
    await enough.promise
    isOver = true
    await server.kill()
    await Promise.all(working)
  }
  const server = await started()
  const { items } = await api.call('listEvents', { query: { limit: 500 } })
  const threats = items.flatMap((item) => (JSON.stringify(item).includes('request_threat') ? [item.leaf_index] : []))
  for (const leaf of leaves) assert.ok(threats.includes(leaf), `the threat at ${leaf}`)
  await server.stop()
})
