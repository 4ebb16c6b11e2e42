// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { isSealwatchError, systemClock, takeLock } from '@sealwatch/base'
import { testIo } from '../../test/test-io.ts'
import { run } from '../cli.ts'
import { fileOf, type Place, placeOf } from '../place.ts'
import { hereAlone, supervise } from '../supervise/supervise.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root'
const token = `swj_${'A'.repeat(43)}.${'0'.repeat(32)}`

describe('PKI-1 joining a server', { skip }, () => {
  let base: string
  let place: Place
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'sealwatch-join-'))
    place = placeOf(join(base, 'data'), join(base, 'run'))
  })
  afterEach(() => rmSync(base, { recursive: true, force: true }))

  async function call(input: string, ...args: string[]) {
    const io = testIo({ readLine: async () => input, stop: AbortSignal.abort() })
    return { code: await run([...args, '--data', place.data], io), err: io.complained() }
  }

  test('a server that is none, and a token that is none, are told, and the token is not', async () => {
    const nowhere = await call(token, 'join')
    assert.deepEqual([nowhere.code, existsSync(place.data)], [2, false])
    assert.match(nowhere.err, /Name the SERVER as HOST:PORT/)
    assert.match((await call(token, 'join', 'a b')).err, /"a b"(.|\n)*Name the SERVER/)
    const half = await call(token.slice(0, -1), 'join', '192.0.2.10')
    assert.equal(half.code, 2)
    assert.match(half.err, /79 characters(.|\n)*Paste the whole line/)
    assert.ok(!half.err.includes(token.slice(4, 40)) && !existsSync(place.data))
  })

  test('a data directory is that of a server, or of a machine that has joined one', async () => {
    mkdirSync(join(place.data, 'server'), { recursive: true })
    writeFileSync(join(place.data, 'server/index.sqlite'), '')
    assert.match((await call(token, 'join', '192.0.2.10')).err, /CLI_JOINED.*\n.*found "one of a server"/)
    rmSync(join(place.data, 'server'), { recursive: true })
    writeFileSync(
      fileOf.joined(place),
      JSON.stringify({ host: '192.0.2.10', port: 7443, tenant: 'default', caPin: '' }),
    )
    assert.match((await call('', 'up')).err, /CLI_JOINED.*\n.*one that has joined 192\.0\.2\.10:7443/)
    assert.match(
      (await call('', 'host', 'invite')).err,
      /CLI_NOT_RUNNING(.|\n)*has joined 192\.0\.2\.10:7443: ask there/,
    )
  })

  test('an address that is not of this machine is told', async () => {
    rmSync(place.data, { recursive: true, force: true })
    assert.match((await call('', 'up', '--address', '198.51.100.7')).err, /CLI_ADDRESS.*\n.*"198\.51\.100\.7"/)
    assert.equal(existsSync(place.data), false, 'what is refused leaves nothing behind')
    assert.match((await call('', 'up', '--address', 'localhost')).err, /--address must be an IP address/)
  })

  test('what the server refuses is told at once, in its own words', async () => {
    const stop = new AbortController()
    // However long: its advice comes last.
    const trouble = { text: `TOKEN_EXPIRED: ${'so '.repeat(200)}revoke it`, refuses: true }
    const state = { state: 'unenrolled', trouble, chains: [] }
    // What else goes wrong meanwhile is not why.
    const pile = JSON.stringify({ level: 'critical', msg: 'events pile up on this host' })
    const program = (run: string) => `
      const { renameSync, writeFileSync } = require('node:fs')
      console.log(${JSON.stringify(pile)})
      writeFileSync('${run}/status.new', JSON.stringify({ pid: process.pid, ...${JSON.stringify(state)} }))
      renameSync('${run}/status.new', '${run}/status.json')
      process.on('SIGTERM', () => process.exit(0))
      setInterval(() => {}, 1000)`
    const error = await supervise({
      place,
      joined: { host: '192.0.2.10', port: 7443, tenant: 'default', caPin: '0'.repeat(32) },
      ...{ address: hereAlone, port: 7443, apiPort: 0 },
      ...{ root: '/nonexistent', version: '0.1.0', env: {}, clock: systemClock },
      stop: stop.signal,
      kill: new AbortController().signal,
      report: () => undefined,
      notice: () => undefined,
      onReady: () => assert.fail('it is not enrolled'),
      parts: () => {
        const part = { env: {}, stopMs: 2000 }
        const agent = [process.execPath, '-e', program(join(place.run, 'agent'))]
        return [
          { ...part, name: 'sensor', argv: ['sleep', '1000'], log: fileOf.log(place, 'sensor') },
          { ...part, name: 'agent', argv: agent, log: fileOf.log(place, 'agent') },
        ]
      },
    }).catch((cause: unknown) => cause)
    assert.ok(isSealwatchError(error, 'CLI_JOIN_FAILED'))
    assert.doesNotMatch(error.message, /pile up/)
    assert.match(error.message, /joining 192\.0\.2\.10:7443.*TOKEN_EXPIRED: so.*revoke it/s)
  })

  test('the token lies where the agent alone reads it', async () => {
    mkdirSync(place.data)
    // It goes no further than to find that another instance runs.
    const lock = await takeLock(fileOf.lock(place))
    assert.match((await call(token, 'join', '192.0.2.10')).err, /CLI_ALREADY_RUNNING/)
    await lock?.release()
    const path = join(place.data, 'agent/join-token')
    const { uid, mode } = statSync(path)
    assert.deepEqual([uid, mode & 0o777, readFileSync(path, 'utf8')], [64702, 0o600, token])
    const { caPin, ...joined } = JSON.parse(readFileSync(fileOf.joined(place), 'utf8'))
    assert.deepEqual([joined, caPin], [{ host: '192.0.2.10', port: 7443, tenant: 'default' }, '0'.repeat(32)])
  })
})
