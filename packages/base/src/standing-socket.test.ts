// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from './clock.ts'
import { openStandingSocket } from './standing-socket.ts'

test('AGT-8 a socket whose folder was covered for a while is listened on again once that is back', async (t) => {
  const base = mkdtempSync(join(tmpdir(), 'sealwatch-standing-'))
  t.after(() => rmSync(base, { recursive: true }))
  const [dir, aside] = [join(base, 'dir'), join(base, 'aside')]
  mkdirSync(dir)
  const path = join(dir, 's')
  let looks = 0
  const hasty = {
    sleep: (_ms: number, signal?: AbortSignal) => {
      looks += 1
      return systemClock.sleep(1, signal)
    },
  }
  const standing = await openStandingSocket({ path, mode: 0o600, take: (socket) => socket.end(), clock: hasty })
  const answers = () =>
    new Promise<boolean>((resolve) => {
      connect(path)
        .once('connect', () => resolve(true))
        .once('error', () => resolve(false))
    })
  assert.equal(await answers(), true)
  renameSync(dir, aside)
  // Nobody can listen there: a folder has the name.
  mkdirSync(path, { recursive: true })
  const before = looks
  while (looks < before + 3) await systemClock.sleep(1)
  const other = await openStandingSocket({ path: join(base, 'o'), mode: 0o600, take: () => undefined, clock: hasty })
  rmSync(join(base, 'o'))
  mkdirSync(join(base, 'o'))
  other.close()
  rmSync(dir, { recursive: true })
  renameSync(aside, dir)
  while (!(await answers())) await systemClock.sleep(1)
  standing.close()
  assert.equal(existsSync(path), false)
})
