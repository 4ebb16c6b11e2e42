// SPDX-License-Identifier: Apache-2.0
// In the machine: starts a sensor, and prints what its hello says of each site, as JSON.

import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createFrameDecoder } from '../../apps/agent/src/sources/frame.ts'
import { binary, isHello } from '../../apps/sensor/sensor-harness.ts'

const dir = mkdtempSync(join(tmpdir(), 'sites-'))
chmodSync(dir, 0o755)
const path = join(dir, 'socket')
const decoder = createFrameDecoder((error) => {
  throw error
})
const server = createServer((socket) => {
  socket.on('data', (chunk: Buffer) => {
    const hello = decoder.push(chunk).find(isHello)
    if (hello === undefined) return
    console.log(JSON.stringify(hello.attached))
    sensor.kill('SIGKILL')
    process.exit()
  })
})
const sensor = spawn(binary('sensor'), ['--socket', path, '--instance', 'sites', ...process.argv.slice(2)], {
  stdio: ['ignore', 'ignore', 'inherit'],
})
server.listen(path, () => chmodSync(path, 0o666))
