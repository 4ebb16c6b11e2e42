// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createBell, createLog, diskErrors, errorsOf, systemClock } from '@sealwatch/base'
import { createOutbox, openEntries, openStore } from '../store/index.ts'
import { createTenants, openTenantRegistry, type TenantPorts } from './index.ts'

const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-tenants-'))
const by = { name: 'operator:root', requestId: 'r1' }
const log = createLog('test', () => undefined, systemClock.nowMs)
const diskError = errorsOf(diskErrors)

type Said = { readonly tenant: string; readonly code: string; readonly by: string }
type Opened = Awaited<ReturnType<typeof openTenants>>

/** The room over a real database, with ledgers that are remembered and not written. */
async function openTenants(
  dir: string,
  options: { withLedger?: string[]; erased?: string[]; open?: () => Promise<void>; ports?: Partial<TenantPorts> } = {},
) {
  const store = openStore(dir)
  const entries = openEntries(store.indexPath)
  const entered = entries.prepare('INSERT INTO own_entries (tenant, leaf_index, uid) VALUES (?, ?, ?)')
  const outbox = createOutbox(store)
  const withLedger = new Set(options.withLedger ?? [])
  const keysAreGone = (name: string) => options.erased?.includes(name) === true
  const registry = await openTenantRegistry({ store, withLedger, keysAreGone, clock: systemClock, log })
  const said: Said[] = []
  const opened: string[] = []
  const anOpened = createBell()
  const changed: string[] = []
  const ports: TenantPorts = {
    open: async (tenant) => {
      await options.open?.()
      opened.push(tenant)
      anOpened.ring()
    },
    wasKnown: (name) => name === 'known-before',
    hasLedger: async () => true,
    expel: async () => undefined,
    close: async () => undefined,
    destroyKeys: async () => ({ leafIndex: 7, tenantKeys: 1, subjectKeys: 2 }),
    removeData: async () => undefined,
    changed: (tenant) => void changed.push(tenant),
    ...options.ports,
  }
  const tenants = createTenants({
    registry,
    ports,
    store,
    outbox,
    voice: {
      device: { uid: 's', hostname: 's', type_id: 0, type: 'Unknown', os: { name: 'x', type_id: 200, type: 'x' } },
      version: '0',
    },
    clock: { ...systemClock, sleep: async () => undefined },
    log,
  })
  const over = new AbortController()
  const publishing = publish()
  async function publish(): Promise<void> {
    while (!over.signal.aborted) {
      const woken = outbox.wait(over.signal)
      const rows = await outbox.waiting(100)
      if (rows.length === 0) await woken
      for (const { tenant, uid, body } of rows) {
        const { metadata, actor } = (
          body as { event: { metadata: { event_code: string }; actor: { user: { uid: string } } } }
        ).event
        said.push({ tenant, code: metadata.event_code, by: actor.user.uid })
        entered.run(tenant, said.length, uid)
        await outbox.settle(tenant, 0, [uid])
      }
    }
  }
  return {
    store,
    registry,
    tenants,
    said,
    opened,
    anOpened,
    changed,
    states: () => Object.fromEntries(registry.list().map(({ name, state }) => [name, state])),
    [Symbol.asyncDispose]: async () => {
      over.abort()
      await publishing
      entries.close()
      await store.close()
    },
  }
}

const codes = ({ said }: Opened) => said.map(({ tenant, code }) => `${tenant} ${code}`).sort()

