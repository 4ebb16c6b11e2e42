// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { keptPort } from './port.ts'

test('a port that was taken in the place of another is taken again, as long as the same one is wanted', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-port-'))
  const path = join(dir, 'api-port.json')
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const wanted = (holder.address() as AddressInfo).port
  const first = await keptPort(path, '127.0.0.1', wanted)
  assert.notEqual(first, wanted)
  assert.equal(await keptPort(path, '127.0.0.1', wanted), first)
  holder.close()
  await once(holder, 'close')
  assert.equal(await keptPort(path, '127.0.0.1', wanted), first, 'links that were sent lead there')
  writeFileSync(path, JSON.stringify({ wanted, port: 'x' }))
  assert.equal(await keptPort(path, '127.0.0.1', wanted), wanted)
  rmSync(dir, { recursive: true })
})
