// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, describe, test } from 'node:test'
import { testIo } from '../../test/test-io.ts'
import { run } from '../cli.ts'
import type { Io } from '../io.ts'
import { type Place, placeOf } from '../place.ts'
import { readSupervisor } from '../supervise/record.ts'
import { isAlive } from '../supervise/task.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root'

test('audit fsck that somebody ends says so, and is no crash', async () => {
  const data = mkdtempSync(join(tmpdir(), 'sealwatch-fsck-'))
  mkdirSync(join(data, 'server/ledgers/root'), { recursive: true })
  const io = testIo({ stop: AbortSignal.abort() })
  assert.equal(await run(['audit', 'fsck', '--data', data], io), 3)
  assert.match(io.complained(), /checking .* failed \(CLI_INTERRUPTED\)\n.*\n {2}Nothing was written; run it again\n$/)
  rmSync(data, { recursive: true })
})

test('OPS-2 the ports of up are those of the settings of the server where no option says others, and what is none is refused', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const port = String((taken.address() as AddressInfo).port)
  const up = async (env: Record<string, string>) => {
    // Whatever it would start stops at once.
    const io = testIo({ uid: 0, env, stop: AbortSignal.abort() })
    await run(['up', '--data', join(tmpdir(), 'sealwatch-none', 'data')], io)
    return io.complained()
  }
  assert.match(await up({ SEALWATCH_SERVER_PORT: port }), new RegExp(`127\\.0\\.0\\.1[: ].*${port}`))
  for (const name of ['SEALWATCH_SERVER_PORT', 'SEALWATCH_SERVER_API_PORT'])
    for (const wrong of ['x', '0', '65536'])
      assert.match(await up({ [name]: wrong }), new RegExp(`CLI_USAGE.*${name}=${wrong}.*from 1 to 65535`, 's'))
})

