// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBell, createLog, systemClock } from '@sealwatch/base'
import { readContext } from '@sealwatch/detect/request'
import { createJudge, judgeSignals } from '@sealwatch/detect/verdict'
import type { Body } from '@sealwatch/ledger'
import type { ServerVoice } from '../../identity/index.ts'
import type { Tx } from '../../store/index.ts'
import type { Threat } from './threat-event.ts'
import { createThreatLines, lineLimits } from './threat-lines.ts'

const voice = { device: { uid: 'server' }, version: '1' } as unknown as ServerVoice
const asked = readContext({ method: 'GET', path: '/', query: '', headers: [], address: '192.0.2.1' })
const verdict = createJudge({ detectors: { signals: judgeSignals }, onFailed: assert.fail }).judge(asked, 0n)
const threatOf = (tenant: string): Threat => ({
  tenant,
  by: 'machine:shop',
  about: 'req_1',
  timeNs: 0n,
  verdict,
  action: 'block',
  asked,
})

type Line = { readonly tenant: string; readonly code: string; readonly unwritten: number | undefined }

function setUp() {
  const [written, said]: [Line[], string[]] = [[], []]
  const bell = createBell()
  let nowMs = 1_000_000
  let isFull = false
  const clock = {
    ...systemClock,
    nowMs: () => nowMs,
    nowNs: () => BigInt(nowMs) * 1_000_000n,
    monotonicNs: () => BigInt(nowMs) * 1_000_000n,
    sleep: (_ms: number, signal: AbortSignal = new AbortController().signal) => bell.wait(signal),
  }
  const lines = createThreatLines({
    store: {
      transaction: async (work) => {
        if (isFull) throw new Error('database or disk is full')
        return work(undefined as unknown as Tx)
      },
    },
    outbox: {
      enqueue: async (_tx, tenant, body) => {
        written.push({ tenant, ...saidBy(body) })
        return `line-${written.length}`
      },
      ring: () => undefined,
    },
    voice,
    clock,
    log: createLog('test', (line) => said.push(line), clock.nowMs),
  })
  return {
    lines,
    written,
    said,
    ring: bell.ring,
    pass: (ms: number) => {
      nowMs += ms
    },
    fill: (full: boolean) => {
      isFull = full
    },
  }
}
type Said = {
  readonly metadata: { readonly event_code: string }
  readonly evidences: readonly { readonly data: object }[]
}
const saidBy = (body: Body) => {
  const { metadata, evidences } = (body as unknown as { event: Said }).event
  return {
    code: metadata.event_code,
    unwritten: (evidences[0]?.data as { unwritten_before?: number } | undefined)?.unwritten_before,
  }
}
const times = async (count: number, work: () => Promise<unknown>) => {
  for (let n = 0; n < count; n += 1) await work()
}

test('DET-4 a tenant has ten lines of threats a second for each door, and the next line says how many had none', async () => {
  const { lines, written, pass } = setUp()
  await times(lineLimits.burst, () => lines.write('proxy', threatOf('acme')))
  for (let n = 1; n <= 3; n += 1) assert.deepEqual(await lines.write('proxy', threatOf('acme')), { unwritten: 'many' })
  assert.deepEqual([written.length, lines.untold, lines.unwritten], [lineLimits.burst, 3, { many: 3, failed: 0 }])
  assert.deepEqual(await lines.write('proxy', threatOf('zeta')), { uid: 'line-101' })
  pass(1_000 / lineLimits.perSecond)
  assert.deepEqual(await lines.write('proxy', threatOf('acme')), { uid: 'line-102' })
  assert.deepEqual(written.slice(100), [
    { tenant: 'zeta', code: 'request_threat', unwritten: undefined },
    { tenant: 'acme', code: 'request_threat', unwritten: 3 },
  ])
  assert.equal(lines.untold, 0)
})

test('DET-4 strangers at the proxy take no line from the threats that a service asks about', async () => {
  const { lines } = setUp()
  await times(lineLimits.burst + 1, () => lines.write('proxy', threatOf('acme')))
  assert.ok('uid' in (await lines.write('service', threatOf('acme'))))
})

test('LOG-6 what the disk does not take is counted, said once, and told as soon as there is room', async () => {
  const { lines, written, said, fill } = setUp()
  fill(true)
  await times(5, async () => assert.deepEqual(await lines.write('service', threatOf('acme')), { unwritten: 'failed' }))
  assert.deepEqual([lines.isFailing, lines.untold, lines.unwritten, said.length], [true, 5, { many: 0, failed: 5 }, 1])
  fill(false)
  await lines.write('service', threatOf('acme'))
  assert.deepEqual(written, [{ tenant: 'acme', code: 'request_threat', unwritten: 5 }])
  assert.deepEqual([lines.isFailing, lines.untold], [false, 0])
})

test('LOG-6 where no later threat tells of those without a line, one of its own does after a minute, and at the end', async () => {
  const { lines, written, fill, pass, ring } = setUp()
  const stop = new AbortController()
  const running = lines.run(stop.signal)
  const turn = async () => {
    ring()
    for (let n = 0; n < 10; n += 1) await Promise.resolve()
  }
  fill(true)
  await times(2, () => lines.write('service', threatOf('acme')))
  pass(59_999)
  await turn()
  pass(1)
  await turn()
  assert.deepEqual([written, lines.untold], [[], 2], 'the disk is full still')
  fill(false)
  pass(60_000)
  await turn()
  assert.deepEqual(written, [{ tenant: 'acme', code: 'request_threats_unwritten', unwritten: 2 }])
  assert.deepEqual([lines.isFailing, lines.untold], [false, 0])
  fill(true)
  for (const tenant of ['acme', 'zeta']) await lines.write('service', threatOf(tenant))
  lines.forgetTenant('zeta')
  fill(false)
  stop.abort()
  await running
  assert.deepEqual(written.slice(1), [{ tenant: 'acme', code: 'request_threats_unwritten', unwritten: 1 }])
})
