// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { isSealwatchError, systemClock } from '@sealwatch/base'
import { fakeParts } from '../../test/fake-parts.ts'
import { fileOf, type Place, placeOf } from '../place.ts'
import type { PartSettings } from './parts.ts'
import type { Progress } from './readiness.ts'
import { bootId, readInstance, readSupervisor } from './record.ts'
import { hereAlone, supervise } from './supervise.ts'
import { isAlive, taskOf } from './task.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root'

describe('supervise', { skip }, () => {
  let base: string
  let place: Place
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'sealwatch-supervise-'))
    place = placeOf(join(base, 'data'), join(base, 'run'))
  })
  afterEach(() => rmSync(base, { recursive: true, force: true }))

  /** Starts an instance; `ready` rejects with what made it fail. */
  function start(overrides: { port?: number; parts?: typeof fakeParts } = {}) {
    const stop = new AbortController()
    const kill = new AbortController()
    const ready = Promise.withResolvers<void>()
    const progress: Progress[] = []
    const notices: string[] = []
    const ended = supervise({
      place,
      root: '/nonexistent',
      version: '0.1.0',
      address: hereAlone,
      port: overrides.port ?? 0,
      apiPort: 0,
      env: {},
      clock: systemClock,
      stop: stop.signal,
      kill: kill.signal,
      report: (step) => progress.push(step),
      notice: (text) => notices.push(text),
      onReady: () => ready.resolve(),
      parts: overrides.parts ?? fakeParts,
    })
    ended.catch((error) => ready.reject(error))
    const down = async () => {
      stop.abort()
      await ended
    }
    return { ready: ready.promise, progress, notices, down, kill }
  }

  const partOf = async (name: string) => (await readSupervisor(place))?.parts.find((part) => part.name === name)

  async function until<T>(ask: () => Promise<T | undefined | false>): Promise<T> {
    for (;;) {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer
      await systemClock.sleep(5)
    }
  }

  test('starts all parts, enrols the host, pins the keys, stops all and leaves no record', async () => {
    const instance = start()
    await instance.ready
    assert.deepEqual(
      instance.progress
        .filter(({ state }) => state !== 'waiting')
        .map(({ step }) => step)
        .toSorted(),
      ['agent', 'sensor', 'server'],
    )
    const tasks = ((await readSupervisor(place))?.parts ?? []).map(({ task }) => task)
    assert.equal(tasks.length, 3)
    assert.equal((await readInstance(place))?.pid, process.pid)
    assert.deepEqual(JSON.parse(readFileSync(fileOf.trust(place), 'utf8')).ledgerKeys, ['d1+00000000+AAAA'])
    assert.equal(statSync(join(place.data, 'agent')).mode & 0o777, 0o700)
    assert.equal(statSync(join(place.data, 'agent')).uid, 64702)
    assert.equal(statSync(join(place.run, 'agent')).mode & 0o777, 0o750)
    assert.equal(existsSync(join(place.data, 'agent/join-token')), false)
    await instance.down()
    for (const task of tasks) assert.equal(task !== undefined && isAlive(task), false)
    assert.equal(await readInstance(place), undefined)
  })

  test('a part that is killed is back, with another pid, and counted', async () => {
    const instance = start()
    await instance.ready
    const before = (await partOf('server'))?.task
    assert.ok(before)
    process.kill(before.pid, 'SIGKILL')
    const after = await until(async () => {
      const part = await partOf('server')
      return part?.restarts === 1 && part.task !== undefined && part
    })
    assert.notEqual(after.task?.pid, before.pid)
    assert.equal(after.lastExit, 'SIGKILL')
    await instance.down()
  })

  test('a second instance on the same data directory is refused and names the first', async () => {
    const first = start()
    await first.ready
    await assert.rejects(start().ready, (error) => {
      assert.ok(isSealwatchError(error, 'CLI_ALREADY_RUNNING'))
      assert.match(error.message, new RegExp(`pid ${process.pid}`))
      return true
    })
    assert.equal((await readInstance(place))?.pid, process.pid)
    await first.down()
  })

  test('what a killed supervisor left is ended before the new parts start', async () => {
    const stray = start()
    await stray.ready
    const record = readFileSync(fileOf.supervisor(place), 'utf8')
    const old = (await partOf('sensor'))?.task
    assert.ok(old)
    await stray.down()
    const sleeper = spawn('sleep', ['1000'], { stdio: 'ignore' })
    const task = taskOf(sleeper.pid ?? 0)
    assert.ok(task)
    const parts = [{ name: 'sensor', task, startedMs: 0, restarts: 0 }]
    // Where RUN is gone too, as after a cleaning of /run, its copy tells.
    writeFileSync(fileOf.supervisorCopy(place), JSON.stringify({ ...JSON.parse(record), parts }))
    const next = start()
    await next.ready
    assert.equal(isAlive(task), false)
    assert.match(next.notices.join(), /ended the sensor/)
    await next.down()
  })

  test('a recorded pid that now belongs to another process is left alone', async () => {
    const self = taskOf(process.pid)
    assert.ok(self)
    mkdirSync(place.run, { recursive: true })
    const parts = [{ name: 'server', task: { pid: self.pid, startTicks: self.startTicks - 1 } }]
    writeFileSync(fileOf.supervisor(place), JSON.stringify({ boot: bootId(), parts }))
    const instance = start()
    await instance.ready
    assert.deepEqual(instance.notices, [])
    await instance.down()
  })

  test('what a record of an earlier life of the machine names is left alone', async () => {
    const task = taskOf(process.pid)
    mkdirSync(place.data)
    writeFileSync(fileOf.supervisorCopy(place), JSON.stringify({ boot: 'another', parts: [{ name: 'server', task }] }))
    assert.equal(await readSupervisor(place), undefined)
  })

  test('a vanished run directory is made anew, with the sockets in it, while all goes on', async () => {
    const instance = start()
    await instance.ready
    const server = (await partOf('server'))?.task
    const sensor = (await partOf('sensor'))?.task
    rmSync(place.run, { recursive: true })
    assert.equal((await partOf('sensor'))?.task?.pid, sensor?.pid, 'known by the copy')
    process.kill((await partOf('agent'))?.task?.pid ?? 0, 'SIGKILL')
    await until(async () => existsSync(fileOf.supervisor(place)) && existsSync(fileOf.apiSocket(place)))
    await until(async () => existsSync(fileOf.agentStatus(place)))
    assert.notEqual((await partOf('server'))?.task?.pid, server?.pid)
    assert.equal((await partOf('sensor'))?.task?.pid, sensor?.pid)
    await instance.down()
    assert.equal(existsSync(place.run), false)
  })

  test('a full run directory stops nothing', async () => {
    const runRoot = join(base, 'run')
    mkdirSync(runRoot)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', runRoot])
    try {
      const instance = start()
      await instance.ready
      assert.throws(() => writeFileSync(join(runRoot, 'fill'), Buffer.alloc(128 * 1024)), /ENOSPC/)
      const before = await partOf('sensor')
      assert.ok(before?.task)
      process.kill(before.task.pid, 'SIGKILL')
      const recorded = async () =>
        JSON.parse(readFileSync(fileOf.supervisorCopy(place), 'utf8')).parts[0].task?.pid ?? before.task?.pid
      await until(async () => (await recorded()) !== before.task?.pid)
      await instance.down()
      assert.equal(existsSync(place.run), false)
      assert.match(
        readFileSync(fileOf.log(place, 'supervisor'), 'utf8'),
        /record of what runs cannot be written.*ENOSPC/,
      )
    } finally {
      execFileSync('umount', [runRoot])
    }
  })

  test('a part that cannot start fails the start, with its exit and the end of its log', async () => {
    mkdirSync(join(place.data, 'server'), { recursive: true })
    writeFileSync(join(place.data, 'server/die'), '')
    await assert.rejects(start().ready, (error) => {
      assert.ok(isSealwatchError(error, 'CLI_START_FAILED'))
      assert.match(error.message, /starting the server.*exit 7, 4 times: told to die/s)
      return true
    })
    assert.equal(await readInstance(place), undefined)
  })

  test('a second Ctrl-C ends at once what does not end when asked', async () => {
    const deaf = (settings: PartSettings) =>
      fakeParts(settings).map((part) =>
        part.name === 'sensor'
          ? { ...part, argv: ['sh', '-c', 'trap "" TERM; sleep 1000 & wait; wait'], stopMs: 600_000 }
          : part,
      )
    const instance = start({ parts: deaf })
    await instance.ready
    const tasks = ((await readSupervisor(place))?.parts ?? []).flatMap(({ task }) => task ?? [])
    const ended = instance.down()
    instance.kill.abort()
    await ended
    for (const task of tasks) assert.equal(isAlive(task), false)
  })

  test('a taken port is refused with one that is free', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    await assert.rejects(start({ port }).ready, (error) => {
      assert.ok(isSealwatchError(error, 'CLI_PORT_TAKEN'))
      assert.match(error.advice, /--port \d+/)
      return true
    })
    other.close()
  })

  test('below a folder that only its owner may enter, the parts still reach their data', async () => {
    const closed = join(base, 'closed')
    mkdirSync(closed, { mode: 0o700 })
    place = placeOf(join(closed, 'data'), join(base, 'run'))
    const instance = start()
    await instance.ready
    assert.equal(readFileSync(join(place.data, 'agent/identity'), 'utf8'), 'h1')
    assert.equal(existsSync(join(place.run, 'data/agent')), false)
    await instance.down()
  })
})
