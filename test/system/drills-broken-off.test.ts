// SPDX-License-Identifier: Apache-2.0
// OPS-2: a drill whose answers are lost, whose server is killed, or that is killed itself, on the platform as it runs.

import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { drill, expectPutAway, expectSigned } from './drill.ts'
import { losingAnswers } from './lost-answers.ts'
import { eventually, type Platform, startPlatform, whyNot } from './platform.ts'

const skip = whyNot() ?? false
let platform: Platform

before(async () => {
  if (skip === false) platform = await startPlatform()
})

const expectOnce = (lines: readonly string[], code: string, of: string) =>
  assert.equal(lines.filter((line) => line.includes(`"event_code":"${code}"`) && line.includes(of)).length, 1, code)

test('OPS-2 SIG-6 the key-compromise drill names what was forged, to the row, and does nothing twice where answers are lost', {
  skip,
}, async () => {
  const socket = join(platform.run, 'server/api.sock')
  const moved = `${socket}.server`
  await rename(socket, moved)
  const lost = new Set<string>()
  const losing = await losingAnswers(socket, moved, (asked) => {
    // Whoever begins a drill and hears nothing waits until its time is over.
    const isLost = asked !== 'POST /api/v1/drills' && !asked.endsWith('/hold') && !lost.has(asked)
    if (isLost) lost.add(asked)
    return isLost
  })
  const done = await drill(platform, 'key-compromise').done
  await losing[Symbol.asyncDispose]()
  await rename(moved, socket)
  assert.equal(done.code, 0, done.err + done.out)
  await expectSigned(platform, done, 'passed')
  assert.deepEqual(
    done.report?.affected.map(({ standing, rows }) => [standing, rows]),
    [
      ['legitimate', 20],
      ['forged', 20],
      ['suspect', 20],
    ],
  )
  assert.deepEqual(done.report?.counts, { received: 100, admitted: 80, quarantined: 20, refused: 0, duplicate: 0 })
  for (const step of [/\/revoke$/, /\/test$/, /\/stage$/, /\/promote$/, /\/examination$/, /\/replay$/, /\/report$/])
    assert.ok(
      [...lost].some((asked) => step.test(asked)),
      `${step} among ${[...lost].join(', ')}`,
    )
  const { stdout } = await platform.sealwatch('events', '--tenant', 'drill', '--since', '1h', '--json')
  const told = stdout.split('\n')
  for (const code of ['signing_key_revoked', 'signing_key_examined']) expectOnce(told, code, '')
  for (const code of ['drill_begun', 'drill_reported']) expectOnce(told, code, done.report?.run ?? '')
  await expectPutAway(platform)
})

test('OPS-2 a drill outlives its server, which is killed again and again; what it cannot count any more it says', {
  skip,
}, async () => {
  const running = drill(platform, 'strict-signature', '--rate', '20')
  for (const step of ['cause', 'symptom', 'mitigation']) {
    await running.said(new RegExp(`${step}: ok`))
    await eventually('the server to run', async () => (await platform.kill('server')) || undefined)
  }
  const done = await running.done
  await expectSigned(platform, done, 'passed')
  assert.equal(done.report?.counts, null)
  await expectPutAway(platform)
})

test('OPS-2 a drill that is killed leaves no process, and the next one says what it found and ends it', {
  skip,
}, async () => {
  const running = drill(platform, 'key-compromise', '--rate', '20')
  await running.said(/symptom: ok/)
  running.child.kill('SIGKILL')
  await running.done
  await eventually('its decoys to end', async () =>
    globSync('drill/*/*', { cwd: platform.run }).length === 0 ? true : undefined,
  )
  const early = await drill(platform, 'strict-signature').done
  assert.match(early.err, /DRILL_RUNNING/)
  assert.equal(early.report, undefined)
  const done = await eventually('its place to be free', async () => {
    const next = await drill(platform, 'strict-signature').done
    return /DRILL_RUNNING/.test(next.err) ? undefined : next
  })
  await expectSigned(platform, done, 'passed')
  const [leftovers] = done.report?.steps ?? []
  assert.match(leftovers?.found.join('\n') ?? '', /key-compromise, begun by .* was cut off: it is ended now/)
  assert.match(
    leftovers?.found.join('\n') ?? '',
    /tokens of drill-decoy were still open: revoked[\s\S]*drill-decoy was not halted/,
  )
  const { stdout } = await platform.sealwatch('drill', 'list', '--json')
  const { drills, runs } = JSON.parse(stdout) as { drills: { due: boolean }[]; runs: { outcome: string }[] }
  assert.equal(runs[1]?.outcome, 'abandoned')
  assert.deepEqual(
    drills.map(({ due }) => due),
    [false, false, true],
    'key-theft is not tried here',
  )
  await expectPutAway(platform)
})

test('OPS-2 Ctrl-C ends a drill in order, and it says so', { skip }, async () => {
  const running = drill(platform, 'strict-signature', '--rate', '20')
  await running.said(/cause: ok/)
  running.child.kill('SIGINT')
  const done = await running.done
  await expectSigned(platform, done, 'failed')
  assert.equal(done.report?.failure?.code, 'DRILL_INTERRUPTED')
  await expectPutAway(platform)
})

test('ING-7 when all of it is over, fsck finds every store as it should be', { skip }, async () => {
  await platform.down(true)
  const { stdout, code } = await platform.sealwatch('audit', 'fsck', '--json')
  assert.equal(code, 0, stdout)
  await rm(platform.data, { recursive: true, force: true })
})