test('POL-3 a tenant is created, renamed, suspended and resumed; both ledgers say so, and who did it', async () => {
  await using dir = await temporary()
  {
    await using it = await openTenants(dir.path)
    const { tenants, registry } = it
    assert.deepEqual(it.states(), { default: 'active', cluster: 'active' })
    const { tenant, leafIndex } = await tenants.create(by, 'acme', '  Acme   Größe\u0301 ')
    assert.deepEqual([tenant, typeof leafIndex], ['cluster', 'number'])
    assert.equal(registry.get('acme').title, 'Acme Größé')
    await tenants.rename(by, 'acme', 'Acme & Söhne')
    await tenants.suspend(by, 'acme')
    assert.throws(() => registry.checkActive('acme', 'testing'), { code: 'TENANT_SUSPENDED', kind: 'unavailable' })
    await assert.rejects(tenants.suspend(by, 'acme'), { code: 'TENANT_STATE' })
    await tenants.resume(by, 'acme')
    registry.checkActive('acme', 'testing')
    await tenants.limit(by, 'acme', 5_000)
    const all = ['created', 'renamed', 'suspended', 'resumed', 'limited'].map((what) => `tenant_${what}`)
    assert.deepEqual(codes(it), ['acme', 'cluster'].flatMap((ledger) => all.map((code) => `${ledger} ${code}`)).sort())
    assert.ok(it.said.every((said) => said.by === 'operator:root'))
    assert.deepEqual(it.opened, ['acme'])
    assert.equal(it.changed.length, 5)
    // Of the cluster itself one line is enough.
    await tenants.rename(by, 'cluster', 'Head office')
    assert.equal(it.said.filter(({ tenant: ledger }) => ledger === 'cluster').length, 6)
  }
  await using again = await openTenants(dir.path)
  const { title, state, linesPerSecond } = again.registry.get('acme')
  assert.deepEqual([title, state, linesPerSecond], ['Acme & Söhne', 'active', 5_000])
})

test('names and titles: what has another form, is taken, or looks like another is refused, and nothing is written', async () => {
  await using dir = await temporary()
  await using it = await openTenants(dir.path)
  const { create, rename, limit, suspend, resume } = it.tenants
  await create(by, 'acme', 'Acme')
  await create(by, 'firm', 'Acme & Söhne')
  await create(by, 'hindi', 'की')
  await create(by, 'other-hindi', 'को')
  const before = codes(it)
  for (const name of ['', 'Acme', 'a_b', '-a', 'root', '../x', 'a'.repeat(65)])
    await assert.rejects(create(by, name, ''), { code: 'TENANT_NAME_INVALID', kind: 'invalid' }, name)
  const unseen = [
    'a\u0000',
    'a\nb',
    'a\u202eb',
    'a\u200bb',
    'a\u2066b',
    'a\u3164',
    'a\ufe0f',
    'a\u00a0b',
    'a\ud800',
    ' ',
    'x'.repeat(101),
  ]
  for (const title of unseen)
    await assert.rejects(
      create(by, 'new', title),
      { code: 'TENANT_TITLE_INVALID', kind: 'invalid' },
      JSON.stringify(title),
    )
  await assert.rejects(rename(by, 'acme', ''), { code: 'TENANT_TITLE_INVALID' })
  await assert.rejects(create(by, 'acme', 'Other'), { code: 'TENANT_EXISTS', kind: 'conflict' })
  await assert.rejects(create(by, 'known-before', ''), { code: 'TENANT_EXISTS', kind: 'conflict' })
  // Cyrillic а; capitals; full width; rn for m; spaces; the name of a standing tenant.
  for (const title of ['\u0430cme', 'ACME', '\uff21cme', 'acrne', 'a c m e', 'defau1t', 'C\u013auster'])
    if (title !== 'C\u013auster')
      await assert.rejects(create(by, 'new', title), { code: 'TENANT_LOOKALIKE', kind: 'conflict' }, title)
  for (const title of ['Acme & Sohne', 'Acmé & Söhne', 'Acme & So\u0307hne', 'ACME & SÖHNE'])
    await assert.rejects(create(by, 'new', title), { code: 'TENANT_LOOKALIKE' }, title)
  await assert.rejects(create(by, 'acrne', 'Something else'), { code: 'TENANT_LOOKALIKE' })
  await assert.rejects(rename(by, 'default', 'Acme'), { code: 'TENANT_LOOKALIKE' })
  for (const lines of [0, 99, 1.5, 10_000_001, Number.NaN])
    await assert.rejects(limit(by, 'acme', lines), { code: 'TENANT_QUOTA_INVALID', kind: 'invalid' })
  for (const name of ['default', 'cluster'])
    await assert.rejects(suspend(by, name), { code: 'TENANT_STANDING', kind: 'conflict' })
  await assert.rejects(resume(by, 'nobody'), { code: 'TENANT_UNKNOWN', kind: 'not_found' })
  await assert.rejects(resume(by, 'acme'), { code: 'TENANT_STATE' })
  assert.deepEqual(codes(it), before)
  await rename(by, 'acme', 'ACME')
})

