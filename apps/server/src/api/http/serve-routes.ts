// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Clock,
  clientOf,
  createRate,
  createTurns,
  isSealwatchError,
  type Log,
  noProxies,
  type Proxies,
  type SealwatchError,
} from '@sealwatch/base'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { type Access, type Authorised, actions, nameOf, newRequestId } from '../../access/index.ts'
import type { NotFound } from './dashboard.ts'
import { type Idempotency, idempotencyKeyForm } from './idempotency.ts'
import { httpError, type Problem, problemOf, retryAfterOf } from './problems.ts'
import { formMedia, readForm } from './read-form.ts'
import { readJson } from './read-json.ts'
import {
  Answer,
  type Begin,
  bodyMaxText,
  bodyMaxUsual,
  type Caller,
  type RequestFacts,
  type Route,
  Upgrade,
} from './route.ts'
import { takeUpgrade } from './upgrades.ts'
import { addressOf, protocolOf } from './whence.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of a body: of objects, lists, and what stands in them. */
    readonly valuesMax?: number
    readonly isForm?: boolean
    /** The action that it takes to get there, or the route itself. */
    readonly action?: string
  }
}

export type ServeOptions = {
  readonly routes: readonly Route[]
  readonly gate: Access['gate']
  /**
   * Who asks; undefined: nobody that we know. Throws CREDENTIALS_INVALID or TENANT_SWITCHED where what came with the request
   * is wrong.
   */
  readonly authenticate: (request: IncomingMessage, requestId: string) => Promise<Caller | undefined>
  /** Takes note of what was denied to somebody known, and not by the gate, which does so itself. */
  readonly onDenied: Access['denials']['note']
  /** Throws where a request has a form that two readers may read as two. */
  readonly checkForm?: ((request: IncomingMessage) => void) | undefined
  readonly idempotency: Idempotency
  /** Through whom requests may come for others; without: nobody. */
  readonly proxies?: Proxies | undefined
  /** What a person is shown where nothing is; undefined: nothing but the problem. */
  readonly noSuchPage?: ((asked: NotFound) => Answer<unknown> | undefined) | undefined
  /**
   * Requests a second: of one address before anybody knows who it is, and of one tenant. And how many of one tenant are
   * under way at once.
   */
  readonly limits: { readonly perAddress: number; readonly perTenant: number; readonly atOncePerTenant?: number }
  readonly clock: Clock
  readonly log: Log
}

const KiB = 1024
const headersBytesMax = 16 * KiB
const requestTimeoutMs = 30_000
const keysMax = 50_000
const burstSeconds = 2
const atOncePerTenant = 64
/** Of bodies of one tenant, a second: to parse and to check them takes the time of the thread that answers everybody. */
const bodyKiBPerSecond = 1024
const beforeNextMs = 1_000
/** Lines of the log about denials. */
const toldOfAddress = { perSecond: 0.2, burst: 20, keysMax: 10_000 } as const

/** A policy for pages that load nothing from anywhere else and run no inline code. */
export const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"

export const securityHeaders = {
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
} as const

