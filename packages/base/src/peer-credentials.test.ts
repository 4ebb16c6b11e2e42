// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { openPeerCredentials } from './peer-credentials.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root'

test('AGT-4: the kernel says who connected, whatever they say of themselves, and of a socket that is closed nothing', {
  skip,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwatch-peer-'))
  chmodSync(folder, 0o711)
  const path = join(folder, 'socket')
  const server = createServer()
  try {
    await new Promise<void>((resolve) => server.listen(path, resolve))
    chmodSync(path, 0o666)
    const connected = once(server, 'connection') as Promise<[Socket]>
    const script = `require('node:net').connect(${JSON.stringify(path)}).resume().on('error', () => {})`
    const other = spawn(process.execPath, ['-e', script], { uid: 65_534, gid: 65_533, stdio: 'ignore' })
    const [socket] = await connected
    const look = openPeerCredentials()
    assert.deepEqual(look(socket), { pid: other.pid, uid: 65_534, gid: 65_533 })
    other.kill('SIGKILL')
    socket.destroy()
    assert.equal(look(socket), undefined)
  } finally {
    server.close()
    rmSync(folder, { recursive: true })
  }
})
