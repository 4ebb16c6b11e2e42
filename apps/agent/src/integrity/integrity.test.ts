// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Clock, createLog, systemClock, systemDisk } from '@sealwatch/base'
import type { BaselineCheck } from '@sealwatch/contract'
import { sampleTask } from '../observe/sample-observations.ts'
import type { FileChange, Observation } from '../sources/observation.ts'
import { openBaselineState } from './baseline.ts'
import { openToldChanges, toldLimits } from './told-changes.ts'

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-integrity-'))
  t.after(() => rmSync(dir, { recursive: true }))
  return dir
}
const log = createLog('test', () => undefined, systemClock.nowMs)
type Change = Extract<Observation, { kind: 'file_change' }>
const sha256 = 'ab'.repeat(32)

const changed = (change: FileChange, path: string | null, to: string | null = null): Change => ({
  ...{
    kind: 'file_change',
    site: 'file_change',
    timeNs: 1n,
    actor: sampleTask(),
    truncated: false,
    change,
    path,
    to,
  },
  ...{ dev: 1, ino: 1n, fsMagic: 0, watched: '/', lines: null, isSetBack: false, before: null },
  after: { size: 1n, mode: 0o100644, uid: 0, gid: 0, nlink: 1, sha256 },
})

/** What is told, with a clock that a test moves; each write begins when it is asked for. */
async function told(path: string) {
  let ms = 1_000
  const clock: Clock = { ...systemClock, nowMs: () => ms, sleep: async () => undefined }
  const changes = await openToldChanges(path, clock, log)
  return {
    ...changes,
    at: (now: number) => (ms = now),
    lines: async () => {
      await changes.forgetBefore(0)
      return readFileSync(path, 'utf8').split('\n').filter(Boolean)
    },
  }
}

test('AGT-1 what was told of a path is written down with what it left, until a look at the files has it', async (t) => {
  const path = join(folder(t), 'told')
  const { note, lines, at, forgetBefore } = await told(path)
  note(changed('write', '/a'))
  note(changed('rename', '/b', '/c\n'))
  note(changed('remove', '/d'))
  at(2_000)
  note(changed('rename', null, '/e'))
  const all = [`[1000,"/a","${sha256}"]`, '[1000,"/b",null]', `[1000,"/c\\n","${sha256}"]`, '[1000,"/d",null]']
  assert.deepEqual(await lines(), [...all, `[2000,"/e","${sha256}"]`])
  await forgetBefore(1_500)
  assert.deepEqual(await lines(), [`[2000,"/e","${sha256}"]`])
  const later = await told(path)
  later.note(changed('remove', '/f'))
  assert.deepEqual(await later.lines(), [`[2000,"/e","${sha256}"]`, '[1000,"/f",null]'])
})

test('AGT-5 where more is told than is remembered, that is what stands there', async (t) => {
  const { note, lines } = await told(join(folder(t), 'told'))
  for (let i = 0; i < toldLimits.linesMax + 2; i += 1) note(changed('remove', '/a'))
  const all = await lines()
  assert.equal(all.length, toldLimits.linesMax + 1)
  assert.equal(all.at(-1), '"full"')
})

const check = (digest: string, against: string | null, change: Partial<BaselineCheck> = {}): BaselineCheck => ({
  ...{
    beganMs: 1,
    endedMs: 2,
    digest: digest.repeat(64),
    against: against === null ? null : against.repeat(64),
    rows: 3,
    unread: 0,
  },
  ...{ added: 0, removed: 0, changed: 1, untold: 1, names: ['/a'], ...change },
})

test('AGT-1 a check that is held against other rows than were sealed is known, over a restart', async (t) => {
  const path = join(folder(t), 'state')
  const first = await openBaselineState(path, systemDisk, () => true)
  const made = first.judge(check('a', null))
  assert.equal(made?.isAltered, false)
  await first.keep(made)
  assert.equal(first.judge(check('a', null)), undefined, 'it is sealed already')
  const second = await openBaselineState(path, systemDisk, () => true)
  assert.deepEqual(second.last, made)
  assert.equal(second.judge(check('b', 'a'))?.isAltered, false)
  assert.equal(second.judge(check('b', 'c'))?.isAltered, true)
  const blind = await openBaselineState(path, systemDisk, () => false)
  assert.equal(blind.judge(check('b', 'a'))?.untold, null, 'nobody tells of changes')
})
