// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { appendFile, cp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type JsonObject, systemDisk } from '@sealwatch/base'
import {
  logKey,
  nodeKey,
  oneByOne,
  openSampleLedger,
  origins,
  sampleEvent,
  sampleHost,
  sampleSigner,
  sealTenant,
  temporary,
  tickingClock,
} from '../../test/sample.ts'
import { createNoteSigner } from '../note-signer.ts'
import { sha256 } from '../sha256.ts'
import type { Body } from '../verify/line.ts'
import { createFrontier, leafHash } from '../verify/merkle.ts'
import { blockBytes } from '../verify/read-block.ts'
import { auditLedgers } from './audit.ts'
import { openLedger } from './ledger.ts'

const linesFile = 'lines/00000000000000000000.ndjson'
const home = await temporary()
after(() => home.remove())
const good = join(home.path, 'good')
const tenant = await openSampleLedger(good)
const root = await openSampleLedger(good, 'root')
const host = sampleHost(1)
await tenant.append({ own: { key: host.key } })
await tenant.append(host.verified(host.batch(3)))
const early = await sealTenant(tenant, root)
await tenant.append(host.verified(host.batch(3)))
await tenant.checkpoint()
await tenant.close()
await root.close()

const trust = [createNoteSigner(origins.root, logKey).verifier]
/** Whole blocks and single lines find the same. */
const audit = async (dir: string, more: Partial<Parameters<typeof auditLedgers>[1]> = {}) => {
  const checks = { disk: systemDisk, trust, ...more }
  const report = await auditLedgers(dir, checks)
  assert.deepEqual(await auditLedgers(dir, { ...checks, blockReader: oneByOne }), report)
  return report
}

test('LOG-7: the ledgers of a server verify from their files alone', async () => {
  const report = await audit(good, { since: [early.checkpoint] })
  assert.equal(report.ok, true, JSON.stringify(report))
  assert.deepEqual(
    report.ledgers.map(({ name, lines, signed, signedByHost }) => ({ name, lines, signed, signedByHost })),
    [
      { name: 'root', lines: 3, signed: 3, signedByHost: 0 },
      { name: 'tenant', lines: 11, signed: 11, signedByHost: 9 },
    ],
  )
  assert.equal((await audit(good, { trust: [] })).trust, 'self-asserted')
})

test('LOG-7: wherever a bit of the lines is another, the audit says so, by blocks as by lines', async () => {
  await using dir = await temporary()
  const at = join(dir.path, 'server')
  await cp(good, at, { recursive: true })
  const path = join(at, 'tenant', linesFile)
  const lines = await readFile(path)
  for (let i = 7; i < lines.length; i += 149) {
    await writeFile(path, lines.with(i, (lines[i] as number) ^ 1))
    assert.equal((await audit(at, { since: [early.checkpoint] })).ok, false, `byte ${i}`)
  }
  const nul = lines.indexOf(0x0a, 900) - 3
  await writeFile(path, lines.with(nul, 0))
  assert.equal((await audit(at)).ledgers[1]?.problem?.code, 'LEDGER_BEHIND')
})

test('LOG-7: a saved checkpoint is met wherever in a run its size lies', async () => {
  const lines = (await readFile(join(good, 'tenant', linesFile), 'utf8')).split('\n').slice(0, -1)
  const frontier = createFrontier(sha256)
  for (const [i, line] of lines.entries()) {
    frontier.append(leafHash(sha256, Buffer.from(line)))
    const { origin } = early.checkpoint
    const of = (root: Uint8Array) => audit(good, { since: [{ origin, size: i + 1, root }] })
    const { problem } = (await of(new Uint8Array(32))).ledgers[1] ?? {}
    assert.match(problem?.message ?? '', new RegExp(`another root at size ${i + 1} than the saved checkpoint`))
    assert.equal(problem?.leaf, i)
    // What is signed ends with whole batches.
    const isWhole = line.includes('"head":{') || i < 2
    assert.match(
      (await of(frontier.root())).ledgers[1]?.problem?.message ?? 'good',
      isWhole ? /^good$/ : /no signed head/,
    )
  }
})

