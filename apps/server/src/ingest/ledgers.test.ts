// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog, systemClock, systemDisk } from '@sealwatch/base'
import { openOwnSigner } from '@sealwatch/keys'
import { openLedgers } from './ledgers.ts'

const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-ledgers-'))
const event = (i: number) => ({ own: { event: { i } } })

async function openIn(dir: string, tenants: readonly string[]) {
  return openLedgers({
    dir: join(dir, 'ledgers'),
    keysDir: join(dir, 'keys'),
    deployment: 'd1',
    tenants,
    labelKey: new Uint8Array(32),
    auditSigner: await openOwnSigner(join(dir, 'audit.key'), systemDisk),
    clock: systemClock,
    disk: systemDisk,
    log: createLog('test', () => undefined, systemClock.nowMs),
  })
}

test('POL-1 ledgers are opened and closed while others are appended to, sealed and published', async () => {
  await using dir = await temporary()
  const ledgers = await openIn(dir.path, ['cluster'])
  let busy = true
  const others = (async () => {
    for (let i = 0; busy; i += 1) {
      await ledgers.get('cluster').append(event(i))
      await ledgers.publish(0)
    }
  })()
  const names = Array.from({ length: 40 }, (_, i) => `t-${i}`)
  await ledgers.open(names)
  await ledgers.open(names)
  await Promise.all(names.map((name) => ledgers.get(name).append(event(0))))
  const gone = ledgers.get('t-7')
  await ledgers.shut('t-7')
  busy = false
  await others
  assert.deepEqual([gone.signed?.size, gone.size], [2, 2], 'what it holds is vouched for')
  await assert.rejects(gone.append(event(1)), { code: 'LEDGER_CLOSED', kind: 'unavailable' })
  assert.throws(() => ledgers.get('t-7'), { code: 'TENANT_UNKNOWN', kind: 'not_found' })
  assert.equal(ledgers.has('t-7'), false)
  assert.equal(ledgers.tenants.length, names.length)
  await ledgers.seal()
  await ledgers.close()

  // Of what was closed the root still knows how far it had grown: it cannot come back as less.
  await rm(join(dir.path, 'ledgers/tenant-t-7'), { recursive: true })
  const again = await openIn(dir.path, ['cluster', ...names.filter((name) => name !== 't-7')])
  assert.deepEqual([again.wasVouchedFor('t-7'), again.wasVouchedFor('new')], [true, false])
  await assert.rejects(again.open(['new', 't-7']), { code: 'LEDGER_BEHIND' })
  assert.deepEqual([again.has('new'), again.has('t-7')], [true, false])
  await again.close()
})
