// SPDX-License-Identifier: Apache-2.0
// Tenants come, stand still and go while hosts ship and others are sealed: the whole control plane, with real hosts.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { createClient } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { type Disk, diskErrors, errorsOf, systemClock, systemDisk } from '@sealwatch/base'
import { AdminService } from '@sealwatch/contract'
import { auditLedgers } from '@sealwatch/ledger'
import { fsckDir } from '../../apps/server/src/fsck/test/fsck-dir.ts'
import type { Platform } from '../system/platform.ts'
import { type Producer, startProducer } from '../system/producer.ts'
import { startServer, type TestServer } from './server.ts'

const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-tenants-'))
const diskError = errorsOf(diskErrors)
const patienceMs = 20_000
const codeOf = ({ problem }: { problem: { code: string } }) => problem.code
const create = (server: TestServer, name: string) => server.root('cluster').call('createTenant', { body: { name } })

/** A host of a tenant that seals and ships without end. */
async function hostOf({ agentPort, socketPath }: TestServer, tenant: string, parent: string): Promise<Producer> {
  const admin = createClient(
    AdminService,
    createConnectTransport({ baseUrl: 'http://x.invalid', httpVersion: '1.1', nodeOptions: { socketPath } }),
  )
  const invite: Platform['sealwatch'] = async () => {
    const { token } = await admin.createJoinToken({ tenant, ttlSeconds: 60 })
    return { code: 0, stdout: JSON.stringify({ token }), stderr: '' }
  }
  const platform = { port: agentPort, sealwatch: invite } as Platform
  return startProducer(platform, { tenant, name: `host-${tenant}`, parent, everyMs: 5 })
}

async function until(fits: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await fits())) await systemClock.sleep(5)
}

/** How many rows of each table, of both databases, name the tenant, in whatever column. */
function rowsOf(dir: string, tenant: string): Record<string, number> {
  const found: Record<string, number> = {}
  for (const file of ['index.sqlite', 'entries.sqlite']) {
    const database = new DatabaseSync(join(dir, file))
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[]
    for (const { name } of tables) {
      const columns = database.prepare(`SELECT name FROM pragma_table_info('${name}')`).all() as { name: string }[]
      const names = columns.map((column) => `${column.name} = ?1 OR instr(${column.name}, '"' || ?1 || '"') > 0`)
      const row = database.prepare(`SELECT count(*) AS count FROM ${name} WHERE ${names.join(' OR ')}`).get(tenant)
      const { count } = row as { count: number }
      if (count > 0) found[`${file} ${name}`] = count
    }
    database.close()
  }
  return found
}

test('POL-1 LOG-8 a suspended tenant takes nothing and loses nothing, and its neighbours go on', async () => {
  await using dir = await temporary()
  await using server = await startServer()
  for (const name of ['acme', 'globex']) await create(server, name)
  const [acme, globex] = [await hostOf(server, 'acme', dir.path), await hostOf(server, 'globex', dir.path)]
  await until(() => acme.acknowledged > 20 && globex.acknowledged > 20)
  const suspended = await server.root('cluster').call('suspendTenant', { params: { tenant_name: 'acme' } })
  assert.equal(suspended.tenant.state, 'suspended')
  await until(() => server.log.some((line) => line.includes('TENANT_SUSPENDED')))
  const [stood, went] = [acme.acknowledged, globex.acknowledged]
  await until(() => globex.acknowledged > went + 400)
  // What was let in before is answered yet: the few batches that a host has under way at once.
  assert.ok(acme.acknowledged - stood < 100, `${acme.acknowledged - stood} lines since`)
  await server.root('cluster').call('resumeTenant', { params: { tenant_name: 'acme' } })
  for (const host of [acme, globex]) {
    const { sealed, acknowledged } = await host.finish(patienceMs)
    assert.equal(acknowledged, sealed)
    await host.stop()
  }
})

