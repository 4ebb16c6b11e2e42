// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { type Clock, createLog, systemClock } from '@sealwatch/base'
import { createHealth } from '@sealwatch/base/health'
import { type PartFinding, readAgentSays, type SupervisorSays } from '@sealwatch/contract'
import type { Draft } from '@sealwatch/ledger'
import type { GuardReport } from './carriage/messages.ts'
import { countRotations } from './health.ts'
import { sampleContext, sampleCounts, sampleHello } from './observe/sample-observations.ts'
import type { SensorReport } from './sources/observation.ts'
import type { SensorConnection } from './sources/sensor-socket.ts'
import { supervision } from './supervision.ts'
import type { WatchState } from './watch.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
function allOf(stream: PassThrough): string {
  let text = ''
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) text += String(chunk)
  return text
}
const settled = async () => {
  for (let i = 0; i < 10; i += 1) await turn()
}
const sampleWatch: WatchState = { hello: sampleHello, connected: true, account: undefined, gaps: 0 }
const sampleState: GuardReport = {
  pid: 88,
  mode: 'on',
  tier: 'events',
  protected: 3,
  incidents: 0,
  kill: 'dry-run',
  hands: null,
  commandKey: '0'.repeat(64),
  prevent: 'off',
  preventsNothing: null,
  names: [{ name: 'vault', processes: 2 }],
  configVersion: 0,
}
const finding: PartFinding = {
  id: 4,
  timeMs: 1,
  part: 'server',
  pid: 7,
  found: 'ended',
  remedy: 'restarted',
  detail: 'SIGKILL',
  tookMs: 3,
  outOfMemory: false,
  bySupervisor: false,
  tracer: null,
  untold: 0,
}

/** Time passes in the steps of `run`, as many as are asked for. */
function agent(isSupervised = true, guard?: { heard: number; state: GuardReport | undefined }) {
  let ms = 0
  const stop = new AbortController()
  let steps = 0
  const clock: Clock = {
    ...systemClock,
    nowMs: () => ms,
    monotonicNs: () => BigInt(ms) * 1_000_000n,
    sleep: async (length) => {
      while (steps === 0 && !stop.signal.aborted) await turn()
      steps -= 1
      ms += length
    },
  }
  const log = createLog('test', () => undefined, clock.nowMs)
  const [toAgent, toSupervisor] = [new PassThrough(), new PassThrough()]
  const socket = Object.assign(toAgent, { write: toSupervisor.write.bind(toSupervisor) })
  const sealed: string[] = []
  const forgotten: number[] = []
  const health = createHealth({ component: 'agent', version: '0', clock, log })
  const rotations = countRotations(health, log)
  const under = supervision({
    socket: isSupervised ? socket : undefined,
    supervisorPid: 690,
    pid: 700,
    lost: rotations.lost,
    guard,
    journal: {
      add: (draft) => void sealed.push((draft as Draft as { event: { message: string } }).event.message),
      flushed: async () => undefined,
    },
    context: sampleContext,
    baseline: { last: undefined, judge: (check) => ({ ...check, isAltered: false }), keep: async () => undefined },
    forgetBefore: async (ms) => void forgotten.push(ms),
    health,
    clock,
    log,
  })
  const running = under.run(stop.signal)
  return {
    under,
    rotations,
    sealed,
    forgotten,
    metrics: () => health.metrics.text(),
    said: () =>
      allOf(toSupervisor)
        .split('\n')
        .flatMap((line) => readAgentSays(line) ?? []),
    supervisor: async (...says: (SupervisorSays | string)[]) => {
      for (const one of says) toAgent.push(`${typeof one === 'string' ? one : JSON.stringify(one)}\n`)
      await settled()
    },
    gone: async () => {
      toAgent.push(null)
      await settled()
    },
    pass: async (seconds: number, isLooking = false) => {
      for (let left = seconds * 2; left > 0; left -= 1) {
        if (isLooking) toAgent.push(`${JSON.stringify({ kind: 'look', number: left })}\n`)
        await settled()
        steps = 1
        while (steps > 0) await turn()
        await turn()
      }
    },
    end: async () => {
      stop.abort()
      await running
    },
  }
}