/** The server of all routes, not yet listening; the control socket and the network share it. */
export function serveRoutes(options: ServeOptions, app = bareServer()): FastifyInstance {
  const { routes, clock, log, limits, proxies = noProxies } = options
  const rate = (perSecond: number) => createRate(clock, { perSecond, burst: perSecond * burstSeconds, keysMax })
  const ofAddress = rate(limits.perAddress)
  const ofTenant = rate(limits.perTenant)
  const ofBodies = rate(bodyKiBPerSecond)
  const turns = createTurns()
  const told = createRate(clock, toldOfAddress)
  const callers = new WeakMap<FastifyRequest, Caller>()
  const passed = new WeakMap<FastifyRequest, Authorised>()

  /** Whoever is denied does not fill the log: what matters is in the ledger, with its number. */
  const isTold = (status: number, { raw }: FastifyRequest) =>
    told.take(`${status} ${clientOf(addressOf(raw, proxies))}`) === 0
  const isRoot = ({ raw }: FastifyRequest) => addressOf(raw, proxies) === undefined
  app.setErrorHandler((error, request, reply) => {
    noteDenial(error, request)
    return answerProblem({ log, isTold, isRoot }, request, reply, translated(error, request))
  })
  app.setNotFoundHandler((request, reply) => {
    const facts = new Facts(request, reply, proxies)
    const path = request.url.split('?', 1)[0] ?? ''
    const page = options.noSuchPage?.({ method: request.method, path, request: facts })
    if (page !== undefined)
      return reply
        .status(page.status ?? 404)
        .headers({ ...page.headers } as Record<string, string>)
        .send(page.body)
    return answerProblem(
      { log, isTold, isRoot },
      request,
      reply,
      httpError('ROUTE_UNKNOWN', { attempted: 'finding a route', received: request.method }),
    )
  })
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ ...securityHeaders, 'x-request-id': request.id })
    if (protocolOf(request.raw, proxies) === 'https') reply.header('strict-transport-security', 'max-age=31536000')
    // On the control socket there is root alone.
    const address = addressOf(request.raw, proxies)
    if (address !== undefined) checkRate(ofAddress.take(clientOf(address)))
    options.checkForm?.(request.raw)
  })

  for (const one of routes) {
    const schemas = { params: one.params, query: one.query, body: one.body }
    const bodyMax = one.bodyMax ?? bodyMaxUsual
    app.route({
      method: one.method,
      url: one.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      bodyLimit: bodyMax.bytes,
      config: {
        valuesMax: bodyMax.values,
        isForm: one.isForm === true,
        action: 'action' in one ? one.action : one.id,
      },
      // Before anything of a body is read: what a stranger sends is not kept, and what a tenant sends slowly is its own matter.
      onRequest: async (request, reply) => {
        if ('open' in one) return
        const caller = await options.authenticate(request.raw, request.id)
        if (caller === undefined)
          throw httpError('CREDENTIALS_INVALID', {
            attempted: `${one.method} ${one.path}`,
            received: 'no session and no token',
          })
        callers.set(request, caller)
        if ('action' in one && one.begin !== undefined) return letIn(one, one.begin, caller, request, reply)
        checkRate(ofTenant.take(caller.tenant))
        if (caller.refused !== undefined) throw caller.refused
        takeTurn(one, caller, reply)
        if ('self' in one) callers.set(request, sessionOf(one, caller))
        else {
          passed.set(request, authorised(one.action, caller, request.id))
        }
        checkRate(ofBodies.take(caller.tenant, Math.ceil(bytesTold(request.raw, bodyMax.bytes) / KiB)))
      },
      handler: async (request, reply) => {
        const input = { ...read(schemas, request), request: new Facts(request, reply, proxies) }
        if ('open' in one) return send(one, reply, await one.handle(input))
        if ('self' in one) return send(one, reply, await one.handle(known(callers, request), input))
        return act(one, known(passed, request), input, request, reply)
      },
    })
  }
  return app

  function authorised(action: keyof typeof actions, caller: Caller, requestId: string): Authorised {
    return options.gate.authorise(caller.principal, action, { tenant: tenantFor(action, caller), requestId })
  }

  /** Whoever the room behind knows has its bounds; anybody else those of its tenant. */
  async function letIn(
    { action, bodyMax = bodyMaxUsual }: Extract<Route, { action: unknown }>,
    begin: Begin,
    caller: Caller,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    let by: Authorised
    try {
      if (caller.refused !== undefined) throw caller.refused
      by = authorised(action, caller, request.id)
    } catch (error) {
      checkRate(ofTenant.take(caller.tenant))
      throw error
    }
    passed.set(request, by)
    const bytes = bytesTold(request.raw, bodyMax.bytes)
    const onGone = (listener: () => void) => void (reply.raw.closed ? listener() : reply.raw.once('close', listener))
    onGone(await begin(by, { bytes, close: () => reply.header('connection', 'close'), onGone }))
  }

  function noteDenial(error: unknown, request: FastifyRequest): void {
    const caller = callers.get(request)
    if (caller === undefined || !isSealwatchError(error) || error.code === 'ACCESS_DENIED') return
    if (error !== caller.refused && problemOf(error, request.id).status !== 403) return
    const { principal, tenant } = caller
    const { action = '' } = request.routeOptions.config
    options.onDenied({ principal, tenant, action, code: error.code, requestId: request.id })
  }

  /** Held until the answer is out, or its reader gone. */
  function takeTurn({ id, atOnceMax }: Route, { tenant }: Caller, reply: FastifyReply): void {
    const kinds = [[tenant, limits.atOncePerTenant ?? atOncePerTenant] as const]
    if (atOnceMax !== undefined) kinds.push([`${tenant} ${id}`, atOnceMax])
    for (const [key, max] of kinds) {
      const leave = turns.enter(key, max)
      if (leave === undefined) checkRate(beforeNextMs)
      else reply.raw.once('close', leave)
    }
  }

  /** A write may come twice, with the same key: it is done once. */
  async function act(
    one: Extract<Route, { action: unknown }>,
    by: Authorised,
    input: Parameters<typeof one.handle>[1],
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<unknown> {
    const { 'idempotency-key': key } = request.headers
    // What is sent as it is made cannot be kept, and changes nothing. What a room lets in is a producer's: it says itself what came
    // before, and would use up the keys of all others of its tenant.
    if (one.method === 'GET' || key === undefined || one.media !== undefined || one.begin !== undefined) {
      const result = await one.handle(by, input)
      return result instanceof Upgrade ? upgrade(result, request, reply) : send(one, reply, result)
    }
    if (typeof key !== 'string' || !idempotencyKeyForm.test(key))
      throw httpError('REQUEST_INVALID', {
        attempted: 'reading Idempotency-Key',
        received: 'other than 8 to 128 printable characters',
      })
    const wanted = JSON.stringify([one.method, one.path, input.params, input.query, input.body])
    const of = { tenant: by.tenant, principal: nameOf(by.principal), key, request: wanted }
    const { status, body } = await options.idempotency.once(of, async () => {
      const result = await one.handle(by, input)
      const { status, body, headers } = shaped(one, result)
      reply.headers(headers)
      return { status, body: body === undefined ? '' : JSON.stringify(body), keep: one.showsSecret !== true }
    })
    return reply
      .status(status)
      .type('application/json; charset=utf-8')
      .send(body === '' ? undefined : body)
  }
}

