// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdir, mkdtempDisposable, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog, systemClock, systemDisk } from '@sealwatch/base'
import { readContext } from '@sealwatch/detect/request'
import { openHabits } from './habits.ts'

const startNs = 1_790_000_000_000_000_000n
const contextOf = (address: string) =>
  readContext({ method: 'GET', path: '/', query: '', headers: [], address, user: 'ann', tenant: 'acme' })
const [home, away] = [contextOf('192.0.2.1'), contextOf('198.51.100.1')]

async function opened(dir: string) {
  const said: string[] = []
  const log = createLog('test', (line) => said.push(line), systemClock.nowMs)
  const habits = await openHabits({ dir, disk: systemDisk, clock: systemClock, log })
  const teach = () => {
    for (let n = 0n; n < 200n; n += 1n) habits.learn(home, 200, startNs + n * 60_000_000_000n)
  }
  /** Ends as the server does. */
  const end = () => habits.run(AbortSignal.timeout(0))
  return {
    habits,
    teach,
    end,
    said,
    reasonsFor: (context: typeof home) => habits.judge(asked(context), startNs).reasons,
  }
}
const asked = ({ tenant, user, address }: typeof home) => ({ tenant, user, address })
const features = (reasons: readonly { readonly feature: string }[]) => reasons.map(({ feature }) => feature)

test('DET-1 what is usual for a user is learned from requests, and a restart keeps it', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-habits-'))
  const first = await opened(dir.path)
  assert.deepEqual(first.reasonsFor(away), [])
  first.teach()
  assert.ok(features(first.reasonsFor(away)).includes('network'))
  assert.ok(!features(first.reasonsFor(home)).includes('network'))
  await first.end()
  const again = await opened(dir.path)
  assert.deepEqual(again.reasonsFor(away), first.reasonsFor(away))
})

test('DET-1 what was learned and was damaged is set aside with a word in the log, and learning begins anew', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-habits-'))
  const first = await opened(dir.path)
  first.teach()
  await first.end()
  const path = join(dir.path, 'habits')
  const bytes = await readFile(path)
  bytes[200] = (bytes[200] as number) ^ 1
  await writeFile(path, bytes)
  for (let n = 0; n < 2; n += 1) {
    const again = await opened(dir.path)
    assert.deepEqual([again.habits.counts.users, again.said.length], n === 0 ? [0, 1] : [0, 0])
  }
  assert.deepEqual(await readdir(dir.path), ['habits.damaged'])
  assert.deepEqual(await readFile(`${path}.damaged`), bytes)
})

test('DET-1 what lies where the file is due, and is none, is set aside, and the server starts and says so', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-habits-'))
  const path = join(dir.path, 'habits')
  for (const before of [[], ['habits.damaged']]) {
    assert.deepEqual(await readdir(dir.path), before)
    await mkdir(join(path, 'inner'), { recursive: true })
    const first = await opened(dir.path)
    assert.equal(first.habits.lost, 'DISK_FAILED "EISDIR"')
    assert.equal(first.said.length, 1)
    first.teach()
    await first.end()
    const again = await opened(dir.path)
    assert.deepEqual([again.habits.counts.users, again.habits.lost], [1, undefined])
    await rm(path)
  }
})

test('DET-1 while what is learned cannot be written down, that is said, and it is tried again', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-habits-'))
  await mkdir(join(dir.path, 'habits.new'))
  const { habits, teach, end } = await opened(dir.path)
  teach()
  await end()
  assert.equal(habits.lost, 'DISK_FAILED "EISDIR"')
  await rm(join(dir.path, 'habits.new'), { recursive: true })
  await end()
  assert.equal(habits.lost, undefined)
  assert.deepEqual(await readdir(dir.path), ['habits'])
})

test('LOG-8 of a tenant that is erased nothing is known, and nothing lies on disk', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-habits-'))
  const first = await opened(dir.path)
  first.teach()
  await first.habits.forgetTenant('acme')
  assert.deepEqual([first.habits.counts.users, first.reasonsFor(away)], [0, []])
  const again = await opened(dir.path)
  assert.deepEqual([again.habits.counts.users, again.reasonsFor(away)], [0, []])
  await writeFile(join(dir.path, 'habits.damaged'), 'what was set aside once')
  await again.habits.forgetTenant('acme')
  assert.deepEqual(await readdir(dir.path), ['habits'])
})
