// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { draftOf, type GuardEvent } from '@sealwatch/contract'
import { ofDeployment } from './of-deployment.ts'
import { sampleGuardEvents } from './sample-events.ts'

test('RIM-3 what is told of an incident of the server, or of the signing proxy, stands in the ledger of the deployment, too; of nothing else', () => {
  const events = sampleGuardEvents()
  for (const event of Object.values(events)) assert.equal(ofDeployment(draftOf(event, 0n)), undefined)
  const named = (event: GuardEvent | undefined, name: string): GuardEvent =>
    JSON.parse(JSON.stringify(event).replaceAll('"name":"vault"', `"name":"${name}"`))
  for (const kind of ['guard-incident-opened', 'guard-incident-closed', 'guard-killed'])
    for (const name of ['server', 'signing-proxy', 'sealwatch-server']) {
      const draft = draftOf(named(events[kind], name), 5n)
      const also = ofDeployment(draft)
      assert.deepEqual([also?.event.metadata.tenant_uid, also?.timeNs], ['cluster', 5n])
      assert.deepEqual(also?.event.unmapped, draft.event.unmapped)
    }
  assert.equal(ofDeployment(draftOf(named(events['guard-protected'], 'server'), 0n)), undefined)
})