/** From here on the socket is somebody else's. */
function upgrade({ accept }: Upgrade, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const taken = takeUpgrade(request.raw)
  if (taken === undefined)
    throw httpError('UPGRADE_NEEDED', { attempted: 'opening a WebSocket', received: 'a plain GET' })
  reply.hijack()
  accept(request.raw, taken.socket, taken.head)
  return reply
}

/** Whoever has no session has nothing of it to change. */
function sessionOf({ method, path }: Route, caller: Caller): Caller {
  if (method === 'GET' || caller.principal.kind === 'person') return caller
  throw httpError('CREDENTIALS_INVALID', { attempted: `${method} ${path}`, received: 'no session' })
}

/** What the request was found to be before its body was read. */
function known<T>(found: WeakMap<FastifyRequest, T>, request: FastifyRequest): T {
  const one = found.get(request)
  assert(one !== undefined, 'no handler runs for whom nobody let through')
  return one
}

/** A deployment's matter is one of the tenant `cluster`: root need not name it, everybody else must act there. */
const tenantFor = (action: keyof typeof actions, { principal, tenant }: Caller) =>
  principal.kind === 'operator' && actions[action].of === 'deployment' ? 'cluster' : tenant

export function bareServer(): FastifyInstance {
  const app = Fastify({
    bodyLimit: bodyMaxUsual.bytes,
    requestTimeout: requestTimeoutMs,
    http: { maxHeaderSize: headersBytesMax },
    genReqId: newRequestId,
    requestIdHeader: false,
    logger: false,
    // A path that cannot be read never comes to a hook.
    frameworkErrors: (error, request, reply) => {
      reply.headers({ ...securityHeaders, 'x-request-id': request.id })
      void sendProblem(reply, problemOf(translated(error), request.id))
    },
    routerOptions: { maxParamLength: 256 },
    // Our schemas read the input; what goes out is what the route made.
    ajv: { customOptions: {} },
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  })
  app.removeContentTypeParser('application/json')
  const readers = { 'application/json': readJson, [formMedia]: readForm }
  for (const [media, reader] of Object.entries(readers))
    app.addContentTypeParser(media, { parseAs: 'string' }, async (request: FastifyRequest, body: string) => {
      const { valuesMax = bodyMaxUsual.values, isForm = false } = request.routeOptions.config
      // A form is what a page of elsewhere can send without being asked first: where none is waited for, none is read.
      if (isForm !== (media === formMedia))
        throw httpError('REQUEST_INVALID', { attempted: 'reading the body', received: `a body of ${media}` })
      if (body === '' && media !== formMedia)
        throw httpError('REQUEST_INVALID', {
          attempted: 'reading the body',
          received: `no body, and a Content-Type of ${media}`,
          advice: 'Leave Content-Type out where there is no body',
        })
      return reader(body, valuesMax)
    })
  return app
}

