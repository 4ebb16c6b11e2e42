// SPDX-License-Identifier: Apache-2.0

import type { MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { AdminService, tenantForm } from '@sealwatch/contract'
import { type Action, type Authorised, actions, newRequestId, type Principal } from '../access/index.ts'
import { apiError, connectErrorOf } from './errors.ts'
import type { ApiPorts } from './ports.ts'

type Methods = typeof AdminService.method

/** What each method of the control socket is to the gate; one that is missing here does not compile. */
export const adminActions = {
  getStatus: 'deployment:read',
  createJoinToken: 'host:invite',
  listAlerts: 'alert:list',
  listEvents: 'event:list',
  // It answers with a bundle.
  awaitEvent: 'event:export',
  export: 'event:export',
  getKeys: 'keys:read',
  rotateKeys: 'keys:rotate',
  rewrapKeys: 'keys:rotate',
  eraseSubject: 'subject:erase',
} as const satisfies { readonly [M in keyof Methods]: Action }

type Handler<M extends keyof Methods> = (
  by: Authorised<(typeof adminActions)[M]>,
  request: MessageShape<Methods[M]['input']>,
  context: HandlerContext,
) => Methods[M]['methodKind'] extends 'unary'
  ? Promise<MessageInitShape<Methods[M]['output']>>
  : AsyncIterable<MessageInitShape<Methods[M]['output']>>

export type AdminHandlers = { readonly [M in keyof Methods]: Handler<M> }

const defaultTenant = 'default'
/** The socket lies in a folder that only root may enter. */
const operator: Principal = { kind: 'operator', id: 'root' }

/** Each method passes the gate before anything else; what it throws is told in full. */
export function behindGate(
  { gate, ledgers }: Pick<ApiPorts, 'gate' | 'ledgers'>,
  handlers: AdminHandlers,
): ServiceImpl<typeof AdminService> {
  function authorise(name: keyof Methods, request: object): Authorised {
    const action = adminActions[name]
    const tenant = actions[action].of === 'deployment' ? 'cluster' : tenantOf(request)
    // Root may hear that there is none.
    ledgers.get(tenant)
    return gate.authorise(operator, action, { tenant, requestId: newRequestId() })
  }

  const rows = Object.entries(AdminService.method).map(([name, { methodKind }]) => {
    const handler = handlers[name as keyof Methods] as (by: Authorised, ...rest: [object, HandlerContext]) => unknown
    const call = (request: object, context: HandlerContext) =>
      handler(authorise(name as keyof Methods, request), request, context)
    const unary = async (request: object, context: HandlerContext) => {
      try {
        return await call(request, context)
      } catch (error) {
        throw connectErrorOf(error)
      }
    }
    async function* stream(request: object, context: HandlerContext) {
      try {
        yield* call(request, context) as AsyncIterable<unknown>
      } catch (error) {
        throw connectErrorOf(error)
      }
    }
    return [name, methodKind === 'unary' ? unary : stream]
  })
  return Object.fromEntries(rows) as ServiceImpl<typeof AdminService>
}

function tenantOf(request: { readonly tenant?: unknown }): string {
  const { tenant = '' } = request
  if (tenant === '') return defaultTenant
  if (typeof tenant !== 'string' || !tenantForm.test(tenant))
    throw apiError('API_INVALID', { attempted: 'reading the tenant', received: tenant })
  return tenant
}
