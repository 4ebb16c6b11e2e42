// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { listenForSensor } from './sensor-socket.ts'

test('AGT-8 a socket that somebody removed, or put another file in the place of, is there again, and the sensor that is heard goes on', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-socket-'))
  const path = join(dir, 'sensor.sock')
  const listening = await listenForSensor(path, () => ({ push: () => [] }))
  const stop = new AbortController()
  t.after(async () => {
    stop.abort()
    await listening.close()
    assert.equal(existsSync(path), false)
    rmSync(dir, { recursive: true })
  })
  const lives = listening.connections(stop.signal)[Symbol.asyncIterator]()
  const arrive = async () => {
    const socket = connect(path)
    await once(socket, 'connect')
    return socket
  }
  const first = await arrive()
  const { value: life } = await lives.next()
  const reading = (life as AsyncIterable<unknown>)[Symbol.asyncIterator]().next()
  for (const isReplaced of [false, true]) {
    rmSync(path)
    if (isReplaced) writeFileSync(path, '')
    while (statSync(path, { throwIfNoEntry: false })?.isSocket() !== true) await systemClock.sleep(20)
  }
  first.write('still heard')
  first.end()
  assert.equal((await reading).done, true)
  const second = await arrive()
  assert.equal((await lives.next()).done, false)
  second.destroy()
})
