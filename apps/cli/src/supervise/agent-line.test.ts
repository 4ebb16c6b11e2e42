// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { type AgentSays, readSupervisorSays, supervisionLimits } from '@sealwatch/contract'
import { createAgentLine, type NewFinding } from './agent-line.ts'

const found: NewFinding = {
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
}

const nobody = { partSilent: () => undefined, checkSealed: () => undefined }

function allOf(stream: PassThrough): string {
  let text = ''
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) text += String(chunk)
  return text
}

/** A life of the agent: what it was told, and its own words. */
function life(line: ReturnType<typeof createAgentLine>) {
  const [toAgent, toSupervisor] = [new PassThrough(), new PassThrough()]
  const socket = Object.assign(toSupervisor, { write: toAgent.write.bind(toAgent) })
  line.connect(socket)
  const heard = () =>
    allOf(toAgent)
      .split('\n')
      .flatMap((text) => readSupervisorSays(text) ?? [])
  const say = async (...says: (AgentSays | string)[]) => {
    toSupervisor.push(says.map((one) => `${typeof one === 'string' ? one : JSON.stringify(one)}\n`).join(''))
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { heard, say }
}

test('AGT-8 what was found is told to each life of the agent until one has sealed it', async () => {
  const line = createAgentLine(nobody)
  line.tell(found)
  const first = life(line)
  line.tell({ ...found, part: 'sensor' })
  const ids = (one: ReturnType<typeof life>) =>
    one.heard().map((says) => (says.kind === 'finding' ? says.id : says.kind))
  assert.deepEqual(ids(first), [0, 1])
  await first.say({ kind: 'sealed', id: 0 })
  const second = life(line)
  assert.deepEqual(ids(second), [1])
  await first.say({ kind: 'sealed', id: 1 })
  assert.deepEqual(ids(life(line)), [1], 'a life that is over has no say')
})

test('an agent is silent once it answered, and does not any more', async () => {
  const line = createAgentLine(nobody)
  const looks = (count: number) => Array.from({ length: count }, () => line.look()).at(-1)
  const agent = life(line)
  assert.equal(looks(supervisionLimits.unansweredMax * 3), false, 'it starts')
  await agent.say('{"kind":"alive"}', 'nonsense', { kind: 'alive', number: 1 })
  assert.equal(looks(supervisionLimits.unansweredMax), false)
  assert.equal(looks(1), true)
  life(line)
  assert.equal(looks(1), false)
})

test('what finds no room is counted, and told with the next that does', async () => {
  const line = createAgentLine(nobody)
  for (let i = 0; i < supervisionLimits.waitingMax + 5; i += 1) line.tell(found)
  const agent = life(line)
  assert.equal(agent.heard().length, supervisionLimits.waitingMax)
  await agent.say({ kind: 'sealed', id: 0 })
  line.tell(found)
  const [next] = agent.heard()
  assert.deepEqual(next?.kind === 'finding' && [next.id, next.untold], [supervisionLimits.waitingMax, 5])
})

test('AGT-8 that a sensor or a guard is silent is passed on', async () => {
  const silent: string[] = []
  const line = createAgentLine({ ...nobody, partSilent: (part) => void silent.push(part) })
  const agent = life(line)
  for (const part of ['sensor', 'guard'] as const) await agent.say({ kind: 'part_silent', part })
  await agent.say({ kind: 'part_silent', part: 'server' as 'guard' })
  assert.deepEqual(silent, ['sensor', 'guard'])
})
