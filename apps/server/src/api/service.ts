// SPDX-License-Identifier: Apache-2.0

import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import {
  type AdminService,
  type AwaitEventRequest,
  type ExportRequest,
  type ListRequest,
  limits,
} from '@sealwatch/contract'
import { allOf, type Filter, filterProblemText, parseFilter, parseTime, term } from '@sealwatch/contract/filter'
import { type Authorised, actBy } from '../access/index.ts'
import { behindGate } from './admin-gate.ts'
import { type Reader, streamEntries } from './data/entries.ts'
import { type Entry, isObject } from './data/entry.ts'
import { type ExportWhat, exportBundle } from './data/export.ts'
import { alertsOnly, eventsOnly } from './data/filters.ts'
import { sideOf } from './data/sides.ts'
import { stretchesOf } from './data/stretches.ts'
import { apiError } from './errors.ts'
import { eraseSubject, keysJson, rewrapKeys, rotateKeys } from './keys.ts'
import type { ApiPorts } from './ports.ts'
import { statusOf } from './status.ts'

const awaitMsMax = 60_000
const nonceForm = /^[A-Za-z0-9_-]{8,128}$/

/** The methods of AdminService, each behind the gate. `stopping` ends the streams that would go on for ever. */
export function adminService(ports: ApiPorts, stopping: AbortSignal): ServiceImpl<typeof AdminService> {
  const untilDone = (context: HandlerContext) => AbortSignal.any([context.signal, stopping])
  return behindGate(ports, {
    getStatus: async () => ({ status: JSON.stringify(await statusOf(ports)) }),
    createJoinToken: async (by, { ttlSeconds }) => {
      if (ttlSeconds < 1 || ttlSeconds > limits.tokenTtlSecondsMax)
        throw apiError('API_INVALID', {
          attempted: 'creating a join token',
          received: `${ttlSeconds} s, of 1 to ${limits.tokenTtlSecondsMax}`,
        })
      const { token, expiresAt } = await ports.createJoinToken(actBy(by), by.tenant, ttlSeconds)
      return { token, expiresAt }
    },
    listAlerts: (by, request, context) => list(ports, by, request, alertsOnly, untilDone(context)),
    listEvents: (by, request, context) => list(ports, by, request, eventsOnly, untilDone(context)),
    awaitEvent: (by, request, context) => awaitEvent(ports, by, request, untilDone(context)),
    export: (by, request, context) => exportOf(ports, by, request, untilDone(context)),
    getKeys: async () => ({ keys: keysJson(ports.keys) }),
    rotateKeys: (by, _request, context) => rotateKeys(ports.keys, by, untilDone(context)),
    rewrapKeys: (_by, _request, context) => rewrapKeys(ports.keys, untilDone(context)),
    eraseSubject: async (by, { subject }) => eraseSubject(ports, by, subject),
  })
}

async function* list(ports: ApiPorts, by: Reader, request: ListRequest, only: Filter, signal: AbortSignal) {
  const { classUids, limit, follow } = request
  const ofClass = classUids.length === 0 ? only : allOf(only, term('class', 'in', ...classUids))
  const asked = allOf(ofClass, filterOf(request.filter))
  const [sinceMs, untilMs] = [timeOf(request.since, 'since'), timeOf(request.until, 'until')]
  const reveal = alsoReveal(ports, by)
  // Not waited for: what root wants to see of a machine whose disk is full, it sees.
  const recording = ports.recordReveal(reveal, only === alertsOnly ? 'alerts' : 'events')
  recording.catch((error: unknown) => ports.log.error('a look at personal values could not be recorded', { error }))
  let left = limit === 0 ? Number.POSITIVE_INFINITY : limit
  for (const stretch of await stretchesOf(ports, by, { filter: asked, sinceMs, untilMs, follow }, signal)) {
    for await (const entry of streamEntries(ports, by, stretch, signal)) {
      yield await messageOf(ports, reveal, entry)
      if (--left <= 0) return
    }
  }
}

