// SPDX-License-Identifier: Apache-2.0
// An operator's rules with the platform running: a file comes, breaks, and the server is killed amid a reload.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempDisposable, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, test } from 'node:test'
import { eventually, type Platform, startPlatform, whyNot } from './platform.ts'

const skip = whyNot() ?? false
let platform: Platform
const token = `told-${process.pid}`

before(async () => {
  if (skip === false) platform = await startPlatform()
})
after(async () => {
  if (skip === false) await platform.down()
})

const rule = (program: string, condition = 'selection') => `title: The program of the test starts
id: 6a0f61c4-2b6c-4a8e-9a51-0c6d3a1d7f20
logsource:
  category: process_creation
  product: linux
detection:
  selection:
    Image|endswith: /${program}
  condition: ${condition}
level: high
`

type Shown = { readonly in_force: number; readonly digest: string; readonly wrong: number; readonly files: string[] }

async function inForce(): Promise<Shown | undefined> {
  const { stdout } = await platform.sealwatch('status', '--json')
  const { server } = JSON.parse(stdout || '{}') as { server?: { health?: string } }
  if (server?.health === undefined) return undefined
  const answer = await fetch(`${server.health}/healthz`).catch(() => undefined)
  return answer === undefined ? undefined : ((await answer.json()) as { rules: Shown }).rules
}

/** Puts it there at once, as an editor or a checkout would. */
async function put(text: string): Promise<void> {
  const path = join(platform.data, 'rules', 'mine.yml')
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

const until = (what: string, is: (shown: Shown) => boolean): Promise<Shown> =>
  eventually(what, async () => {
    const shown = await inForce()
    return shown !== undefined && is(shown) ? shown : undefined
  })

/** How often the rule told of the program. */
async function alerts(): Promise<number> {
  const { stdout } = await platform.sealwatch('alerts', '--json')
  return stdout.split('\n').filter((line) => line.includes('The program of the test starts')).length
}

test('DET-2 a rule that is put into the folder finds what happens next; broken, it is as it was; kill -9 amid a reload loses none', {
  skip,
  timeout: 240_000,
}, async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'sealwatch-system-rules-'))
  const program = join(folder.path, token)
  await writeFile(program, '#!/bin/true\n', { mode: 0o755 })
  const act = () =>
    assert.equal(spawnSync('/bin/cp', ['/bin/true', program]).status === 0 && spawnSync(program).status, 0)

  const before = await until('the rules of the program', ({ in_force }) => in_force > 0)
  act()
  await put(rule(token))
  const { digest } = await until('one more rule', ({ in_force }) => in_force === before.in_force + 1)
  act()
  await eventually('an alert of the rule', async () => ((await alerts()) === 1 ? true : undefined))

  await put(rule(token, 'nonsense'))
  const broken = await until('a wrong file', ({ wrong }) => wrong === 1)
  assert.equal(broken.digest, digest)
  assert.match(broken.files[0] ?? '', /mine\.yml:9: RULE_CONDITION.*before is in force$/)
  act()
  await eventually('the rule as it was', async () => ((await alerts()) === 2 ? true : undefined))

  for (const name of [token, 'other', token]) {
    await put(rule(name))
    assert.ok(await platform.kill('server'))
    await until(
      'the server is back with what the file says',
      ({ wrong, digest: now }) => wrong === 0 && (now === digest) === (name === token),
    )
  }
  act()
  await eventually('the rule after the kills', async () => ((await alerts()) === 3 ? true : undefined))

  await rm(join(platform.data, 'rules', 'mine.yml'))
  await until('the rule is gone', ({ in_force }) => in_force === before.in_force)
  const { stdout } = await platform.sealwatch(
    'events',
    '--tenant',
    'cluster',
    '--filter',
    'text~rules_changed',
    '--json',
  )
  const told = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { message: string; unmapped: { rules_digest: string } })
  assert.equal(told.at(-1)?.unmapped.rules_digest, before.digest)
  assert.ok(told.some(({ unmapped }) => unmapped.rules_digest === digest))
  assert.ok(
    told.some(({ message }) => message.endsWith(': 1 wrong')),
    stdout,
  )
})
