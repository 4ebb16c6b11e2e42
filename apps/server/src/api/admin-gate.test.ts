// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { Code, ConnectError, createHandlerContext } from '@connectrpc/connect'
import { errorsOf } from '@sealwatch/base'
import { AdminService } from '@sealwatch/contract'
import { type Action, actionNames, type Denial, gateErrors } from '../access/index.ts'
import { type AdminHandlers, adminActions, behindGate } from './admin-gate.ts'

const denied = errorsOf(gateErrors)

test('POL-1: each method of the control socket asks the gate, as root, for one action in one tenant, before anything else', async () => {
  const asked: Denial[] = []
  const gate = {
    authorise: (
      principal: Denial['principal'],
      action: Denial['action'],
      at: { tenant: string; requestId: string },
    ) => {
      asked.push({ principal, action, ...at })
      throw denied('ACCESS_DENIED', { attempted: action })
    },
  }
  const reached = new Proxy({}, { get: () => () => assert.fail('a handler was reached') })
  const ledgers = { get: () => undefined }
  const service = behindGate({ gate, ledgers } as never, reached as AdminHandlers)
  for (const [name, method] of Object.entries(AdminService.method)) {
    const request = create(method.input, { tenant: 'acme' } as never)
    const signals = { service: AdminService, method, protocolName: 'connect', requestMethod: 'POST', url: '' }
    const call = service[name as keyof typeof service] as (request: object, context: object) => unknown
    const answer = async () => {
      const result = call(request, createHandlerContext(signals))
      if (method.methodKind === 'unary') await result
      else for await (const _one of result as AsyncIterable<unknown>);
    }
    await assert.rejects(
      answer(),
      (error) => error instanceof ConnectError && error.code === Code.PermissionDenied,
      name,
    )
  }
  assert.deepEqual(
    asked.map(({ action }) => action),
    Object.values(adminActions),
  )
  assert.ok(asked.every(({ action }) => actionNames.includes(action as Action)))
  assert.ok(asked.every(({ principal }) => principal.kind === 'operator' && principal.id === 'root'))
  const tenants = new Set(asked.map(({ tenant }) => tenant))
  assert.deepEqual([...tenants].sort(), ['acme', 'cluster'], "what is the deployment's is asked of the tenant cluster")
  assert.equal(new Set(asked.map(({ requestId }) => requestId)).size, asked.length)
})