test('POL-3 LOG-8 an erased tenant is gone from every store while it ships; the root vouches for it, and auditors are told why', async () => {
  await using dir = await temporary()
  const data = join(dir.path, 'data')
  await systemDisk.makeDirectory(data)
  {
    await using server = await startServer({}, undefined, { dir: data })
    for (const name of ['acme', 'globex']) await create(server, name)
    const [acme, globex] = [await hostOf(server, 'acme', dir.path), await hostOf(server, 'globex', dir.path)]
    const inGlobex = server.root('globex')
    await inGlobex.call('putRole', { params: { name: 'oncall' }, body: { actions: ['alert:list'] } })
    const wanted = { name: 'ci', actions: ['alert:list'], ttl_seconds: 600 }
    const { token } = await inGlobex.call('createToken', { body: wanted })
    await inGlobex.call('addGroupRole', {
      params: { tenant_name: 'globex' },
      body: { group: 'sec', role: 'custom/oncall' },
    })
    const personId = `usr_${'0'.repeat(20)}`
    await inGlobex.call('grantRole', { params: { person_id: personId, role: 'custom/oncall' } })
    const policy = readFileSync(new URL('../../vectors/policies/good/network.json', import.meta.url), 'utf8')
    await inGlobex.call('putPolicy', { params: { id: 'p' }, body: { policy } })
    await until(() => acme.acknowledged > 20 && globex.acknowledged > 20)
    const { ledger } = await server.root('cluster').call('eraseTenant', { params: { tenant_name: 'globex' } })
    assert.ok((ledger?.leaf_index ?? 0) > 0)
    assert.equal(existsSync(join(data, 'ledgers/tenant-globex')), false)
    assert.deepEqual(await systemDisk.list(join(data, 'erased')), [])
    assert.equal(await create(server, 'globex').then(String, codeOf), 'TENANT_EXISTS')
    const asked = await server.by(token).call('listRoles').then(String, codeOf)
    assert.equal(asked, 'CREDENTIALS_INVALID')
    const went = acme.acknowledged
    await until(() => acme.acknowledged > went + 20)
    await globex.stop()
    const { sealed, acknowledged } = await acme.finish(patienceMs)
    assert.equal(acknowledged, sealed)
    await acme.stop()
  }
  // What must stay refused for good: a host's certificate and its keys.
  const refused = ['tenants', 'hosts', 'signing_keys', 'signing_key_revocations']
  assert.deepEqual(rowsOf(data, 'globex'), Object.fromEntries(refused.map((name) => [`index.sqlite ${name}`, 1])))
  const { ok, erased, ledgers } = await auditLedgers(join(data, 'ledgers'), { disk: systemDisk, trust: [] })
  assert.deepEqual(
    ledgers.flatMap(({ problem }) => problem ?? []),
    [],
  )
  assert.ok(ok && erased.length === 1 && erased[0]?.tenant === 'globex' && erased[0].lines > 20)
  assert.deepEqual((await fsckDir(data)).database, [])

  await using again = await startServer({}, undefined, { dir: data })
  const listed = await again.root('cluster').call('listTenants', { query: { erased: 'true' } })
  assert.deepEqual(
    listed.items.map(({ name, state }) => `${name} ${state}`),
    ['acme active', 'cluster active', 'default active', 'globex erased'],
  )
})

test('POL-3 an erasure that a disk interrupts is finished by the next start', async () => {
  for (const step of ['rename', 'removeDirectory'] as const) {
    await using dir = await temporary()
    const failing: Disk = {
      ...systemDisk,
      [step]: async (path: string, to: string) => {
        if (path.includes('tenant-globex')) throw diskError('DISK_FULL', { attempted: `${step} ${path}` })
        await (systemDisk[step] as (path: string, to: string) => Promise<void>)(path, to)
      },
    }
    {
      await using server = await startServer({}, undefined, { dir: dir.path, disk: failing })
      await create(server, 'globex')
      const erasing = server.root('cluster').call('eraseTenant', { params: { tenant_name: 'globex' } })
      assert.equal(await erasing.then(String, codeOf), 'DISK_FULL')
      const { items } = await server.root('cluster').call('listTenants')
      assert.equal(items.find(({ name }) => name === 'globex')?.state, 'erasing')
    }
    await using server = await startServer({}, undefined, { dir: dir.path })
    await until(async () => {
      const { items } = await server.root('cluster').call('listTenants', { query: { erased: 'true' } })
      return items.find(({ name }) => name === 'globex')?.state === 'erased'
    })
    assert.deepEqual(await systemDisk.list(join(dir.path, 'erased')), [])
  }
})