describe('commands on a running instance', { skip }, () => {
  let dir: string
  let place: Place
  let supervisor: ChildProcess

  async function start(): Promise<void> {
    const program = join(import.meta.dirname, '../../test/fake-up.ts')
    supervisor = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, place.data], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    for await (const chunk of supervisor.stdout ?? []) {
      said += chunk
      if (said.includes('ready')) return
    }
    assert.fail(`the instance ended: ${said}`)
  }

  const call = (...args: string[]) => callWith('', ...args)

  async function callWith(input: string, ...args: string[]) {
    const io = testIo({ readLine: async () => input })
    const code = await run([...args, '--data', place.data], io)
    return { code, out: io.said(), err: io.complained() }
  }

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sealwatch-commands-'))
    place = placeOf(join(dir, 'data'))
    await start()
  })
  after(() => {
    supervisor.kill('SIGKILL')
    rmSync(dir, { recursive: true })
    rmSync(place.run, { recursive: true, force: true })
  })

  test('status says how everything is', async () => {
    const { code, out } = await call('status', '--json')
    assert.equal(code, 0)
    const status = JSON.parse(out)
    assert.equal(status.phase, 'ready')
    assert.deepEqual(
      status.parts.map(({ name, restarts }: { name: string; restarts: number }) => [name, restarts]),
      [
        ['sensor', 0],
        ['agent', 0],
        ['server', 0],
      ],
    )
    assert.deepEqual(status.queue, [
      { tenant: 'default', chain: 'c'.repeat(32), writer: 'agent', toSeal: 0, sealed: 9, acknowledged: 7, depth: 2 },
    ])
    assert.equal(status.sensor.sites.exec.produced, '5')
    assert.equal(status.server.ingest.received, 3)
    assert.deepEqual(status.warnings, [])
    const { out: text } = await call('status')
    assert.match(text, /Signer\n {2}file +ed25519 +(ab){8}… +none is configured/)
    for (const word of ['ready', 'sensor', 'attached', 'acknowledged', 'received 3'])
      assert.ok(text.includes(word), word)
  })

  test('status without root says that it needs it', async () => {
    const io = testIo({ uid: 1000 })
    assert.equal(await run(['status', '--data', place.data], io), 3)
    assert.match(io.complained(), /CLI_NEEDS_ROOT/)
  })

  test('a follower outlives a killed server, and shows each event once', async () => {
    const stop = new AbortController()
    const lines: string[] = []
    const first = Promise.withResolvers<void>()
    const second = Promise.withResolvers<void>()
    const io = testIo({
      stop: stop.signal,
      out: (text) => {
        lines.push(JSON.parse(text).message)
        if (lines.length === 1) first.resolve()
        if (lines.length === 2) second.resolve()
      },
    })
    const following = run(['events', '--follow', '--json', '--data', place.data], io)
    await first.promise
    const server = (await readSupervisor(place))?.parts.find(({ name }) => name === 'server')
    process.kill(server?.task?.pid ?? 0, 'SIGKILL')
    await second.promise
    stop.abort()
    assert.equal(await following, 0)
    assert.deepEqual(lines, ['event 0', 'event 1'])
    assert.match((await call('status')).out, /1 restart, last SIGKILL/)
  })

  test('LOG-7 how far a long list is stands on the terminal, and not among the list: nor where that stands there itself', async () => {
    const listed = async (terminals: Partial<Io>) => {
      const io = testIo(terminals)
      assert.equal(await run(['events', '--json', '--limit', '3', '--data', place.data], io), 0)
      return { err: io.complained(), out: io.said() }
    }
    const piped = await listed({ errTty: true })
    const erased = '\r\x1b[K'
    assert.match(piped.err, /listing events …/)
    assert.match(piped.err, /listing events: 1 line, to leaf \d+/)
    assert.ok(piped.err.endsWith(erased) && !piped.out.includes(erased))
    const shown = await listed({ errTty: true, outTty: true })
    assert.equal(shown.err, `${erased}listing events …${erased}`)
    assert.equal(shown.out, piped.out)
    assert.equal((await listed({})).err, '')
  })

  test('a bundle is there when it is whole, and not before', async () => {
    const path = join(dir, 'x.bundle')
    const { code, out } = await call('audit', 'export', '--all', '-o', path, '--json')
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(out), { file: path, lines: 2, bytes: 14 })
    assert.equal(readFileSync(path, 'utf8'), '{"bundle":{}}\n')
    const io = testIo({ env: { SUDO_UID: '65534', SUDO_GID: '65533' } })
    const own = join(dir, 'own.bundle')
    assert.equal(await run(['audit', 'export', '--all', '-o', own, '--data', place.data], io), 0)
    const { uid, gid, mode } = statSync(own)
    assert.deepEqual([uid, gid, mode & 0o777], [65534, 65533, 0o600], 'it belongs to whoever ran sudo')
    writeFileSync(join(place.data, 'server/break'), '')
    const broken = await call('audit', 'export', '--all', '-o', join(dir, 'y.bundle'))
    assert.equal(broken.code, 3)
    assert.match(broken.err, /CLI_SERVER_FAILED/)
    assert.equal(existsSync(join(dir, 'y.bundle')) || existsSync(join(dir, 'y.bundle.partial')), false)
    const ended = testIo({ stop: AbortSignal.abort() })
    assert.equal(await run(['audit', 'export', '--all', '-o', join(dir, 'y.bundle'), '--data', place.data], ended), 3)
    assert.match(ended.complained(), /failed \(CLI_INTERRUPTED\)\n.*\n {2}Nothing was written; run it again\n$/)
    assert.equal(existsSync(join(dir, 'y.bundle')) || existsSync(join(dir, 'y.bundle.partial')), false)
    const none = await call('audit', 'export', '--alert', 'none', '-o', join(dir, 'y.bundle'))
    assert.equal(none.code, 1)
    assert.match(none.err, /failed \(API_NOT_FOUND\)\n.*; found "none"\n {2}Look\n$/)
    const nowhere = await call('audit', 'export', '--all', '-o', join(dir, 'none/y.bundle'))
    assert.match(nowhere.err, /CLI_FILE.*\n.*ENOENT/)
  })

  test('PKI-1 host invite prints the line to paste on the other machine, and the token in no argument of a program', async () => {
    const { out, err } = await call('host', 'invite')
    assert.equal(out, 'printf %s one-time | sudo ./sealwatch join 192.0.2.10:7443 --detach\n')
    assert.match(err, /^Paste it .* Valid once, until 2026-01-01 00:00:00 UTC\.\n$/)
    const acme = JSON.parse((await call('host', 'invite', '--tenant', 'acme', '--server', 'a.example', '--json')).out)
    assert.equal(acme.token, 'one-time-acme')
    assert.match(acme.line, /one-time-acme \| sudo \.\/sealwatch join a\.example --tenant acme --detach$/)
    const here = JSON.parse((await call('host', 'invite', '--server', '127.0.0.1', '--json')).out)
    assert.deepEqual([here.token, here.line], ['one-time', null], 'no line that leads nowhere')
    assert.match((await call('host', 'invite', '--server', '127.0.0.1')).err, /--address ADDRESS/)
    assert.match((await call('host', 'invite', '--server', 'a b')).err, /must be HOST or HOST:PORT/)
  })

  test('keys: which there are, and how far they are wrapped anew', async () => {
    const { out } = await call('keys', 'status')
    assert.match(out, /^1 +file +2026-01-01 00:00:00 UTC +readable +3$/m)
    assert.match(out, /^2 +arn:x +2026-01-02 00:00:00 UTC +current +1$/m)
    assert.match(out, /3 tenant keys are under an older epoch/)
    assert.equal(JSON.parse((await call('keys', 'status', '--json')).out).subjectKeys, 5)
    assert.equal((await call('keys', 'rotate')).out, 'Epoch 2 is current; 3 tenant keys were wrapped anew.\n')
    const rewrapped = JSON.parse((await call('keys', 'rewrap', '--json')).out)
    assert.deepEqual(rewrapped, { epoch: 2, done: 3, total: 3 })
  })

  test('erase takes the name from the input, and does nothing that is not meant', async () => {
    for (const words of [['subject'], ['tenant', 'acme']]) {
      const unmeant = await callWith('alice', 'erase', ...words)
      assert.equal(unmeant.code, 2)
      assert.match(unmeant.err, /Nothing was done/)
    }
    const { out } = await callWith('alice', 'erase', 'subject', '--yes', '--json')
    assert.deepEqual(JSON.parse(out), {
      tenant: 'default',
      label: 'default.name.alice',
      keys: 2,
      ledger: 'cluster',
      leaf: 7,
      first_layout: true,
    })
    assert.match((await callWith('alice', 'erase', 'subject', '--yes')).err, /erased with the tenant only/)
    const byUid = await callWith('h1/1000', 'erase', 'subject', '--yes', '--uid', '--tenant', 'acme')
    assert.match(byUid.out, /^2 keys destroyed, recorded as acme.uid.h1\/1000 at leaf 7/)
    const unknown = await callWith('nobody', 'erase', 'subject', '--yes')
    assert.deepEqual([unknown.code, /Nothing was sealed for that name/.test(unknown.err)], [1, true])
    assert.equal((await callWith('', 'erase', 'subject', '--yes')).code, 2)
    assert.equal((await call('erase', 'subject', 'alice', '--yes')).code, 2, 'no name on the command line')
  })

  test('down stops it, and again says that nothing runs', async () => {
    const tasks = ((await readSupervisor(place))?.parts ?? []).map(({ task }) => task)
    const ended = once(supervisor, 'exit')
    assert.equal((await call('down')).code, 0)
    assert.deepEqual(await ended, [0, null])
    for (const task of tasks) assert.equal(task !== undefined && isAlive(task), false)
    assert.equal(existsSync(place.run), false)
    const again = await call('down')
    assert.equal(again.code, 3)
    assert.match(again.err, /CLI_NOT_RUNNING/)
  })

  test('down ends what a killed supervisor left', async () => {
    await start()
    const tasks = ((await readSupervisor(place))?.parts ?? []).flatMap(({ task }) => task ?? [])
    assert.equal(tasks.length, 3)
    supervisor.kill('SIGKILL')
    await once(supervisor, 'exit')
    const { code: status, err } = await call('status')
    assert.equal(status, 3)
    assert.match(err, /supervisor was killed, and whose (?=.*server)(?=.*agent).* run on alone/)
    assert.match(err, /sealwatch up --detach --data .*sealwatch down --data/)
    rmSync(place.run, { recursive: true })
    const { code, out } = await call('down', '--json')
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(out).leftovers.toSorted(), ['agent', 'sensor', 'server'])
    for (const task of tasks) assert.equal(isAlive(task), false)
  })
})
