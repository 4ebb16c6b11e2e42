// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog, type JsonObject } from '@sealwatch/base'
import { heedIncidents } from './heed-incidents.ts'
import type { KeyOrder, KeyOrders } from './key-orders.ts'

const opened = readFileSync(join(import.meta.dirname, '../../../../vectors/events/guard-incident-opened.json'), 'utf8')
const os = { name: 'Linux', type_id: 200, type: 'Linux' }
const device = { uid: 'd1', hostname: 'here', type_id: 0, type: 'Unknown', boot_uid: 'boot', os }

type Change = { bootUid?: string; severity?: number; refused?: number; code?: string; answers?: string[] }

function told(
  incident: string,
  name: string,
  { bootUid = 'boot', severity = 5, refused = 0, code = 'guard_incident_opened', ...more }: Change = {},
): JsonObject {
  const { unmapped, device: of, metadata, ...event } = JSON.parse(opened) as Record<string, JsonObject>
  const reached = { ptrace_seize: { count: 1, refused } }
  const guard_incident = { ...(unmapped?.guard_incident as JsonObject), incident, name, reached, ...more }
  return {
    ...event,
    severity_id: severity,
    metadata: { ...metadata, event_code: code },
    device: { ...of, boot_uid: bootUid },
    unmapped: { guard_incident },
  }
}

test('RIM-4 an incident of the server here, or of a signing proxy, that came with the ledger has keys wiped and rotated; others do not', async () => {
  const orders: string[] = []
  const heed = heedIncidents({
    keyOrders: {
      evict: async ({ incident, source }: KeyOrder) => orders.push(`evict ${incident} ${source}`),
      order: async ({ incident }: KeyOrder) => void orders.push(`rotate ${incident}`),
    } as unknown as KeyOrders,
    guarded: { decides: (incident) => incident === 'heard' },
    voice: { device, version: '0' },
    log: createLog(
      'test',
      () => undefined,
      () => 0,
    ),
  })
  for (const event of [
    told('elsewhere', 'server', { bootUid: 'another' }),
    told('vault', 'vault'),
    told('looked', 'server', { severity: 3 }),
    told('refused', 'server', { refused: 1 }),
    told('over', 'server', { code: 'guard_incident_closed' }),
    told('heard', 'server'),
    told('observed', 'server', { answers: [] }),
    { ...told('odd', 'server'), unmapped: { guard_incident: { incident: 1, name: 'server', reached: [] } } },
    { metadata: null, unmapped: 'text' },
  ])
    await heed(event)
  assert.deepEqual(orders, [])
  await heed(told('ours', 'server'))
  await heed(told('graver', 'server', { code: 'guard_incident_updated' }))
  await heed(told('proxy', 'signing-proxy', { bootUid: 'another' }))
  const both = (incident: string) => [`evict ${incident} ledger`, `rotate ${incident}`]
  assert.deepEqual(orders.splice(0), [...both('ours'), ...both('graver'), ...both('proxy')])
  await heed(told('kept', 'server', { answers: ['kill', 'evict'] }))
  assert.deepEqual(orders, ['evict kept ledger'], 'nothing is done that the guard was told not to do')
})
