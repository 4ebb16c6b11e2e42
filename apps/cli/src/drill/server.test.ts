// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import type { ApiClient } from '@sealwatch/contract/api'
import { checkSafety, type Room } from './server.ts'

const gib = 1024 ** 3
const roomy: Room = { bavail: 50 * gib, blocks: 100 * gib, bsize: 1 }
let told: object = {}
const health = createServer((_request, response) => response.end(JSON.stringify(told)))
before(() => new Promise<void>((listening) => health.listen(0, '127.0.0.1', listening)))
after(() => health.close())

const trust = { deployment: 'd', ledger_keys: [], ca_fingerprint: '' }
const well = {
  integrity: [{ tenant: 'drill', checked: 5, size: 5 }] as object[],
  signing: { quorum: 'none', problem: null as string | null },
  hosts: [] as object[],
  tenants: [{ name: 'drill', state: 'active' }] as object[],
  producers: [{ producer: 'drill-decoy' }] as object[],
}

/** A deployment that is well but for this. */
function check(not: Partial<typeof well> & { tenant?: string; room?: Room; healthz?: object } = {}) {
  const state = { ...well, ...not }
  told = not.healthz ?? { status: 'ok', disk: { level: 'ok' } }
  const { port } = health.address() as AddressInfo
  const answers: Readonly<Record<string, unknown>> = {
    getStatus: { ...state, deployment: 'd', health: `http://127.0.0.1:${port}`, api: 'http://x', trust },
    listTenants: { items: state.tenants },
    listProducers: { items: state.producers },
  }
  const api = { call: async (id: string) => answers[id] } as unknown as ApiClient
  const { tenant = 'drill', room = roomy } = not
  return checkSafety(api, api, { tenant, producer: 'drill-decoy', room })
}

const refuses = (not: Parameters<typeof check>[0], why: RegExp) =>
  assert.rejects(check(not), (error: { code: string; received: string }) => {
    assert.equal(error.code, 'CLI_DRILL_REFUSED')
    assert.match(error.received, why)
    return true
  })

test('OPS-2 a drill begins where the deployment is well and the tenant is its own, or not there yet', async () => {
  assert.equal((await check()).deployment, 'd')
  await check({ tenants: [], producers: [{ producer: 'of nobody' }] })
  await check({ producers: [] })
})

test('OPS-2 it is refused where it is not safe: no room, a ledger that was not found whole, trouble, a tenant of others', async () => {
  await refuses({ room: { ...roomy, bavail: 255 * 1024 ** 2, blocks: gib } }, /255 MiB free/)
  await refuses({ room: { ...roomy, bavail: 4 * gib } }, /4 % of the disk/)
  await refuses({ integrity: [{ tenant: 'acme', problem: { leaf: 3 } }] }, /ledger of acme, which was altered/)
  await refuses({ integrity: [{ tenant: 'drill', checked: 4, size: 5 }] }, /verified to 4 of 5/)
  await refuses({ signing: { quorum: 'none', problem: 'no signer' } }, /not signed: no signer/)
  await refuses({ healthz: { disk: { level: 'critical' }, audit: { level: 'ok' } } }, /in trouble: disk/)
  await refuses({ tenants: [{ name: 'drill', state: 'suspended' }] }, /drill, which is suspended/)
  await refuses({ producers: [{ producer: 'drill-decoy' }, { producer: 'billing' }] }, /has services: billing/)
  await refuses({ hosts: [{ tenant: 'drill', hostname: 'web-1' }] }, /has hosts: web-1/)
  await refuses({ tenant: 'default' }, /the tenant default/)
  await refuses({ tenant: 'cluster' }, /the tenant cluster/)
})
