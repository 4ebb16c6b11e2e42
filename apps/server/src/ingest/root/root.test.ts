// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog, errorsOf, isSealwatchError, systemClock, systemDisk } from '@sealwatch/base'
import { type AuditSigner, openOwnSigner, signerErrors, verifyEd25519 } from '@sealwatch/keys'
import { parseLine, parseNote, sha256, verifyBundle, writeBundle } from '@sealwatch/ledger'
import { type Ledgers, openLedgers } from '../ledgers.ts'
import type { Cosign } from './publish.ts'

const hourMs = 3_600_000
const signerError = errorsOf(signerErrors)
const disk = systemDisk
const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-root-'))

/** A deployment whose clock and signer the test holds in its hands. */
async function deployment(dir: string) {
  let aheadMs = 0
  let isDown = false
  let asked = 0
  const own = await openOwnSigner(join(dir, 'audit.key'), disk)
  const auditSigner: AuditSigner = {
    ...own,
    sign: async (message, signal) => {
      asked += 1
      if (!isDown) return own.sign(message, signal)
      throw signerError('SIGNER_UNAVAILABLE', { attempted: 'signing in a test' })
    },
  }
  const nowMs = () => systemClock.nowMs() + aheadMs
  const clock = { ...systemClock, nowMs, nowNs: () => systemClock.nowNs() + BigInt(aheadMs) * 1_000_000n }
  const log = createLog('test', () => undefined, nowMs)
  const of = { deployment: 'd1', tenants: ['default', 'cluster'], labelKey: new Uint8Array(32), auditSigner, clock }
  return {
    open: (more: { cosign?: () => Cosign; belowQuorum?: 'degraded' | 'hold'; auditSigner?: AuditSigner } = {}) =>
      openLedgers({ ...of, dir: join(dir, 'ledgers'), keysDir: join(dir, 'keys'), disk, log, ...more }),
    later: (ms: number) => {
      aheadMs += ms
    },
    signerDown: (down: boolean) => {
      isDown = down
    },
    get asked() {
      return asked
    },
  }
}

test('LOG-1 the root ledger says how long a ledger was at a time', async () => {
  await using dir = await temporary()
  const held = await deployment(dir.path)
  const ledgers = await held.open()
  const tenants = ['default', 'cluster'] as const
  const { signal } = new AbortController()
  const beginMs = systemClock.nowMs()
  const sizesAt = (hour: number) =>
    Promise.all(tenants.map((tenant) => ledgers.sizeBefore(tenant, beginMs + hour * hourMs, signal)))
  assert.deepEqual(await sizesAt(1), [0, 0])
  const sizes: number[][] = []
  for (const grown of [['default'], ['cluster', 'cluster'], tenants, [], ['cluster']]) {
    for (const tenant of grown) await ledgers.get(tenant).append(event(sizes.length))
    await ledgers.seal()
    sizes.push(tenants.map((tenant) => ledgers.get(tenant).size))
    held.later(hourMs)
  }
  assert.equal(new Set(sizes.map(String)).size, 4)
  for (const [hour, each] of sizes.entries()) assert.deepEqual(await sizesAt(hour + 0.5), each, `hour ${hour}`)
  assert.deepEqual(await sizesAt(-1), [0, 0])
  assert.deepEqual(await sizesAt(99), sizes.at(-1))
  await ledgers.close()
})

async function reportOf(ledgers: Ledgers, tenant = 'default', trust = [ledgers.vkey]) {
  const ledger = ledgers.get(tenant)
  const sealed = await ledgers.sealed(tenant)
  async function* bytes() {
    const request = { ledger, sealed, vkeys: [ledgers.vkey], ranges: [{ from: 0, to: ledger.size }] }
    for await (const piece of writeBundle(request)) yield piece.bytes
  }
  return verifyBundle(bytes(), { sha256, verify: verifyEd25519, trust })
}

