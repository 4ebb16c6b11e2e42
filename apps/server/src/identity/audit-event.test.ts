// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classify } from '@sealwatch/contract'
import { type AuditMatter, auditEvent } from './audit-event.ts'

const os = { name: 'Debian GNU/Linux', type_id: 200, type: 'Linux' }
const voice = { device: { uid: 'server', hostname: 'server', type_id: 0, type: 'Unknown', os }, version: '0.1.0' }

test('LOG-5: what the server itself writes into a ledger holds no secret, whoever said it', () => {
  const planted = 'hunter2-planted'
  const matter: AuditMatter = {
    code: 'host_revoked',
    component: 'identity',
    tenant: 'cluster',
    timeNs: 1n,
    about: 'host',
    kind: classify('lifecycle', 'stop'),
    severity: 'high',
    message: `the host was revoked: it ran mysql --password=${planted}`,
    members: { unmapped: { cause: `see https://h/?token=${planted}`, same_machine: [`PGPASSWORD=${planted} psql`] } },
  }
  const text = JSON.stringify(auditEvent(voice, matter))
  assert(!text.includes(planted), text)
  assert(text.includes('it ran mysql --password=[redacted]'))
  // @ts-expect-error a member without a class does not compile
  const unclassed: AuditMatter = { ...matter, members: { unmapped: { colour: 'red' } } }
  assert(unclassed)
})