test('LOG-7: a ledger of several blocks is held against all that was derived from it', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const top = await openSampleLedger(dir.path, 'root')
  const own = sampleHost(1)
  await ledger.append({ own: { key: own.key } })
  for (let i = 0; i < 3; i += 1) await ledger.append(own.verified(own.batch(900)))
  await sealTenant(ledger, top)
  await ledger.close()
  await top.close()
  assert.ok((await readFile(join(dir.path, 'tenant', linesFile))).length > 1.2 * blockBytes)
  const found = async () => {
    const { ok, ledgers } = await audit(dir.path)
    assert.ok(ok, JSON.stringify(ledgers))
    return ledgers[1]?.wrongDerived
  }
  assert.equal(await found(), undefined)
  for (const [file, at] of [
    ['hashes-0', 32 * 1700],
    ['hashes-1', 32 * 5],
    ['bundles', 8 * 6 + 7],
  ] as const) {
    const path = join(dir.path, 'tenant', file)
    const bytes = await readFile(path)
    await writeFile(path, bytes.with(at, (bytes[at] as number) ^ 1))
    assert.equal(await found(), file)
    await writeFile(path, bytes)
  }
})

const alter = async (path: string, from: string, to: string) => {
  const text = await readFile(path, 'utf8')
  assert.ok(text.includes(from))
  await writeFile(path, text.replace(from, to))
}
const harms: [string, string, number | undefined, (dir: string) => Promise<unknown>][] = [
  ['an event that was changed', 'tenant', 4, (dir) => alter(join(dir, 'tenant', linesFile), 'process 1', 'process 7')],
  ['the last head changed', 'tenant', 10, (dir) => alter(join(dir, 'tenant', linesFile), '\\n8\\n', '\\n9\\n')],
  ['a tail cut off', 'tenant', undefined, (dir) => truncate(join(dir, 'tenant', linesFile), 1000)],
  [
    'a checkpoint of another key',
    'tenant',
    undefined,
    (dir) => {
      const forger = createNoteSigner(origins.tenant, sampleSigner(0xbb))
      return writeFile(join(dir, 'tenant/checkpoint'), forger.sign(`${early.checkpoint.note.split('\n\n')[0]}\n`))
    },
  ],
  ['a root ledger cut off', 'root', undefined, (dir) => truncate(join(dir, 'root', linesFile), 300)],
  ['a missing segment', 'tenant', undefined, (dir) => rm(join(dir, 'tenant', linesFile))],
  [
    'a segment under another name',
    'tenant',
    undefined,
    (dir) => rename(join(dir, 'tenant', linesFile), join(dir, 'tenant/lines/00000000000000000007.ndjson')),
  ],
]
for (const [what, name, leaf, harm] of harms) {
  test(`the audit finds ${what}, and says where`, async () => {
    await using dir = await temporary()
    await cp(good, dir.path, { recursive: true })
    await harm(dir.path)
    const { ok, ledgers } = await audit(dir.path)
    const bad = ledgers.find((ledger) => !ledger.ok)
    assert.deepEqual([ok, bad?.name, bad?.problem?.leaf], [false, name, leaf], JSON.stringify(ledgers))
  })
}

test('LOG-4: what the root ledger or a saved checkpoint vouches for must be there, and signed', async () => {
  const judge = async (harm: (dir: string) => Promise<unknown>, more = {}) => {
    await using dir = await temporary()
    await cp(good, dir.path, { recursive: true })
    await harm(dir.path)
    const { ok, ledgers } = await audit(dir.path, more)
    const bad = ledgers.find((ledger) => !ledger.ok)
    return [ok, bad?.origin, bad?.problem?.code]
  }
  const none = async () => undefined
  const gone = (dir: string) => rm(join(dir, 'tenant'), { recursive: true })
  assert.deepEqual(await judge(gone), [false, origins.tenant, 'LEDGER_BEHIND'])
  assert.deepEqual(await judge((dir) => rm(join(dir, 'tenant/checkpoint'))), [false, origins.tenant, 'LEDGER_BEHIND'])
  const since = [{ ...early.checkpoint, origin: 'sealwatch.test/tenant/other' }]
  assert.deepEqual(await judge(none, { since }), [false, 'sealwatch.test/tenant/other', 'LEDGER_BEHIND'])
})