async function kindsOf({ root }: Ledgers): Promise<string[]> {
  const kinds: string[] = []
  while (kinds.length < root.size)
    for (const { line } of await root.read(kinds.length, 1024)) {
      const { line: parsed } = parseLine(sha256, line, 'testing')
      kinds.push(['anchor', 'delegation', 'tenant_head'].find((kind) => kind in parsed) ?? 'other')
    }
  return kinds
}

const event = (i: number) => ({ own: { event: { i } } })

test('SIG-8: the delegation stands in the root ledger before its key signs, and the log key is what an outsider pins', async () => {
  await using dir = await temporary()
  const { open } = await deployment(dir.path)
  const ledgers = await open()
  await ledgers.get('default').append(event(1))
  const { problem, trust, countersigned, nodeKey } = await reportOf(ledgers)
  assert.deepEqual([problem, trust], [undefined, 'pinned'])
  assert.ok(countersigned !== undefined && nodeKey !== undefined)
  assert.deepEqual(await kindsOf(ledgers), ['anchor', 'delegation', 'tenant_head', 'tenant_head'])
  await ledgers.close()
})

test('a node key is renewed at half its life, everything is signed anew, and evidence verifies under the same pin', async () => {
  await using dir = await temporary()
  const { open, later } = await deployment(dir.path)
  const ledgers = await open()
  const before = await reportOf(ledgers)
  later(12 * hourMs)
  await ledgers.seal()
  const after = await reportOf(ledgers)
  assert.deepEqual([before.ok, after.ok], [true, true])
  assert.notEqual(before.nodeKey?.validUntil, after.nodeKey?.validUntil)
  assert.equal((await kindsOf(ledgers)).filter((kind) => kind === 'delegation').length, 2)
  assert.equal((await kindsOf(ledgers)).filter((kind) => kind === 'tenant_head').length, 2, 'no head is said twice')
  await ledgers.close()
  // Whatever signed before is known no more, and need not be.
  assert.deepEqual(JSON.parse(await readFile(join(dir.path, 'keys/node.json'), 'utf8')).earlier, [])
  const again = await open()
  assert.equal((await reportOf(again)).ok, true)
  await again.close()
})

test('a signer that is down costs its word, not a line; after a day nothing is signed any more, and then it goes on', async () => {
  await using dir = await temporary()
  const { open, later, signerDown } = await deployment(dir.path)
  const ledgers = await open()
  signerDown(true)
  await ledgers.get('default').append(event(1))
  const alone = await reportOf(ledgers)
  assert.deepEqual([alone.ok, alone.countersigned], [true, undefined])
  await assert.rejects(ledgers.publish(0), { code: 'SIGNER_UNAVAILABLE' })
  assert.match(ledgers.health.problem ?? '', /SIGNER_UNAVAILABLE/)
  later(23 * hourMs)
  await ledgers.seal()
  later(hourMs)
  await ledgers.get('default').append(event(2))
  await assert.rejects(ledgers.seal(), { code: 'NODE_KEY_EXPIRED' })
  signerDown(false)
  await ledgers.publish(0)
  assert.deepEqual([(await reportOf(ledgers)).lines, ledgers.health.problem], [3, null])
  await ledgers.close()
})

test('a server that was down for days starts when the signer answers, and refuses when it does not', async () => {
  await using dir = await temporary()
  const { open, later, signerDown } = await deployment(dir.path)
  const first = await open()
  await first.get('default').append(event(1))
  await first.close()
  later(100 * hourMs)
  signerDown(true)
  await assert.rejects(open(), { code: 'SIGNER_UNAVAILABLE' })
  signerDown(false)
  const again = await open()
  assert.equal((await reportOf(again)).ok, true)
  await again.close()
})

test('SIG-6: a signer that is new vouches for a node key from the start', async () => {
  await using dir = await temporary()
  const { open } = await deployment(dir.path)
  const keyidsNow = async () =>
    JSON.parse(await readFile(join(dir.path, 'keys/node.json'), 'utf8'))
      .delegation.signatures.map(({ keyid }: { keyid: string }) => keyid)
      .sort()
  await disk.makeDirectory(join(dir.path, 'keys'))
  const file = await openOwnSigner(join(dir.path, 'keys/ledger.key'), disk)
  const first = await open({ auditSigner: file })
  assert.deepEqual(await keyidsNow(), [file.keyId])
  await first.close()
  const again = await open()
  const configured = await openOwnSigner(join(dir.path, 'audit.key'), disk)
  assert.deepEqual(await keyidsNow(), [file.keyId, configured.keyId].sort())
  assert.equal((await reportOf(again)).ok, true)
  await again.close()
})