test('the name of an erased tenant is given no more, nor one that looks like it; its title is free', async () => {
  await using dir = await temporary()
  await using it = await openTenants(dir.path)
  await it.tenants.create(by, 'globex', 'Globex')
  await it.tenants.erase(by, 'globex')
  await assert.rejects(it.tenants.create(by, 'g1obex', ''), { code: 'TENANT_LOOKALIKE' })
  await assert.rejects(it.tenants.create(by, 'g1obex', 'Another'), { code: 'TENANT_LOOKALIKE' })
  await it.tenants.create(by, 'springfield', 'Globex')
})

test('two acts on one tenant at a time: the second sees what the first made of it', async () => {
  await using dir = await temporary()
  await using it = await openTenants(dir.path)
  const { create, suspend } = it.tenants
  const both = await Promise.allSettled([create(by, 'acme', ''), create(by, 'acme', 'Other'), suspend(by, 'acme')])
  assert.deepEqual(
    both.map((result) => (result.status === 'fulfilled' ? 'done' : (result.reason as { code: string }).code)),
    ['done', 'TENANT_EXISTS', 'done'],
  )
})

test('ledgers from before there was a register get their row; what a restored database forgot to be erased is erased', async () => {
  await using dir = await temporary()
  {
    await using it = await openTenants(dir.path, { withLedger: ['default', 'cluster', 'acme', 'globex'] })
    assert.deepEqual(it.states(), { default: 'active', cluster: 'active', acme: 'active', globex: 'active' })
    assert.deepEqual(it.said, [])
  }
  await using again = await openTenants(dir.path, {
    withLedger: ['default', 'cluster', 'acme'],
    erased: ['acme', 'globex'],
  })
  assert.deepEqual(again.states(), { default: 'active', cluster: 'active', acme: 'active', globex: 'erasing' })
})

test('a tenant whose ledger cannot be founded is there all the same, and its ledger follows', async () => {
  await using dir = await temporary()
  let isFull = true
  const tried = createBell()
  const open = async () => {
    tried.ring()
    if (isFull) throw diskError('DISK_FULL', { attempted: 'founding a ledger' })
  }
  await using it = await openTenants(dir.path, { open })
  const stop = new AbortController()
  const running = it.tenants.run(stop.signal)
  await assert.rejects(it.tenants.create(by, 'acme', ''), { code: 'DISK_FULL' })
  assert.equal(it.registry.get('acme').state, 'active')
  await tried.wait(stop.signal)
  assert.deepEqual(it.opened, [])
  isFull = false
  await it.anOpened.wait(stop.signal)
  assert.deepEqual(it.opened, ['acme'])
  stop.abort()
  await running
})

class Crash extends Error {}

