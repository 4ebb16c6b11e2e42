// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openBootClock, systemClock } from '@sealwatch/base'
import { type Attackers, play, ready, type Stage } from './play.ts'
import { type Attacker, until } from './processes.ts'
import { nothingCame } from './protocol.ts'
import { attackWays } from './ways.ts'

const [way] = attackWays.filter((one) => one.way === 'memory_descriptor_passed')
assert(way !== undefined)
const wait = { clock: systemClock, stop: new AbortController().signal }

test('OPS-2 a way that is gone again begins as the first time did: who is handed the descriptor listens', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-play-'))
  const stage = {
    ...{ io: { env: process.env }, dir: dir.path, decoy: { pid: process.pid }, runner: process.pid },
    bootNs: openBootClock(),
  } as unknown as Stage
  for (const time of ['first', 'second']) {
    await using attackers = await ready(way, stage)
    const { second } = attackers
    second?.go()
    await until(() => second?.said().atNs !== undefined || second?.said().error !== '', 30_000, wait)
    assert.deepEqual([time, second?.said().error], [time, ''])
  }
})

test('OPS-2 an attacker whom the guard ends before he hands on what he opened has not gone that way: it is no failure of the guard', async () => {
  const attacker = (killedNs: bigint | undefined, error: string) =>
    ({
      pid: 1,
      calls: way.calls,
      go: () => undefined,
      said: () => ({ atNs: 1n, bytes: 0, error }),
      killedNs: () => killedNs,
      [Symbol.asyncDispose]: async () => undefined,
    }) as Attacker
  const stage = {
    io: wait,
    decoy: { epoch: () => 1, hasEnded: () => false, letGoOn: () => false },
    lines: () => [],
    patienceMs: 30_000,
  } as unknown as Stage
  const both = { first: attacker(2n, ''), second: attacker(undefined, nothingCame) } as unknown as Attackers
  assert.equal(await play(way, both, stage), undefined)
})

test('OPS-2 of the way that is gone when somebody ends the drill it is said that the drill was ended', async () => {
  const attacker = {
    ...{ pid: 1, calls: way.calls, go: () => undefined, killedNs: () => undefined },
    said: () => ({ atNs: undefined, bytes: 0, error: '' }),
    [Symbol.asyncDispose]: async () => undefined,
  }
  const stage = {
    io: { clock: systemClock, stop: AbortSignal.abort() },
    decoy: { epoch: () => 1, hasEnded: () => false, letGoOn: () => false },
    clients: { tell: async () => ({ total: 0, failed: 0, us: [] }) },
    ...{ lines: () => [], bootNs: openBootClock(), patienceMs: 30_000 },
  } as unknown as Stage
  const one = await play(way, { first: attacker, second: undefined } as unknown as Attackers, stage)
  assert.deepEqual([one?.outcome, one?.missed], ['failed', ['the drill was ended before it was over']])
})
