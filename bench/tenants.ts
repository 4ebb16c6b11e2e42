// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import process from 'node:process'
import { createLog, systemClock, systemDisk } from '@sealwatch/base'
import { openOwnSigner } from '@sealwatch/keys'
import { openLedgers } from '../apps/server/src/ingest/index.ts'
import { type Figure, figureOf, secondsSince } from './figure.ts'
import { temporary } from './material.ts'

const tenantsMax = 1000

/** What a tenant costs who has hardly anything to say: a ledger of its own, one event, one seal by the root. */
export async function* benchTenants(runs = 5): AsyncGenerator<Figure> {
  await using dir = await temporary()
  const names = Array.from({ length: tenantsMax }, (_, i) => `tenant-${i}`)
  const auditSigner = await openOwnSigner(join(dir.path, 'audit.key'), systemDisk)
  const open = () =>
    openLedgers({
      dir: join(dir.path, 'ledgers'),
      deployment: 'sealwatch-00000000',
      tenants: names,
      keysDir: join(dir.path, 'keys'),
      auditSigner,
      log: createLog('bench', () => undefined, systemClock.nowMs),
      labelKey: new Uint8Array(32),
      clock: systemClock,
      disk: systemDisk,
    })
  await systemDisk.makeDirectory(join(dir.path, 'keys'))
  const perTenant = (startNs: bigint) => (1e6 * secondsSince(startNs)) / tenantsMax
  const rssBefore = process.memoryUsage().rss
  const createNs = systemClock.monotonicNs()
  let ledgers = await open()
  yield figureOf('tenants.create', 'us/tenant', [perTenant(createNs)])
  await ledgers.seal()
  yield figureOf('tenants.memory', 'KiB/tenant', [(process.memoryUsage().rss - rssBefore) / 1024 / tenantsMax])

  const [appends, seals, reopens]: [number[], number[], number[]] = [[], [], []]
  const [comings, goings]: [number[], number[]] = [[], []]
  for (let run = 0; run < runs; run += 1) {
    const appendNs = systemClock.monotonicNs()
    await Promise.all(names.map((tenant) => ledgers.get(tenant).append({ own: { event: { run } } })))
    appends.push(perTenant(appendNs))
    const sealNs = systemClock.monotonicNs()
    await ledgers.seal()
    seals.push(perTenant(sealNs))
    const comeNs = systemClock.monotonicNs()
    await ledgers.open([`more-${run}`])
    comings.push(1e3 * secondsSince(comeNs))
    const goNs = systemClock.monotonicNs()
    await ledgers.shut(`more-${run}`)
    goings.push(1e3 * secondsSince(goNs))
    await ledgers.close()
    const reopenNs = systemClock.monotonicNs()
    ledgers = await open()
    reopens.push(perTenant(reopenNs))
  }
  await ledgers.close()
  yield figureOf('tenants.append', 'us/tenant', appends)
  yield figureOf('tenants.seal', 'us/tenant', seals)
  yield figureOf('tenants.open', 'us/tenant', reopens)
  yield figureOf('tenants.come', 'ms', comings)
  yield figureOf('tenants.go', 'ms', goings)
}