/** How much of a body is coming: where that is not told, as much as may. What is told to be more is not read at all. */
function bytesTold({ method, headers }: IncomingMessage, bytesMax: number): number {
  const { 'content-length': told, 'transfer-encoding': pieces } = headers
  if (method === 'GET' || (told === undefined && pieces === undefined)) return 0
  return Math.min(told === undefined ? bytesMax : Number(told), bytesMax)
}

function checkRate(waitMs: number): void {
  if (waitMs > 0) throw httpError('RATE_EXCEEDED', { attempted: 'taking a request', waitMs })
}

/**
 * A class, for a getter in an object literal would make V8 a hidden class for each request, which holds the whole request
 * until the next full collection.
 */
class Facts implements RequestFacts {
  readonly requestId: string
  readonly headers: RequestFacts['headers']
  readonly rawHeaders: readonly string[]
  readonly address: string | undefined
  readonly #response: ServerResponse
  #gone: AbortController | undefined

  constructor(request: FastifyRequest, reply: FastifyReply, proxies: Proxies) {
    this.requestId = request.id
    this.headers = request.headers
    this.rawHeaders = request.raw.rawHeaders
    this.address = addressOf(request.raw, proxies)
    this.#response = reply.raw
  }

  /** Made when asked for: few routes ask, and making one costs as much as a route that does little. */
  get signal(): AbortSignal {
    if (this.#gone !== undefined) return this.#gone.signal
    const controller = new AbortController()
    this.#gone = controller
    // A request that was read whole is closed, too: what goes away with its client is the answer.
    if (this.#response.closed) controller.abort()
    else this.#response.once('close', () => controller.abort())
    return controller.signal
  }
}

class Refused extends Error {
  readonly problems: NonNullable<Problem['problems']>
  constructor(problems: NonNullable<Problem['problems']>) {
    super('the request has another form')
    this.problems = problems
  }
}

const problemsMax = 32

function read(
  schemas: {
    readonly params: z.ZodType | undefined
    readonly query: z.ZodType | undefined
    readonly body: z.ZodType | undefined
  },
  request: FastifyRequest,
): { params: unknown; query: unknown; body: unknown } {
  const problems: { at: string; rule: string }[] = []
  const part = (name: 'params' | 'query' | 'body') => {
    const schema = schemas[name]
    const value = request[name] as unknown
    if (schema === undefined) {
      if (name === 'query' && Object.keys(value as object).length > 0)
        problems.push({ at: 'query', rule: `no such parameter: ${Object.keys(value as object)[0]?.slice(0, 40)}` })
      return undefined
    }
    const result = schema.safeParse(value ?? undefined)
    if (result.success) return result.data
    for (const { path, message } of result.error.issues)
      problems.push({ at: [name, ...path.map(String)].join('.').slice(0, 200), rule: message.slice(0, 400) })
    return undefined
  }
  const input = { params: part('params'), query: part('query'), body: part('body') }
  if (problems.length > 0) throw new Refused(problems.slice(0, problemsMax))
  return input
}

function shaped(
  one: Route,
  result: unknown,
): { status: number; body: unknown; headers: Record<string, string | string[]> } {
  const isMore = result instanceof Answer
  const body: unknown = isMore ? result.body : result
  const status = (isMore ? result.status : undefined) ?? one.status ?? (body === undefined ? 204 : 200)
  return { status, body, headers: isMore ? ({ ...result.headers } as Record<string, string | string[]>) : {} }
}

function send(one: Route, reply: FastifyReply, result: unknown): FastifyReply {
  const { status, body, headers } = shaped(one, result)
  reply.status(status).headers(headers)
  if (one.media !== undefined) return reply.type(one.media).send(body)
  if (body === undefined) return reply.send()
  if (!reply.hasHeader('content-type')) reply.type('application/json; charset=utf-8')
  return reply.send(JSON.stringify(body))
}

/** Fastify's own errors are about the request's form. What is too large hears of the limits of its route, where it has come to one. */
function translated(error: unknown, request?: FastifyRequest): unknown {
  const { statusCode, code } = error as { readonly statusCode?: number; readonly code?: string }
  if (statusCode === 413 || isSealwatchError(error, 'REQUEST_TOO_LARGE')) return tooLarge(error, request)
  if (isSealwatchError(error) || error instanceof Refused || statusCode === undefined || statusCode >= 500) return error
  const attempted = 'reading the request'
  if (statusCode === 414 || statusCode === 431) return httpError('REQUEST_TOO_LARGE', { attempted })
  return httpError('REQUEST_INVALID', { attempted, received: code ?? String(statusCode) })
}

function tooLarge(cause: unknown, request?: FastifyRequest): SealwatchError {
  const { bodyLimit: bytes = bodyMaxUsual.bytes, config } = request?.routeOptions ?? {}
  const told = request?.headers['content-length']
  return httpError('REQUEST_TOO_LARGE', {
    attempted: 'reading the body',
    shown: isSealwatchError(cause) ? cause.received : told === undefined ? 'more bytes' : `${told} bytes`,
    advice: `Send at most ${bodyMaxText({ bytes, values: config?.valuesMax ?? bodyMaxUsual.values })} here`,
    cause,
  })
}

type Telling = {
  readonly log: Log
  readonly isTold: (status: number, request: FastifyRequest) => boolean
  /** It came in by the control socket. */
  readonly isRoot: (request: FastifyRequest) => boolean
}

function answerProblem(
  { log, isTold, isRoot }: Telling,
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
): FastifyReply {
  const refused = error instanceof Refused ? error : undefined
  const cause =
    refused === undefined
      ? error
      : httpError('REQUEST_INVALID', { attempted: 'reading the request', advice: 'Correct what `problems` names' })
  const problem = problemOf(cause, request.id, refused?.problems, isRoot(request))
  reply.headers(retryAfterOf(cause, problem))
  const facts = { request_id: request.id, method: request.method, code: problem.code }
  if (problem.status >= 500 && problem.code !== 'NOT_AVAILABLE') log.error('a request failed', { ...facts, error })
  else if ((problem.status === 401 || problem.status === 403) && isTold(problem.status, request))
    log.warn('a request was denied', { ...facts, error })
  return sendProblem(reply, problem)
}

const sendProblem = (reply: FastifyReply, problem: Problem): FastifyReply =>
  reply.status(problem.status).type('application/problem+json').send(JSON.stringify(problem))
