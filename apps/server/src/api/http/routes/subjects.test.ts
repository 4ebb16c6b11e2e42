// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Authorised } from '../../../access/index.ts'
import type { ApiPorts } from '../../ports.ts'
import { subjectRoutes } from './subjects.ts'

test('a tenant that erases a person is not told how much others did in the deployment', async () => {
  const erased = { label: 'subject-1', leafIndex: 4711, subjectKeys: 2, tenantKeys: 0, firstLayout: false }
  const ports = { keys: { eraseSubject: async () => erased } } as unknown as ApiPorts
  const [erase] = subjectRoutes(ports)
  assert(erase !== undefined && 'action' in erase)
  const by = { tenant: 'acme', principal: { kind: 'operator', id: 'root' } } as Authorised
  const request = {
    requestId: 'req_1',
    headers: {},
    rawHeaders: [],
    address: undefined,
    signal: new AbortController().signal,
  }
  const answer = await erase.handle(by, { params: undefined, query: undefined, body: { name: 'alice' }, request })
  assert.deepEqual(answer, { label: 'subject-1', subject_keys: 2, first_layout: false })
})