test('LOG-4: a ledger may be missing where the own chain of the cluster says that it was destroyed, and nobody else', async () => {
  const said = (erased_origin: string, event_code = 'tenant_erased') => ({
    event: { metadata: { event_code }, unmapped: { erased_tenant: 'default', erased_origin } },
  })
  const cluster = { tenant: 'cluster', origin: 'sealwatch.test/tenant/c' }
  const judge = async (orders: readonly Body[], byHost?: JsonObject) => {
    await using dir = await temporary()
    await cp(good, dir.path, { recursive: true })
    await rm(join(dir.path, 'tenant'), { recursive: true })
    const signer = () => createNoteSigner(cluster.origin, nodeKey)
    const of = { dir: join(dir.path, 'tenant-cluster'), signer, clock: tickingClock(), disk: systemDisk }
    const ledger = await openLedger({ ...of, ...cluster })
    const other = sampleHost(2, 'cluster', (i) => ({ ...sampleEvent(i), event: byHost ?? {}, personalPointers: [] }))
    await ledger.append({ own: { key: other.key } })
    for (const own of orders) await ledger.append({ own })
    if (byHost !== undefined) await ledger.append(other.verified(other.batch(1)))
    await ledger.checkpoint()
    await ledger.close()
    return await audit(dir.path)
  }
  const { ok, erased, ledgers } = await judge([said(origins.tenant)])
  assert.ok(ok, JSON.stringify(ledgers))
  assert.deepEqual(erased, [{ tenant: 'default', origin: origins.tenant, lines: early.checkpoint.size }])
  for (const [orders, byHost] of [
    [[]],
    [[said('sealwatch.test/tenant/other')]],
    [[said(origins.tenant, 'tenant_erasing')]],
    [[], said(origins.tenant).event],
  ] as const) {
    const report = await judge(orders, byHost)
    assert.deepEqual([report.ok, report.erased], [false, []])
    assert.equal(report.ledgers.find((one) => !one.ok)?.problem?.code, 'LEDGER_BEHIND')
  }
})

test('LOG-6: derived files that are wrong are told from lines that are', async () => {
  for (const [file, at] of [
    ['hashes-0', 100],
    ['bundles', 7],
  ] as const) {
    await using dir = await temporary()
    await cp(good, dir.path, { recursive: true })
    const path = join(dir.path, 'tenant', file)
    const bytes = await readFile(path)
    await writeFile(path, bytes.fill((bytes[at] as number) ^ 1, at, at + 1))
    const { ok, ledgers } = await audit(dir.path)
    assert.deepEqual([ok, ledgers.map(({ wrongDerived }) => wrongDerived)], [true, [undefined, file]])
  }
})

test('a line that is being written is not there yet', async () => {
  await using dir = await temporary()
  await cp(good, dir.path, { recursive: true })
  await appendFile(join(dir.path, 'tenant', linesFile), '{"chain":"')
  assert.equal((await audit(dir.path)).ok, true)
  await appendFile(join(dir.path, 'tenant', linesFile), Buffer.alloc(4096))
  assert.equal((await audit(dir.path)).ok, true)
})

test('a pinned key that certified nothing makes nothing true, and a saved checkpoint is held', async () => {
  const other = [createNoteSigner(origins.root, sampleSigner(9)).verifier]
  assert.equal((await audit(good, { trust: other })).ledgers[0]?.problem?.code, 'DELEGATION_UNVERIFIED')
  const since = [{ ...early.checkpoint, root: new Uint8Array(32) }]
  assert.equal((await audit(good, { since })).ledgers[1]?.problem?.code, 'LEDGER_BEHIND')
})
