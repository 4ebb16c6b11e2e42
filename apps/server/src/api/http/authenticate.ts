// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from 'node:http'
import { noProxies, type Proxies } from '@sealwatch/base'
import { tenantForm } from '@sealwatch/contract'
import type { Access, Guesses, Principal } from '../../access/index.ts'
import type { TenantRegistry } from '../../tenants/index.ts'
import { httpError } from './problems.ts'
import type { Caller } from './route.ts'
import { addressOf } from './whence.ts'

/** Names the tenant that the operator acts in; of others it must repeat theirs. */
export const tenantHeader = 'sealwatch-tenant'
/** A proxy's own, for `Authorization` is its client's. */
const proxyTokenHeader = 'sealwatch-token'
const operator: Principal = { kind: 'operator', id: 'root' }
/** With an API token behind it, among the protocols of a WebSocket. */
const tokenProtocol = 'sealwatch.token.'
const bearerForm = /^Bearer ([\x21-\x7e]{1,512})$/
const tokenForm = /^[\x21-\x7e]{1,512}$/

/** What a browser's session says; undefined: the request brings none. Refused with ORIGIN_FOREIGN; throws CREDENTIALS_INVALID. */
export type SessionReader = (request: IncomingMessage) => Promise<Caller | undefined>

export type Tokens = Pick<Access['tokens'], 'principalOf'>
type TokenReader = (
  presented: string,
  from: { readonly source: string; readonly requestId: string },
) => Extract<Principal, { readonly kind: 'machine' }>

/** Whose API token it is. Throws CREDENTIALS_INVALID, or RATE_EXCEEDED where one address tries many. */
const tokenReader =
  (tokens: Tokens, guesses: Pick<Guesses, 'note'>): TokenReader =>
  (presented, { source, requestId }) => {
    const principal = tokens.principalOf(presented)
    if (principal?.kind === 'machine') return principal
    const waitMs = guesses.note({ cause: 'API_TOKEN_UNKNOWN', source, requestId })
    // One that is valid is never refused for what others guess from the same address.
    throw httpError(waitMs > 0 ? 'RATE_EXCEEDED' : 'CREDENTIALS_INVALID', {
      attempted: 'reading an API token',
      received: 'one that is not valid now',
      waitMs,
    })
  }

/** The same for whoever brings a header and no request of HTTP/1.1: the agents' port. */
export function bearerReader(tokens: Tokens, guesses: Pick<Guesses, 'note'>) {
  const readToken = tokenReader(tokens, guesses)
  return (header: string, from: Parameters<TokenReader>[1]) => readToken(bearerForm.exec(header)?.[1] ?? '', from)
}

/** Of requests that come over the network: a token, or a session. */
export function authenticateNetwork(
  tokens: Tokens,
  readSession: SessionReader,
  guesses: Pick<Guesses, 'note'>,
  proxies: Proxies = noProxies,
): (request: IncomingMessage, requestId: string) => Promise<Caller | undefined> {
  const readToken = tokenReader(tokens, guesses)
  return async (request, requestId) => {
    const presented = presentedToken(request)
    if (presented === undefined) {
      const caller = await readSession(request)
      // A page of another time, or of another tab, may think that it is elsewhere.
      const switched = caller && switchedFrom(request, caller.tenant)
      if (switched !== undefined) throw switched
      return caller
    }
    const principal = readToken(presented, { source: addressOf(request, proxies) ?? 'unknown', requestId })
    // A proxy hands on what its clients send: it would be denied for what any stranger calls a tenant, each time with a line.
    if (request.headers[proxyTokenHeader] !== undefined) return { principal, tenant: principal.tenant }
    const refused = switchedFrom(
      request,
      principal.tenant,
      `The token is of the tenant ${principal.tenant}: leave the other name out (Sealwatch-Tenant, --tenant), or bring a token of that tenant`,
    )
    // A page may be of another time; a token is of one tenant for good, so naming another is an attempt at it.
    return { principal, tenant: principal.tenant, refused }
  }
}

/** '': something that is no token. A browser's WebSocket takes no header but the protocols that it offers. */
function presentedToken({ headers }: IncomingMessage): string | undefined {
  const { authorization, upgrade, [proxyTokenHeader]: token, 'sec-websocket-protocol': protocols = '' } = headers
  if (token !== undefined) return typeof token === 'string' && tokenForm.test(token) ? token : ''
  if (authorization !== undefined) return bearerForm.exec(authorization)?.[1] ?? ''
  if (upgrade === undefined) return undefined
  const offered = protocols.split(',').map((protocol) => protocol.trim())
  return offered.find((protocol) => protocol.startsWith(tokenProtocol))?.slice(tokenProtocol.length)
}

/** Of requests on the control socket, whose folder lets in root alone: from root it is no secret which tenants there are. */
export const authenticateOperator =
  ({ checkOpen }: Pick<TenantRegistry, 'checkOpen'>) =>
  async (request: IncomingMessage): Promise<Caller> => {
    const tenant = namedTenant(request)
    if (tenant !== undefined) checkOpen(tenant, 'reading the tenant of a request')
    return { principal: operator, tenant: tenant ?? 'default' }
  }

function switchedFrom(request: IncomingMessage, tenant: string, advice?: string) {
  const named = namedTenant(request)
  if (named === undefined || named === tenant) return undefined
  const attempted = 'reading the tenant of a request'
  return httpError('TENANT_SWITCHED', { attempted, received: named, ...(advice === undefined ? {} : { advice }) })
}

function namedTenant(request: IncomingMessage): string | undefined {
  const named = request.headers[tenantHeader]
  if (named === undefined) return undefined
  if (typeof named === 'string' && tenantForm.test(named)) return named
  throw httpError('REQUEST_INVALID', { attempted: `reading ${tenantHeader}`, received: 'what is no name of a tenant' })
}