async function* exportOf(ports: ApiPorts, by: Authorised<'event:export'>, request: ExportRequest, signal: AbortSignal) {
  const what = whatOf(request.what)
  const reveal = request.reveal ? alsoReveal(ports, by) : undefined
  await ports.recordExport(by, what, request.reveal)
  for await (const { bytes, linesDone, linesTotal } of exportBundle(ports, by, { what, reveal }, signal))
    yield { data: bytes, linesDone: BigInt(linesDone), linesTotal: BigInt(linesTotal) }
}

function whatOf(what: ExportRequest['what']): ExportWhat {
  if (what.case === 'alert') return { alert: what.value }
  if (what.case === 'incident') return { incident: what.value }
  if (what.case === 'since') return { sinceMs: timeOf(what.value, 'since') ?? 0 }
  return { all: true }
}

async function awaitEvent(
  ports: ApiPorts,
  by: Authorised<'event:export'>,
  request: AwaitEventRequest,
  signal: AbortSignal,
) {
  const { nonce, timeoutMs, fromLeaf, classUid } = request
  if (!nonceForm.test(nonce) || timeoutMs > awaitMsMax)
    throw apiError('API_INVALID', { attempted: 'waiting for an event', received: `nonce ${nonce}, ${timeoutMs} ms` })
  const reveal = alsoReveal(ports, by)
  const over = new AbortController()
  const enough = ports.clock.sleep(timeoutMs, over.signal).then(() => over.abort())
  const filter = classUid === 0 ? eventsOnly : allOf(eventsOnly, term('class', '=', classUid))
  const query = { filter, fromLeaf: Number(fromLeaf), follow: true }
  try {
    for await (const entry of streamEntries(ports, by, query, AbortSignal.any([signal, over.signal]))) {
      if (!carries(entry, request)) continue
      const committedNs = ports.clock.nowNs()
      const pieces: Uint8Array[] = []
      const what = { leaf: entry.leaf }
      for await (const { bytes } of exportBundle(ports, by, { what, reveal: undefined }, signal)) pieces.push(bytes)
      const found = await messageOf(ports, reveal, entry)
      return { found: true, entry: found, bundle: Buffer.concat(pieces), committedNs }
    }
    return { found: false }
  } finally {
    over.abort()
    await enough
  }
}

function carries({ line, event, activityId }: Entry, request: AwaitEventRequest): boolean {
  if (!Buffer.from(line.buffer, line.byteOffset, line.byteLength).includes(request.nonce)) return false
  const seenBy = isObject(event?.unmapped) ? event.unmapped.site : undefined
  return (
    (request.activityId === 0 || activityId === request.activityId) && (request.site === '' || seenBy === request.site)
  )
}

function timeOf(text: string, member: string): number | undefined {
  if (text === '') return undefined
  const ms = parseTime(text)
  if (ms === undefined)
    throw apiError('API_INVALID', { attempted: `reading ${member}`, received: text, advice: 'Give a time as RFC 3339' })
  return ms
}

function filterOf(text: string): Filter | undefined {
  if (text === '') return undefined
  const parsed = parseFilter(text)
  if ('filter' in parsed) return parsed.filter
  throw apiError('API_INVALID', { attempted: 'reading the filter', received: filterProblemText(parsed.problem) })
}

/** Whoever lists may also see the personal values, if the gate lets them. */
const alsoReveal = ({ gate }: ApiPorts, { principal, tenant, requestId }: Reader) =>
  gate.authorise(principal, 'event:reveal', { tenant, requestId })

async function messageOf(ports: ApiPorts, reveal: Authorised<'event:reveal'>, entry: Entry) {
  const side = await sideOf(ports, reveal, entry)
  const { leaf, line, mark } = entry
  return { tenant: reveal.tenant, leafIndex: BigInt(leaf), line, side: Buffer.from(side), mark: mark ?? '' }
}
