// SPDX-License-Identifier: Apache-2.0
// Feeds of bad addresses with the platform running: confined and without root, the server asks, keeps, and knows after kill -9.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually, type Platform, startPlatform, whyNot } from './platform.ts'

const skip = whyNot() ?? false

type Told = {
  readonly in_force: boolean
  readonly prefixes: number
  readonly as_of: string
  readonly problem: string | null
}

async function told(platform: Platform): Promise<readonly Told[] | undefined> {
  const { stdout } = await platform.sealwatch('status', '--json')
  const { server } = JSON.parse(stdout || '{}') as { server?: { health?: string } }
  if (server?.health === undefined) return undefined
  const answer = await fetch(`${server.health}/healthz`).catch(() => undefined)
  return answer && ((await answer.json()) as { reputation: { feeds: readonly Told[] } }).reputation.feeds
}

test('DET-1 the server asks for the feeds that its setting names, and a start without their sources knows what they said', {
  skip,
  timeout: 180_000,
}, async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'sealwatch-system-feeds-'))
  await chmod(folder.path, 0o755)
  const source = createServer((_request, response) => response.end('192.0.2.1\n198.51.100.0/24\n'))
  source.listen(0, '127.0.0.1')
  await once(source, 'listening')
  const url = `http://127.0.0.1:${(source.address() as AddressInfo).port}/feed`
  const feed = { format: 'plain', weight: 1, category: 'scanner' }
  const file = join(folder.path, 'blocked.txt')
  const plan = join(folder.path, 'feeds.json')
  const feeds = [
    { ...feed, name: 'asked', source: { url } },
    { ...feed, name: 'ours', source: { file } },
  ]
  await writeFile(file, '2001:db8::/32\n')
  await writeFile(plan, JSON.stringify({ feeds }))
  const platform = await startPlatform(undefined, { SEALWATCH_SERVER_REPUTATION_FILE: plan })
  try {
    const before = await eventually('both feeds in force', async () => {
      const found = await told(platform)
      return found?.every(({ in_force }) => in_force) ? found : undefined
    })
    assert.deepEqual(
      before.map(({ prefixes, problem }) => [prefixes, problem]),
      [
        [2, null],
        [1, null],
      ],
    )
    source.closeAllConnections()
    source.close()
    assert.ok(await platform.kill('server'))
    const after = await eventually('the server is back', () => told(platform))
    assert.deepEqual(after, before)
  } finally {
    await platform.down()
  }
})