test('AGT-8 what the supervisor found is sealed, and then acknowledged; a look is answered, nonsense is not', async () => {
  const { sealed, said, supervisor, metrics, end } = agent()
  await supervisor({ kind: 'look', number: 9 }, 'nonsense', '{"kind":"finding"}', { kind: 'finding', ...finding })
  assert.deepEqual(said(), [
    { kind: 'alive', number: 9 },
    { kind: 'sealed', id: 4 },
  ])
  assert.deepEqual(sealed, ['the server (pid 7) ended: SIGKILL; restarted'])
  assert.match(metrics(), /sealwatch_part_findings_total{part="server",found="ended"} 1/)
  await end()
})

test('AGT-8 a supervisor that is gone, or does not look any more, is told of; one that stops in good order is not', async () => {
  const stalled = agent()
  await stalled.supervisor({ kind: 'look', number: 1 })
  await stalled.pass(7)
  assert.deepEqual(stalled.sealed, [])
  await stalled.pass(2)
  assert.deepEqual(stalled.sealed, ['the supervisor (pid 690) does not answer: it does not look any more'])
  await stalled.gone()
  assert.equal(stalled.sealed[1], 'the supervisor (pid 690) ended: its end of the line was closed')
  await stalled.end()

  const orderly = agent()
  await orderly.supervisor({ kind: 'stopping' })
  await orderly.gone()
  await orderly.pass(20)
  assert.deepEqual(orderly.sealed, [])
  await orderly.end()
})

for (const isSupervised of [true, false])
  test(`AGT-8 a sensor that is connected and says nothing is told of, ${isSupervised ? 'to the supervisor' : 'in the ledger'}`, async () => {
    const { under, sealed, said, pass, end } = agent(isSupervised)
    let next = Promise.withResolvers<void>()
    async function* messages(): SensorConnection & AsyncGenerator {
      for (;;) {
        await next.promise
        next = Promise.withResolvers<void>()
        yield []
      }
    }
    async function* one() {
      yield messages()
    }
    let work = Promise.resolve()
    const consuming = (async () => {
      for await (const connection of under.heard(one())) for await (const _ of connection) await work
    })()
    void consuming
    const isSilent = () => !under.seen({ ...sampleWatch, connected: true }).connected
    const told = () => said().some(({ kind }) => kind === 'part_silent') || sealed.length > 0

    await pass(11, isSupervised)
    assert.deepEqual([isSilent(), told()], [false, false])
    // While the agent itself is busy, a sensor that waits is none that is silent.
    const busy = Promise.withResolvers<void>()
    work = busy.promise
    next.resolve()
    await settled()
    await pass(30, isSupervised)
    assert.equal(isSilent(), false)
    busy.resolve()
    await settled()
    await pass(13, isSupervised)
    assert.deepEqual([isSilent(), told()], [true, true])
    next.resolve()
    await settled()
    await pass(1, isSupervised)
    assert.equal(isSilent(), false)
    await end()
  })

for (const isSupervised of [true, false])
  test(`RIM-5: a guard that says nothing, or cannot be reached, is told of, ${isSupervised ? 'to the supervisor' : 'in the ledger'}`, async () => {
    const guard = { heard: 0, state: undefined as GuardReport | undefined }
    const { sealed, said, pass, end } = agent(isSupervised, guard)
    const away = 'the guard cannot be reached: nobody answers where it listens'
    await pass(29, isSupervised)
    assert.deepEqual(sealed, [], 'it may be starting')
    await pass(30, isSupervised)
    assert.deepEqual(sealed, [away], 'once')
    Object.assign(guard, { heard: 1, state: sampleState })
    await pass(11, isSupervised)
    guard.heard += 1
    said()
    await pass(11, isSupervised)
    assert.deepEqual(sealed, [away])
    await pass(10, isSupervised)
    const isTold = said().some((says) => says.kind === 'part_silent' && says.part === 'guard')
    assert.deepEqual(
      [isTold, sealed.slice(1)],
      isSupervised ? [true, []] : [false, ['the guard (pid 88) does not answer: it is connected and sends nothing']],
    )
    await end()
  })