test('heads carry the proof that they extend the head before; without its book a start reads the whole root ledger', async () => {
  await using dir = await temporary()
  const { open } = await deployment(dir.path)
  const ledgers = await open()
  for (let i = 0; i < 5; i += 1) {
    await ledgers.get('default').append(event(i))
    await ledgers.seal()
  }
  const { size } = ledgers.root
  await ledgers.close()
  await rm(join(dir.path, 'ledgers/root/book.json'))
  const again = await open()
  await again.seal()
  assert.equal(again.root.size, size, 'nothing new to say')
  await again.close()
})

test('the signer is asked once an interval, however much is sealed', async () => {
  await using dir = await temporary()
  const held = await deployment(dir.path)
  const ledgers = await held.open()
  await ledgers.publish(0)
  const { asked } = held
  for (let i = 0; i < 20; i += 1) await ledgers.get('default').append(event(i))
  await ledgers.seal()
  await ledgers.seal()
  assert.equal(held.asked, asked)
  await ledgers.publish(hourMs)
  assert.equal(held.asked, asked + 2, 'the note of the log key, and the envelope')
  await ledgers.publish(hourMs)
  assert.equal(held.asked, asked + 2, 'nothing grew')
  held.later(hourMs)
  await ledgers.publish(hourMs)
  assert.equal(held.asked, asked + 4, 'the heartbeat')
  await ledgers.close()
})

for (const belowQuorum of ['degraded', 'hold'] as const) {
  test(`below the quorum of witnesses a checkpoint is ${belowQuorum === 'hold' ? 'held' : 'published, and marked'}`, async () => {
    await using dir = await temporary()
    const { open } = await deployment(dir.path)
    const seen: string[] = []
    const cosign: Cosign = async ({ note }) => {
      seen.push(note)
      return { note, quorum: 'below' }
    }
    const ledgers = await open({ cosign: () => cosign, belowQuorum })
    const publishing = ledgers.publish(0)
    if (belowQuorum === 'hold') await assert.rejects(publishing, (error) => isSealwatchError(error, 'BELOW_QUORUM'))
    else await publishing
    assert.equal(ledgers.health.quorum, belowQuorum === 'hold' ? 'none' : 'below')
    assert.deepEqual(
      parseNote(seen[0] as string, 'testing').signatures.map(({ name }) => name),
      ['d1/root', 'd1/root'],
      'witnesses see the log key beside the node key',
    )
    await ledgers.close()
  })
}

test('what is vouched for is what the published checkpoint covers, before and after a restart', async () => {
  await using dir = await temporary()
  const { open, signerDown } = await deployment(dir.path)
  const ledgers = await open()
  const covered = ({ vouched, get }: Ledgers) => {
    const { head, published } = vouched('default') ?? {}
    if (head === undefined || published === undefined) return undefined
    assert.ok(head.index < published.size)
    assert.equal(get('default').rootAt(head.size).toHex(), head.root)
    return head.size
  }
  assert.equal(covered(ledgers), undefined)
  await ledgers.get('default').append(event(1))
  await ledgers.publish(0)
  assert.equal(covered(ledgers), 2)
  signerDown(true)
  await ledgers.get('default').append(event(2))
  await assert.rejects(ledgers.publish(0))
  assert.equal(ledgers.get('default').signed?.size, 3)
  assert.equal(covered(ledgers), 2, 'signed, and not published')
  signerDown(false)
  await ledgers.publish(0)
  assert.equal(covered(ledgers), 3)
  await ledgers.close()
  const again = await open()
  assert.equal(covered(again), 3)
  await again.close()
})
