// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, describe, test } from 'node:test'
import { type Clock, createLog, systemClock } from '@sealwatch/base'
import { type Part, type PartState, startPart } from './part.ts'
import { isAlive } from './task.ts'

/** Time that passes only in sleeps, which are over at once; what was slept is on record. */
function quickClock() {
  const sleeps: number[] = []
  let nowMs = 0
  const clock: Clock = {
    ...systemClock,
    nowMs: () => nowMs,
    sleep: async (ms) => {
      sleeps.push(ms)
      nowMs += ms
    },
  }
  return { clock, sleeps, pass: (ms: number) => (nowMs += ms) }
}

describe('a part', () => {
  let dir: string
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'sealwatch-part-'))
  })
  after(() => rmSync(dir, { recursive: true }))

  const logged: string[] = []
  const log = createLog(
    'test',
    (line) => logged.push(line),
    () => 0,
  )
  const shell = (script: string, stopMs = 5000): Part => ({
    name: 'p',
    argv: ['sh', '-c', script],
    env: { WORD: 'hello' },
    log: join(dir, 'p.log'),
    stopMs,
  })

  /** Starts it and resolves as soon as its state passes `done`. */
  async function started(part: Part, clock: Clock, done: (state: PartState) => boolean) {
    const reached = Promise.withResolvers<void>()
    const running = startPart(part, {
      clock,
      log,
      onChange: () => queueMicrotask(() => done(running.state()) && reached.resolve()),
    })
    await reached.promise
    return running
  }

  test('AGT-8 RIM-5 that sees and answers attacks comes before all others, with all that it starts', {
    skip: process.getuid?.() === 0 ? false : 'needs root',
  }, async () => {
    const isUp = ({ task }: PartState) => task !== undefined
    const running = await started({ ...shell('sleep 1000'), isForemost: true }, systemClock, isUp)
    const pid = running.state().task?.pid ?? 0
    assert.equal(getPriority(pid), -20)
    assert.match(readFileSync(`/proc/${pid}/autogroup`, 'latin1'), /nice -20$/m)
    await running.stop()
  })

  test('that keeps ending is started again, ever more slowly, at most a second apart', async () => {
    const { clock, sleeps } = quickClock()
    const running = await started(shell('exit 4'), clock, ({ restarts }) => restarts >= 7)
    assert.equal(running.state().lastExit, 'exit 4')
    assert.deepEqual(sleeps.slice(0, 7), [0, 50, 100, 200, 400, 800, 1000])
    await running.stop()
    assert.match(logged[0] ?? '', /"part":"p","lastExit":"exit 4"/)
  })

  test('that cannot be started at all is told apart', async () => {
    const { clock } = quickClock()
    const running = await started(
      { ...shell(''), argv: ['/nonexistent/program'] },
      clock,
      ({ restarts }) => restarts >= 1,
    )
    assert.match(running.state().lastExit ?? '', /ENOENT/)
    await running.stop()
  })

  test('whose log cannot be opened is tried again', async () => {
    const { clock } = quickClock()
    const part = { ...shell(''), log: join(dir, 'none/p.log') }
    const running = await started(part, clock, ({ restarts }) => restarts >= 1)
    assert.match(running.state().lastExit ?? '', /ENOENT/)
    await running.stop()
  })

  test('runs with its own environment and nothing else, and writes to its log', async () => {
    const running = await started(
      shell('echo "$WORD $HOME$USER"; exec sleep 100'),
      systemClock,
      ({ task }) => task !== undefined,
    )
    while (!readFileSync(join(dir, 'p.log'), 'utf8').includes('hello \n')) await systemClock.sleep(2)
    await running.stop()
  })

  test('gets its secrets on standard input, in each of its lives, and nothing of them stands in its environment', async () => {
    const script = 'cat; tr "\\0" "\\n" < /proc/$$/environ | grep -c hidden; exit 3'
    const { clock } = quickClock()
    const part = { ...shell(script), log: join(dir, 's.log'), secrets: { AUDIT_SIGNING_KEY: 'hidden' } }
    const running = await started(part, clock, ({ restarts }) => restarts >= 2)
    await running.stop()
    assert.match(readFileSync(part.log, 'utf8'), /^({"AUDIT_SIGNING_KEY":"hidden"}0\n){2}/)
  })

  test('that ends before it has read its secrets is started again', async () => {
    const { clock } = quickClock()
    const secrets = { AUDIT_SIGNING_KEY: 'x'.repeat(1_000_000) }
    const running = await started({ ...shell('exit 4'), secrets }, clock, ({ restarts }) => restarts >= 3)
    assert.equal(running.state().lastExit, 'exit 4')
    await running.stop()
  })

  test('ends when asked', async () => {
    const running = await started(shell('exec sleep 100'), systemClock, ({ task }) => task !== undefined)
    const { task } = running.state()
    await running.stop()
    assert.equal(running.state().lastExit, 'SIGTERM')
    assert.equal(task !== undefined && isAlive(task), false)
  })

  test('that does not end when asked is ended', async () => {
    const deaf = shell('trap "" TERM; echo deaf; while :; do sleep 0.01; done', 100)
    const running = await started(deaf, systemClock, ({ task }) => task !== undefined)
    while (!readFileSync(join(dir, 'p.log'), 'utf8').includes('deaf')) await systemClock.sleep(2)
    await running.stop()
    assert.equal(running.state().lastExit, 'SIGKILL')
  })
})