test('AGT-8 sites that are blind, and what was done to the sensor, are told of once, and count as not attached', async () => {
  const { under, sealed, metrics, end } = agent()
  const report = (rest: Partial<SensorReport>): SensorReport => ({
    kind: 'report',
    timeNs: 1n,
    era: 'e',
    counts: sampleCounts(0n, 0n),
    ...rest,
  })
  const shown: (readonly [exec: boolean, ptrace: boolean])[] = []
  async function* life(...reports: SensorReport[]): SensorConnection & AsyncGenerator {
    for (const one of reports) yield [one]
  }
  async function* lives() {
    yield life(report({}), report({ blind: ['exec'] }), report({ blind: ['exec', 'ptrace'], harms: ['pin'] }))
    yield life(report({ blind: ['ptrace'], harms: ['pin'] }), report({ harms: ['pin'] }))
    yield life(report({ blind: ['file_policy'] }))
  }
  for await (const connection of under.heard(lives()))
    for await (const _ of connection) {
      const attached = under.seen(sampleWatch).hello?.attached
      shown.push([attached?.exec.ok ?? false, attached?.ptrace.ok ?? false])
    }
  assert.deepEqual(shown, [
    [true, true],
    [false, true],
    [false, false],
    [true, false],
    [true, true],
    [true, true],
  ])
  const blind = 'the sensor was blinded: attached, and does not see what it must'
  const pin = 'the sensor was altered: what it has pinned was removed or replaced'
  const failed = sealed.pop() ?? ''
  assert.deepEqual(sealed, [`${blind}: exec`, `${blind}: ptrace`, pin, `${blind}: ptrace`, pin])
  assert.match(failed, /^the sensor was blinded: what policies deny .* was let go/)
  assert.match(metrics(), /sealwatch_part_findings_total{part="sensor",found="blinded"} 4/)
  await end()
})

test('AGT-1 a look at the files is sealed, and said to be', async () => {
  const { supervisor, sealed, said, forgotten, end } = agent()
  const digest = 'a'.repeat(64)
  const check = {
    beganMs: 100_000,
    endedMs: 200_000,
    digest,
    against: digest,
    rows: 9,
    unread: 0,
    added: 0,
    removed: 0,
  }
  await supervisor({ kind: 'baseline', ...check, changed: 2, untold: 1, names: ['/etc/a'] })
  assert.match(
    sealed.join(),
    /9 names were held against the baseline: .* 2 changed, 1 of the watched otherwise than was told/,
  )
  assert.deepEqual(forgotten, [40_000])
  assert.deepEqual(said(), [{ kind: 'baseline_sealed', digest, endedMs: 200_000 }])
  await end()
})

test('AGT-8 who empties a file of the chain, so that lines are gone, is told of as harm, once; a rotation that left all is not', async () => {
  const { rotations, sealed, pass, end } = agent()
  const file = '0000000000000007.ndjson'
  rotations.take('default', { file, parts: [`${file}.1`], restoredBytes: 0, lost: undefined })
  rotations.take('default', { file, parts: [file], restoredBytes: 12, lost: { fromSeq: 7, toSeq: 9 } })
  await pass(2)
  assert.deepEqual(sealed, [
    `the agent (pid 700) was altered: the file ${file} of its chain of default was emptied or removed: the lines 7 to 9 are not on this host any more`,
  ])
  await end()
})
