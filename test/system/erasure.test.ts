// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, describe, test } from 'node:test'
import { eventually, type Platform, repository, startPlatform, whyNot } from './platform.ts'

type Shown = {
  readonly process?: { readonly cmd_line?: string }
  readonly actor?: { readonly user?: { readonly name?: string } }
}

/** Accounts of every Debian that nobody uses. */
const [alice, bob] = accounts(['uucp', 'irc'])

function accounts(names: readonly string[]): { name: string; uid: number }[] {
  const rows = readFileSync('/etc/passwd', 'utf8').split('\n')
  return names.map((name) => {
    const row = rows.find((text) => text.startsWith(`${name}:`)) ?? assert.fail(`no account ${name}`)
    return { name, uid: Number(row.split(':')[2]) }
  })
}

describe('a person is erased', { skip: whyNot() ?? false }, () => {
  let platform: Platform
  before(async () => {
    platform = await startPlatform()
  })
  after(() => platform.down())

  const act = (mark: string) => {
    for (const account of [alice, bob]) spawnSync('/bin/true', [mark, String(account?.uid)], { uid: account?.uid ?? 0 })
  }
  /** Who did the marked acts, as `sealwatch events` tells it. */
  const namesOf = (mark: string) =>
    eventually(`the acts ${mark}`, async () => {
      const { stdout } = await platform.sealwatch('events', '--json')
      const found = stdout
        .split('\n')
        .filter((line) => line.includes(mark))
        .map((line) => JSON.parse(line) as Shown)
        .filter(({ process: started }) => started?.cmd_line !== undefined)
      const name = (uid?: number) =>
        found.find((one) => one.process?.cmd_line?.endsWith(` ${mark} ${uid}`))?.actor?.user?.name
      return found.length >= 2 ? [name(alice?.uid), name(bob?.uid)] : undefined
    })
  const exported = async (name: string) => {
    const file = join(platform.data, `${name}.bundle`)
    const { code, stderr } = await platform.sealwatch('audit', 'export', '--all', '--reveal', '-o', file)
    assert.equal(code, 0, stderr)
    return file
  }
  const verified = async (file: string) => {
    const { code, stdout } = await platform.sealwatch('audit', 'verify', file, '--json')
    assert.equal(code, 0, stdout)
    return JSON.parse(stdout) as { ok: boolean; complete: boolean; revealed: number }
  }
  const revealedIn = (file: string) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{"reveal":'))

  test('LOG-5 RIM-4 erasing a person leaves every proof valid, and nothing of the person readable', async () => {
    act('acts-before')
    assert.deepEqual(await namesOf('acts-before'), [alice?.name, bob?.name])
    const before = await exported('before')
    assert((await verified(before)).complete)
    assert(revealedIn(before).some((line) => line.includes(`"value":"${alice?.name}"`)))

    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        join(repository, 'apps/cli/src/main.ts'),
        'erase',
        'subject',
        '--yes',
        '--json',
        '--data',
        platform.data,
      ],
      { input: `${alice?.name}\n`, encoding: 'utf8' },
    )
    assert.equal(status, 0, stderr)
    assert((JSON.parse(stdout) as { keys: number }).keys > 0, stdout)

    const isErased = async () => {
      const [erased, other] = await namesOf('acts-before')
      assert.match(String(erased), /^commit:/)
      assert.equal(other, bob?.name)
    }
    await isErased()
    await platform.kill('server')
    await isErased()
    const later = await exported('after')
    assert((await verified(later)).complete)
    assert(!revealedIn(later).some((line) => line.includes(`"value":"${alice?.name}"`)))
    assert(revealedIn(later).some((line) => line.includes(`"value":"${bob?.name}"`)))
    // What was handed out before is what it was: its proof stands, and its values match.
    assert((await verified(before)).complete)
    const live = await platform.sealwatch('audit', 'verify', platform.data, '--json')
    assert.equal(live.code, 0, live.stdout)
  })

  test('LOG-5 whoever comes back is known again, by keys made since', async () => {
    act('acts-after')
    assert.deepEqual(await namesOf('acts-after'), [alice?.name, bob?.name])
  })
})
