// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { fileOf, placeOf } from '../place.ts'
import type { AgentStatus } from '../status/types.ts'
import type { RunningPart } from './part.ts'
import { awaitReady, type Progress } from './readiness.ts'

/** What is told while a machine joins, of whose agent this is the word; each look at it takes a second. */
async function joining(t: TestContext, says: Pick<AgentStatus, 'state' | 'trouble'>, seconds: number) {
  const base = mkdtempSync(join(tmpdir(), 'sealwatch-readiness-'))
  t.after(() => rmSync(base, { recursive: true }))
  const place = placeOf(join(base, 'data'), join(base, 'run'))
  mkdirSync(dirname(fileOf.agentStatus(place)), { recursive: true })
  const sensor = { connected: true, unseen: [], modes: {}, sites: {} }
  writeFileSync(fileOf.agentStatus(place), JSON.stringify({ pid: 7, hostId: 'h1', sensor, chains: [], ...says }))
  const told: Progress[] = []
  const over = new AbortController()
  let nowMs = 0
  const sleep = async () => {
    nowMs += 1_000
    if (nowMs >= seconds * 1_000) over.abort()
  }
  const ready = await awaitReady({
    ...{ place, admin: undefined, login: undefined, isGuarded: false, signal: over.signal },
    parts: { agent: { state: () => ({ task: { pid: 7 } }) } as unknown as RunningPart },
    clock: { ...systemClock, nowMs: () => nowMs, sleep },
    giveUp: () => over.abort(),
    report: (progress) => told.push(progress),
  })
  return { ready, nowMs, told: told.filter(({ step, state }) => step === 'agent' && state !== 'waiting') }
}

test('PKI-1 what is in the way of a machine that joins is said after a few seconds, once', async (t) => {
  const trouble = { text: 'connect ECONNREFUSED 192.0.2.10:7444', refuses: false }
  const { ready, told } = await joining(t, { state: 'unenrolled', trouble }, 60)
  assert.equal(ready, undefined)
  assert.deepEqual(
    told.map(({ state, detail }) => [state, detail]),
    [['troubled', 'registering this host: connect ECONNREFUSED 192.0.2.10:7444; trying again']],
  )
})

test('PKI-1 a host that is revoked is not ready, at once; one whose server is away is, and what it sees waits', async (t) => {
  const revoked = { text: 'HOST_REVOKED: a revoked host is not let in', refuses: true }
  const out = await joining(t, { state: 'connecting', trouble: revoked }, 60)
  assert.deepEqual([out.ready, out.told, out.nowMs <= 1_000], [undefined, [], true])
  const away = await joining(t, { state: 'connecting', trouble: null }, 60)
  assert.ok(away.ready)
  assert.match(away.told.at(-1)?.detail ?? '', /^enrolled as h1; the server does not answer, and what is seen waits$/)
})