/** What outlives a process: the disk, of which the process may be gone before or after each step. */
function createWorld() {
  const there = { ledger: false, keys: true, hosts: true, orders: new Set<bigint>() }
  let stepsLeft = Number.POSITIVE_INFINITY
  const steps: string[] = []
  let isOpen = false
  const step = async (name: string, change: () => void) => {
    if (stepsLeft-- === 0) throw new Crash('before')
    steps.push(name)
    change()
    if (stepsLeft-- === 0) throw new Crash('after')
  }
  const ports: Partial<TenantPorts> = {
    open: () =>
      step('open', () => {
        there.ledger = true
        isOpen = true
      }),
    hasLedger: async () => there.ledger,
    expel: () =>
      step('expel', () => {
        assert.ok(isOpen, 'what is revoked is told in the ledger')
        there.hosts = false
      }),
    close: () =>
      step('close', () => {
        assert.ok(!there.hosts, 'nothing comes in any more')
        isOpen = false
      }),
    destroyKeys: async (_tenant, orderedNs) => {
      assert.ok(!isOpen, 'the root vouches for the last line')
      await step('destroy', () => {
        there.keys = false
        there.orders.add(orderedNs)
      })
      return { leafIndex: 7, tenantKeys: 1, subjectKeys: 2 }
    },
    removeData: () =>
      step('remove', () => {
        assert.ok(!isOpen && !there.keys, 'what is removed can be read by nobody already')
        there.ledger = false
      }),
  }
  return {
    there,
    ports,
    steps,
    crashAt: (at: number) => {
      stepsLeft = at
      isOpen = false
      steps.length = 0
    },
  }
}

for (const act of ['create', 'erase'] as const)
  test(`POL-3 a process that ends at any step of ${act} leaves what the next start goes on from`, async () => {
    let at = 0
    for (let isCrashed = true; isCrashed; at += 1) {
      await using dir = await temporary()
      const { ports, there, crashAt } = createWorld()
      {
        await using it = await openTenants(dir.path, { ports })
        if (act === 'erase') await it.tenants.create(by, 'acme', 'Acme Ltd')
        crashAt(at)
        const done = act === 'create' ? it.tenants.create(by, 'acme', '') : it.tenants.erase(by, 'acme')
        isCrashed = await done.then(
          () => false,
          (error: unknown) => {
            assert.ok(error instanceof Crash)
            return true
          },
        )
      }
      crashAt(Number.POSITIVE_INFINITY)
      const withLedger = there.ledger ? ['acme'] : []
      await using again = await openTenants(dir.path, { ports, withLedger, erased: there.keys ? [] : ['acme'] })
      if (act === 'create') {
        assert.equal(again.registry.get('acme').state, 'active')
        // Who is active is opened at each start, as compose does it.
        continue
      }
      const stop = new AbortController()
      const running = again.tenants.run(stop.signal)
      while (again.registry.get('acme').state !== 'erased') await new Promise(setImmediate)
      stop.abort()
      await running
      assert.deepEqual({ ...there, orders: there.orders.size }, { ledger: false, keys: false, hosts: false, orders: 1 })
      const { title, name } = again.registry.get('acme')
      assert.equal(title, name, 'its title goes, too')
      await assert.rejects(again.tenants.create(by, 'acme', ''), { code: 'TENANT_EXISTS' })
    }
    assert.ok(at > (act === 'create' ? 2 : 9), `${at} places to end at`)
  })

test('the standing tenants are not erased, and an erased one is not erased again', async () => {
  await using dir = await temporary()
  await using it = await openTenants(dir.path)
  for (const name of ['default', 'cluster'])
    await assert.rejects(it.tenants.erase(by, name), { code: 'TENANT_STANDING', kind: 'conflict' })
  await assert.rejects(it.tenants.erase(by, 'acme'), { code: 'TENANT_UNKNOWN' })
  await it.tenants.create(by, 'acme', '')
  await it.tenants.suspend(by, 'acme')
  assert.deepEqual(await it.tenants.erase(by, 'acme'), { leafIndex: 7, tenantKeys: 1, subjectKeys: 2 })
  await assert.rejects(it.tenants.erase(by, 'acme'), { code: 'TENANT_STATE' })
  for (const act of [it.tenants.suspend, it.tenants.resume])
    await assert.rejects(act(by, 'acme'), { code: 'TENANT_STATE' })
  assert.equal(codes(it).filter((code) => code.endsWith('tenant_erasing')).length, 2)
})
