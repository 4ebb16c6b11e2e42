// SPDX-License-Identifier: Apache-2.0
// POL-2, AGT-1: what a group of hosts is told to watch is watched by the sensor that runs, without a word lost untold.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { eventually, type Platform, startPlatform, whyNot } from './platform.ts'

const skip = whyNot()
let platform: Platform
let dir: string

before(async () => {
  if (skip !== undefined) return
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-host-config-'))
  platform = await startPlatform()
})
after(async () => {
  await platform?.down()
  if (dir !== undefined) rmSync(dir, { recursive: true })
})

async function host(...args: string[]) {
  const { code, stdout, stderr } = await platform.sealwatch('host', ...args, '--json')
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}
const records = async (name: string) =>
  (await host('show', name)).records as { code: string; severity: string; message: string }[]

async function opened(path: string): Promise<true | undefined> {
  readFileSync(path)
  const { stdout } = await platform.sealwatch('events', '--filter', 'class=file', '--since', '1h', '--json')
  return stdout.includes(path) || undefined
}

test('a file that a group is told to watch is seen, and no longer once it is not', { skip }, async () => {
  const watched = join(dir, 'secret')
  writeFileSync(watched, 'x')
  const [{ hostname, host_id: id }] = (await host('list')).items
  assert.equal((await host('show')).host_id, id, 'the only one')
  const invited = await platform.sealwatch('host', 'invite')
  assert.equal(invited.stdout, '', 'no token for a server that nobody else reaches')
  assert.match(invited.stderr, /CLI_ADDRESS(.|\n)*--address ADDRESS/)
  const set = (config: object) => {
    const file = join(dir, 'config.json')
    writeFileSync(file, JSON.stringify(config))
    return host('config', 'set', 'web', file, '--cause', 'tested')
  }
  const inForce = (version: number) =>
    eventually(`version ${version}`, async () => {
      const { desired, reported, drifts } = (await host('show', id)).config
      return (desired?.version === version && reported?.on_trial === false && !drifts) || undefined
    })

  await set({ watch: [dir], max_queue_depth: 3_000 })
  await host('config', 'assign', id, 'web', '--cause', 'tested')
  await inForce(1)
  await eventually('the sensor sees the file', () => opened(watched))
  const told = await records(id)
  assert.ok(told.some(({ code }) => code === 'config_applied'))
  const ends = told.filter(({ code }) => code === 'sensor_lost')
  assert.deepEqual([...new Set(ends.map(({ severity }) => severity))], ['Low'])
  const gap = told.find(({ code }) => code === 'gap')
  assert.match(
    gap?.message ?? '',
    /the sensor began anew, to watch what the server told it; of what the sensor saw, 0 events are missing/,
  )
  const { stdout: alerts } = await platform.sealwatch('alerts', '--since', '1h', '--json')
  assert.doesNotMatch(alerts, /ended unexpectedly|own keys/, hostname)
  assert.equal(readFileSync(join(platform.data, 'watch.told'), 'utf8'), `${dir}\n`)

  await set({})
  await inForce(2)
  await eventually(
    'the list is as before',
    async () => readFileSync(join(platform.data, 'watch.told'), 'utf8') === '' || undefined,
  )
})
