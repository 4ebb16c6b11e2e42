// SPDX-License-Identifier: Apache-2.0

import type { ConnectRouter, HandlerContext } from '@connectrpc/connect'
import { type JsonObject, parseCanonical } from '@sealwatch/base/json'
import {
  AdminService,
  type AwaitEventRequest,
  type ExportRequest,
  type ListRequest,
  limits,
  tenantForm,
} from '@sealwatch/contract'
import { type EntryQuery, type FoundEntry, findEntries } from './entries.ts'
import { apiError, connectErrorOf } from './errors.ts'
import { type ExportWhat, exportBundle } from './export.ts'
import { eraseSubject, eraseTenant, keysJson, rewrapKeys, rotateKeys } from './keys.ts'
import type { ApiPorts } from './ports.ts'
import { statusOf } from './status.ts'

const defaultTenant = 'default'
const findingClass = 2004
const awaitMsMax = 60_000
const nonceForm = /^[A-Za-z0-9_-]{8,128}$/
const timeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

/** The methods of AdminService. `stopping` ends the streams that would go on for ever. */
export function adminRoutes(ports: ApiPorts, stopping: AbortSignal): (router: ConnectRouter) => void {
  const untilDone = (context: HandlerContext) => AbortSignal.any([context.signal, stopping])

  async function* list(request: ListRequest, what: Pick<EntryQuery, 'classUids' | 'ownOnly'>, context: HandlerContext) {
    const signal = untilDone(context)
    let left = request.limit === 0 ? Number.POSITIVE_INFINITY : request.limit
    const query = {
      tenant: tenantOf(request.tenant),
      fromLeaf: 0,
      sinceMs: timeOf(request.since, 'since'),
      untilMs: timeOf(request.until, 'until'),
      ...what,
      follow: request.follow,
    }
    for await (const found of findEntries(ports, query, signal)) {
      yield entryMessage(query.tenant, found)
      if (--left <= 0) return
    }
  }

  return (router) =>
    router.service(AdminService, {
      getStatus: () => guarded(async () => ({ status: JSON.stringify(await statusOf(ports)) })),
      createJoinToken: ({ ttlSeconds, tenant }) =>
        guarded(async () => {
          if (ttlSeconds < 1 || ttlSeconds > limits.tokenTtlSecondsMax)
            throw apiError('API_INVALID', {
              attempted: 'creating a join token',
              received: `${ttlSeconds} s, of 1 to ${limits.tokenTtlSecondsMax}`,
            })
          return await ports.createJoinToken(tenantOf(tenant), ttlSeconds)
        }),
      listAlerts: (request, context) =>
        guardedStream(list(request, { classUids: [findingClass], ownOnly: true }, context)),
      listEvents: (request, context) =>
        guardedStream(list(request, { classUids: request.classUids, ownOnly: false }, context)),
      awaitEvent: (request, context) => guarded(() => awaitEvent(ports, request, untilDone(context))),
      export: (request, context) => guardedStream(exportOf(ports, request, untilDone(context))),
      getKeys: () => guarded(async () => ({ keys: keysJson(ports.keys) })),
      rotateKeys: (_request, context) => guardedStream(rotateKeys(ports.keys, untilDone(context))),
      rewrapKeys: (_request, context) => guardedStream(rewrapKeys(ports.keys, untilDone(context))),
      eraseSubject: (request) => guarded(() => eraseSubject(ports, tenantOf(request.tenant), request)),
      eraseTenant: (request) => guarded(() => eraseTenant(ports, tenantNamed(request.tenant))),
    })
}

async function* exportOf(ports: ApiPorts, request: ExportRequest, signal: AbortSignal) {
  const pieces = exportBundle(ports, tenantOf(request.tenant), whatOf(request.what), request.reveal, signal)
  for await (const { bytes, linesDone, linesTotal } of pieces)
    yield { data: bytes, linesDone: BigInt(linesDone), linesTotal: BigInt(linesTotal) }
}

function whatOf(what: ExportRequest['what']): ExportWhat {
  if (what.case === 'alert') return { alert: what.value }
  if (what.case === 'since') return { sinceMs: timeOf(what.value, 'since') ?? 0 }
  return { all: true }
}

async function awaitEvent(ports: ApiPorts, request: AwaitEventRequest, signal: AbortSignal) {
  const { nonce, timeoutMs, fromLeaf } = request
  if (!nonceForm.test(nonce) || timeoutMs > awaitMsMax)
    throw apiError('API_INVALID', { attempted: 'waiting for an event', received: `nonce ${nonce}, ${timeoutMs} ms` })
  const tenant = tenantOf(request.tenant)
  const over = new AbortController()
  const enough = ports.clock.sleep(timeoutMs, over.signal).then(() => over.abort())
  const query = {
    tenant,
    fromLeaf: Number(fromLeaf),
    sinceMs: undefined,
    untilMs: undefined,
    classUids: request.classUid === 0 ? [] : [request.classUid],
    ownOnly: false,
    follow: true,
  }
  try {
    for await (const found of findEntries(ports, query, AbortSignal.any([signal, over.signal]))) {
      if (!carries(found.line, request)) continue
      const committedNs = ports.clock.nowNs()
      const pieces: Uint8Array[] = []
      for await (const { bytes } of exportBundle(ports, tenant, { leaf: found.leafIndex }, false, signal))
        pieces.push(bytes)
      return { found: true, entry: entryMessage(tenant, found), bundle: Buffer.concat(pieces), committedNs }
    }
    return { found: false }
  } finally {
    over.abort()
    await enough
  }
}

function carries(line: Uint8Array, { nonce, site, activityId }: AwaitEventRequest): boolean {
  if (!Buffer.from(line.buffer, line.byteOffset, line.byteLength).includes(nonce)) return false
  const { event } = parseCanonical(Buffer.from(line).toString('utf8'), 'reading a line of the ledger') as {
    event: JsonObject
  }
  const seenBy = (event.unmapped as JsonObject | null | undefined)?.site
  return (activityId === 0 || event.activity_id === activityId) && (site === '' || seenBy === site)
}

function tenantOf(name: string): string {
  if (name === '') return defaultTenant
  if (!tenantForm.test(name)) throw apiError('API_INVALID', { attempted: 'reading the tenant', received: name })
  return name
}

/** Of what is destroyed the name must be given. */
function tenantNamed(name: string): string {
  if (name === '') throw apiError('API_INVALID', { attempted: 'reading the tenant', received: 'no name' })
  return tenantOf(name)
}

function timeOf(text: string, member: string): number | undefined {
  if (text === '') return undefined
  const ms = timeForm.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms))
    throw apiError('API_INVALID', { attempted: `reading ${member}`, received: text, advice: 'Give a time as RFC 3339' })
  return ms
}

const entryMessage = (tenant: string, { leafIndex, line, side }: FoundEntry) => ({
  tenant,
  leafIndex: BigInt(leafIndex),
  line,
  side: Buffer.from(side),
})

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw connectErrorOf(error)
  }
}

async function* guardedStream<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items
  } catch (error) {
    throw connectErrorOf(error)
  }
}
