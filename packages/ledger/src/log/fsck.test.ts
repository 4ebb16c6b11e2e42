// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { cp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemDisk } from '@sealwatch/base'
import { logKey, openSampleLedger, origins, sampleHost, sealTenant, temporary } from '../../test/sample.ts'
import { createNoteSigner } from '../note-signer.ts'
import { fsckLedgers } from './fsck.ts'

const home = await temporary()
after(() => home.remove())
const good = join(home.path, 'good')
const tenant = await openSampleLedger(good)
const root = await openSampleLedger(good, 'root')
const host = sampleHost(1)
await tenant.append({ own: { key: host.key } })
const batch = host.verified(host.batch(600))
const first = batch.firstSeq + 1
await tenant.append(batch, new Map([[first, Buffer.from('a sealed value')]]))
await sealTenant(tenant, root)
await tenant.append(host.verified(host.batch(3)))
const size = tenant.size
await tenant.close()
await root.close()

const trust = [createNoteSigner(origins.root, logKey).verifier]
const lines = join('tenant/lines', `${'0'.repeat(20)}.ndjson`)

/** Of the tenant's ledger, in a copy that was changed. */
async function fsck(change: (dir: string) => Promise<unknown>, repair = false) {
  const dir = join(home.path, 'changed')
  await cp(good, dir, { recursive: true })
  await change(dir)
  const once = async () =>
    (await fsckLedgers(dir, { disk: systemDisk, trust, repair })).find(({ name }) => name === 'tenant')
  const found = await once()
  const again = await once()
  const reopens = await openSampleLedger(dir).then(
    async (ledger) => {
      await ledger.close()
      return 'opens'
    },
    (error: unknown) => (error as { code: string }).code,
  )
  await rm(dir, { recursive: true })
  assert.ok(found !== undefined && again !== undefined)
  return { ...found, again, reopens }
}

/** Changes one byte. */
const flip = (file: string, at: number) => async (dir: string) => {
  const bytes = await readFile(join(dir, file))
  bytes[at] = (bytes[at] as number) ^ 1
  await writeFile(join(dir, file), bytes)
}

test('LOG-6: a ledger that was closed, or left by a crash, is consistent', async () => {
  const { findings, lines: whole } = await fsck(async () => undefined)
  assert.deepEqual([findings, whole], [[], size])
  const torn = await fsck(async (dir) => writeFile(join(dir, lines), '{"torn', { flag: 'a' }))
  assert.deepEqual([torn.findings, torn.lines, torn.reopens], [[], size, 'opens'])
})

test('LOG-2: a changed line is named, not the next that no longer follows it', async () => {
  const text = await readFile(join(good, lines), 'latin1')
  const leaf = 300
  const at = text.split('\n', leaf).join('\n').length + 200
  const { findings, repaired } = await fsck(flip(lines, at), true)
  assert.deepEqual(
    findings.map(({ store, derived, leaf: named }) => [store, derived, named]),
    [
      ['lines', false, leaf],
      ['saved.json', false, undefined],
    ],
  )
  assert.equal(repaired, false, 'where a line is wrong nothing is computed from it')
})

test('derived files are told apart, and repaired only when asked', async () => {
  const wrong: [string, (dir: string) => Promise<unknown>, number | undefined][] = [
    ['hashes', flip('tenant/hashes-0', 32 * 40), 40],
    ['hashes', flip('tenant/hashes-1', 3), undefined],
    ['hashes', (dir) => truncate(join(dir, 'tenant/hashes-0'), 320), 10],
    ['bundles', flip('tenant/bundles', 15), undefined],
    ['bundles', (dir) => rm(join(dir, 'tenant/bundles')), undefined],
  ]
  for (const [store, change, leaf] of wrong) {
    const { findings, repaired, again } = await fsck(change)
    assert.deepEqual(
      findings.map((finding) => [finding.store, finding.derived, finding.leaf]),
      [[store, true, leaf]],
    )
    assert.ok(!repaired && again.findings.length === 1)
    const mended = await fsck(change, true)
    assert.deepEqual([mended.repaired, mended.again.findings, mended.reopens], [true, [], 'opens'], store)
  }
})

test('what was durable and is gone, or other, is told', async () => {
  const stores = async (change: (dir: string) => Promise<unknown>) =>
    (await fsck(change, true)).findings.map(({ store, derived }) => `${store}${derived ? ' derived' : ''}`)
  const cut = await stores((dir) => truncate(join(dir, lines), 40_000))
  assert.deepEqual(cut, ['lines', 'saved.json'])
  assert.deepEqual(await stores((dir) => writeFile(join(dir, lines), '')), ['lines', 'saved.json', 'side'])
  assert.deepEqual(await stores((dir) => rm(join(dir, lines))), ['lines', 'saved.json', 'side'])
  assert.deepEqual(await stores((dir) => truncate(join(dir, 'tenant/side'), 5)), ['side'])
  assert.deepEqual(await stores(flip('tenant/side', 1)), ['side'])
  const saved = JSON.parse(await readFile(join(good, 'tenant/saved.json'), 'utf8')) as { bytes: number }
  const other = JSON.stringify({ ...saved, bytes: saved.bytes - 1 })
  assert.deepEqual(await stores((dir) => writeFile(join(dir, 'tenant/saved.json'), other)), ['saved.json'])
  assert.deepEqual(await stores((dir) => rm(join(dir, 'tenant/lines'), { recursive: true })), ['lines'])
})
