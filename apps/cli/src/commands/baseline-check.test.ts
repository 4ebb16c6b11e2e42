// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Clock, systemClock } from '@sealwatch/base'
import { testIo } from '../../test/test-io.ts'
import { settleMs } from '../baseline/check.ts'
import { run } from '../cli.ts'

/** An instance's data, a tree of which `etc` is watched, and checks that do not wait for anybody. */
function machine(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-check-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const [data, tree] = [join(dir, 'data'), join(dir, 'tree')]
  const file = (name: string) => join(tree, name)
  for (const folder of [join(data, 'agent'), file('etc/sub'), file('share')]) mkdirSync(folder, { recursive: true })
  writeFileSync(join(data, 'watch.list'), `changes:${file('etc')}\nlosses,below:${file('share')}\n`)
  for (const name of ['etc/a', 'etc/b', 'etc/c', 'etc/sub/d', 'share/e']) writeFileSync(file(name), name)
  // What waits for the agent to have written down what it was told has nobody to wait for.
  const sleep: Clock['sleep'] = async (ms, signal) => (ms === settleMs ? undefined : systemClock.sleep(ms, signal))
  const clock = { ...systemClock, sleep }
  const sealwatch = async (...args: string[]) => {
    const io = testIo({ clock })
    const code = await run(['baseline', ...args, '--data', data], io)
    return { code, said: io.said(), told: io.complained() }
  }
  const result = join(data, 'baseline/result.json')
  return {
    dir,
    data,
    file,
    result,
    sealwatch,
    check: async () => {
      const { code, said, told } = await sealwatch('check', tree, '--json')
      return { code, told, ...(said === '' ? {} : JSON.parse(said)) }
    },
    sealed: () => rmSync(result),
    /** As the agent writes it down. */
    tell: (path: string, content: string | null) => {
      const sha256 = content === null ? null : createHash('sha256').update(content).digest('hex')
      appendFileSync(join(data, 'agent/told-changes'), `${JSON.stringify([1, path, sha256])}\n`)
    },
  }
}

test('AGT-1 a watched file that differs otherwise than was told is found; what was told, or is not watched, is counted', async (t) => {
  const { file, check, sealed, tell, sealwatch, data } = machine(t)
  const made = await check()
  assert.deepEqual([made.code, made.against, made.untold], [0, null, 0], made.told)
  sealed()
  const same = await check()
  assert.deepEqual([same.code, same.against, same.digest, same.changed], [0, made.digest, made.digest, 0])
  sealed()

  for (const [name, content] of [
    ['etc/a', 'told'],
    ['etc/b', 'told, and then not'],
    ['etc/sub/d', 'not watched'],
  ] as const)
    writeFileSync(file(name), content)
  rmSync(file('share/e'))
  renameSync(file('etc/c'), file('etc/new'))
  writeFileSync(Buffer.concat([Buffer.from(file('etc/')), Buffer.of(0xff, 0x0a)]), 'no UTF-8')
  tell(file('etc/a'), 'told')
  tell(file('etc/b'), 'told')
  tell(file('etc/c'), null)
  tell(file('etc/new'), 'etc/c')
  const found = await check()
  const untold = [`${file('etc/')}\\xff\n`, file('etc/b')]
  assert.equal(found.code, 1, found.told)
  assert.deepEqual([found.added, found.removed, found.changed, found.untold], [2, 2, 3, 2])
  assert.deepEqual(found.names.slice(0, 2).toSorted(), untold.toSorted())
  assert.equal(found.names.length, 7)
  assert.equal(found.against, made.digest)

  const shown = await sealwatch(
    'show',
    join(data, 'baseline/current'),
    '--signer-key',
    join(data, 'baseline/signer.pem'),
  )
  assert.equal(shown.code, 0, 'what is kept is a baseline as any other')
})

test('AGT-1 what a folder was moved with is told; and where the agent does not remember all, nobody knows', async (t) => {
  const { file, check, sealed, tell, data } = machine(t)
  writeFileSync(join(data, 'watch.list'), `changes,below:${file('etc')}\n`)
  await check()
  sealed()
  renameSync(file('etc/sub'), file('etc/moved'))
  tell(file('etc/sub'), null)
  tell(file('etc/moved'), null)
  const moved = await check()
  assert.deepEqual([moved.untold, moved.added, moved.removed], [0, 2, 2])
  sealed()
  writeFileSync(file('etc/a'), 'other')
  appendFileSync(join(data, 'agent/told-changes'), '"full"\n')
  assert.deepEqual([(await check()).untold], [null])
})

test('AGT-3 a look waits until the one before is sealed', async (t) => {
  const { check, result } = machine(t)
  await check()
  assert.ok(existsSync(result))
  const again = await check()
  assert.equal(again.code, 3)
  assert.match(JSON.stringify(again), /BASELINE_WAITING/)
})
