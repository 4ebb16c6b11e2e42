// SPDX-License-Identifier: Apache-2.0
// SIG-6: the key of a service is rotated under load, and the server is killed between and within the steps.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTestKey, rootOf, signedBy, signedRoot } from '@sealwatch/keys/test/manifest-keys'
import { eventually, startPlatform, whyNot } from './platform.ts'
import { rowsInLedger, rowText, startService } from './service.ts'

test('SIG-6 a key is rotated under load, and every row is in the ledger once and in order, whenever the server is killed', {
  skip: whyNot() ?? false,
}, async (t) => {
  await using ended = new AsyncDisposableStack()
  const platform = await startPlatform()
  ended.defer(() => platform.down())
  const service = await startService(platform)
  ended.defer(() => service.stop())
  const at = (name: string) => join(platform.data, name)
  const signers = (['ed25519', 'rsa-sha256', 'ed25519'] as const).map(makeTestKey)
  const kill = () => eventually('the server to run', async () => (await platform.kill('server')) || undefined)
  /** Given again until it is done, as a person would who is told to. */
  const done = (...args: string[]) =>
    eventually(args.join(' '), async () => {
      const { code, stdout } = await platform.sealwatch(...args, '--json')
      return code === 0 ? (JSON.parse(stdout) as { items?: unknown[] }) : undefined
    })

  await writeFile(at('root.json'), JSON.stringify(signedRoot(rootOf(1, signers, 2), signers)))
  await done('manifest', 'root', 'apply', at('root.json'))
  const keyFile = await service.makeKey('billing-2')
  const of = ['billing', '--id', 'billing-2']
  const start = done('rotate', 'start', ...of, '--key-file', keyFile)
  await kill()
  await start
  await done('rotate', 'promote', ...of, '-o', at('promotion.json'))
  const { payloadType, payload } = JSON.parse(await readFile(at('promotion.json'), 'utf8')) as Record<string, string>
  const signed = signedBy(payloadType as string, Buffer.from(payload as string, 'base64'), signers.slice(1))
  await writeFile(at('signed.json'), JSON.stringify(signed))
  await done('manifest', 'collect', at('signed.json'), '--send')
  const promote = done('rotate', 'promote', ...of)
  await kill()
  await promote
  await service.switchKey('billing-2')
  const finish = done('rotate', 'finish', ...of, '--overlap', '3600')
  await kill()
  await finish
  const { items } = (await done('rotate', 'status', 'billing')) as { items: { state: string; next: string }[] }
  assert.deepEqual(
    items.map(({ state, next }) => [state, next]),
    [
      ['active', 'none'],
      ['active', 'none'],
    ],
  )

  const committed = await service.finish()
  const rows = await rowsInLedger(platform)
  assert.deepEqual(await service.outbox.parked(10), [])
  const wrong = rows.findIndex(({ text }, n) => text !== rowText(n))
  assert.equal(wrong, -1, `row ${wrong} of the ledger is ${rows[wrong]?.text}`)
  assert.equal(rows.length, committed)
  const under = Map.groupBy(rows, ({ key_id }) => key_id)
  t.diagnostic(`${committed} rows: ${[...under].map(([id, { length }]) => `${length} under ${id}`).join(', ')}`)
  assert.deepEqual([...under.keys()], ['billing-1', 'billing-2'])
})
