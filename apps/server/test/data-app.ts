// SPDX-License-Identifier: Apache-2.0
// The routes about a tenant's data, asked by whatever principal a test names.

import { systemClock } from '@sealwatch/base'
import type { Action } from '../src/access/index.ts'
import { type Caller, type Route, serveRoutes } from '../src/api/http/index.ts'
import { type DataRoom, machine, quietLog } from './data-room.ts'

/** Asks as a token of the tenant that may do these. */
export function dataApp({ ports }: DataRoom, routes: readonly Route[]) {
  const app = serveRoutes({
    routes,
    gate: ports.gate,
    authenticate: async ({ headers }) => JSON.parse(String(headers['x-caller'])) as Caller,
    onDenied: () => undefined,
    idempotency: { once: (_of, work) => work() },
    limits: { perAddress: 1e6, perTenant: 1e6 },
    clock: systemClock,
    log: quietLog,
  })
  return (tenant: string, ...actions: readonly Action[]) => {
    const headers = { 'x-caller': JSON.stringify({ principal: machine(tenant, ...actions), tenant }) }
    return {
      get: (url: string) => app.inject({ url, headers }),
      post: (url: string, payload: object) => app.inject({ method: 'POST', url, headers, payload }),
    }
  }
}
