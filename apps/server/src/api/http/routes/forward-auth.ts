// SPDX-License-Identifier: Apache-2.0

import { contextOfProxy } from '@sealwatch/detect/request'
import { z } from 'zod'
import type { Requests } from '../../../detect/index.ts'
import { httpError, problemOf } from '../problems.ts'
import { Answer, type Route, route } from '../route.ts'

/** On the control socket there is no address: whoever asks is on this machine. */
const thisMachine = '127.0.0.1'

/** Asked by nginx (auth_request), Caddy (forward_auth) and Traefik (ForwardAuth) before they pass a request on (docs/middleware.md). */
export const forwardAuthRoutes = (requests: Requests): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/security/threats/forward-auth',
    id: 'forwardAuth',
    summary:
      'Judge a request that a proxy holds, named by X-Original-URI or X-Forwarded-Uri: 204 passes it, 403 blocks it',
    tag: 'security',
    action: 'threat:analyze',
    // Caddy leaves that of the request there: it is read where the proxy names the URI.
    query: z.looseObject({}),
    status: 204,
    errors: ['CONTEXT_SHAPE', 'CONTEXT_TOO_LARGE', 'REQUESTS_LIMITED', 'REQUEST_BLOCKED'],
    begin: async ({ tenant }) => requests.enter(tenant, 'proxy'),
    handle: async (by, { request }) => {
      const context = contextOfProxy(request.rawHeaders, request.address ?? thisMachine, by.tenant)
      const { action } = await requests.judge(by, context)
      const headers = { 'sealwatch-verdict': by.requestId, 'sealwatch-action': action }
      if (action !== 'block') return new Answer(undefined, { headers })
      const problem = problemOf(httpError('REQUEST_BLOCKED', { attempted: 'passing a request on' }), by.requestId)
      return new Answer(problem, {
        status: problem.status,
        headers: { ...headers, 'content-type': 'application/problem+json; charset=utf-8' },
      })
    },
  }),
]
