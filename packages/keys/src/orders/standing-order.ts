// SPDX-License-Identifier: Apache-2.0
// docs/formats/orders.md, 2.

import { hash } from 'node:crypto'
import { canonicalize, decodeBase64, type JsonObject, parseCanonical, parseRfc3339, rfc3339 } from '@sealwatch/base'
import { type AuthoritySigner, authorityMember, clockSlackMs, issuerOf, openSignedBy } from '../authority-signer.ts'
import { type DsseEnvelope, parseDsse, signDsse } from '../dsse.ts'
import { publicKeyOfSpki } from '../ed25519.ts'
import { orderError } from './errors.ts'
import { hasOnly, isObject } from './form.ts'

export const standingOrderType = 'application/vnd.sealwatch.standing-order.v1+json'

/** What hands can do; an order allows some of it, or nothing. */
export const orderSteps = ['kill', 'kill_tree'] as const
export type OrderStep = (typeof orderSteps)[number]

/** As it is signed, but for `authority`: the certificates of the CA that signed it. */
export type StandingOrder = {
  readonly v: 1
  /** Which host: `host_id`. */
  readonly host: string
  readonly tenant: string
  /** 32 hex digits: names this order. */
  readonly order: string
  /** Of this host's orders; each is greater than the one before. */
  readonly version: number
  /** SPKI in DER, base64: whose commands count. */
  readonly guard_key: string
  /** Empty: every earlier order is withdrawn. */
  readonly steps: readonly OrderStep[]
  /** Names of protected entries in whose defence hands act; `*`: of all. */
  readonly scope: readonly string[]
  readonly kills_a_minute: number
  /** RFC 3339, nine digits of a second; at most 30 days apart. */
  readonly issued_at: string
  readonly expires_at: string
}

export const orderLimits = {
  lifeMs: 30 * 24 * 3_600_000,
  killsAMinuteMax: 600,
  scopeMax: 256,
  /** UTF-16 units of an envelope. */
  envelopeUnitsMax: 64 * 1024,
} as const

declare const verified: unique symbol
/** A standing order that the CA of the deployment has signed. Only `openStandingOrder` makes one; whether it counts now, `isInTime` says. */
export type OpenedOrder = {
  readonly order: StandingOrder
  /** Hex SHA-256 of the payload: what commands name. */
  readonly digest: string
  /** Raw. */
  readonly guardKey: Uint8Array
  readonly envelope: string
  readonly [verified]: true
}

export function signStandingOrder(
  order: StandingOrder,
  signer: AuthoritySigner,
  signal: AbortSignal,
): Promise<DsseEnvelope> {
  const said = { ...order, authority: authorityMember(signer.chain) }
  return signDsse(standingOrderType, Buffer.from(canonicalize(said as unknown as JsonObject)), [signer], signal)
}

export type OpenOrderOptions = {
  /** How the fingerprint of the authority begins, as root was told it. */
  readonly pin: string
  /** Undefined: whichever it is for. */
  readonly host: string | undefined
  readonly nowMs: number
}

/**
 * A standing order in its envelope. Throws JSON_NOT_CANONICAL, DSSE_MALFORMED, DSSE_UNVERIFIED, ORDER_INVALID, ORDER_FOREIGN, ORDER_EXPIRED or
 * ORDER_NOT_YET.
 */
export function openStandingOrder(envelope: string, { pin, host, nowMs }: OpenOrderOptions): OpenedOrder {
  const attempted = 'reading a standing order'
  const wrong = (received: string) => orderError('ORDER_INVALID', { attempted, received })
  if (envelope.length > orderLimits.envelopeUnitsMax) throw wrong(`${envelope.length} characters`)
  const signed = parseDsse(parseCanonical(envelope, attempted), attempted)
  const issuer = issuerOf(signed, pin)
  if (issuer === undefined) throw wrong('one by another authority, or by none')
  const payload = openSignedBy(issuer, signed, standingOrderType, attempted)
  const said = parseCanonical(payload, attempted)
  if (!isObject(said) || !hasOnly(said, members)) throw wrong('other members')
  const { authority: _, ...order } = said as unknown as StandingOrder & { readonly authority: unknown }
  const fault = faultIn(order)
  if (fault !== undefined) throw wrong(fault)
  if (order.host !== (host ?? order.host))
    throw orderError('ORDER_FOREIGN', { attempted, received: `one for the host ${order.host}` })
  const nowText = rfc3339(BigInt(Math.trunc(nowMs)) * 1_000_000n)
  if (nowMs < issuer.validFromDate.getTime() || nowMs >= issuer.validToDate.getTime())
    throw orderError('ORDER_EXPIRED', {
      attempted,
      received: `one by a CA of ${issuer.validFrom} to ${issuer.validTo}`,
    })
  const guardKey = publicKeyOfSpki(decodeBase64(order.guard_key) as Uint8Array) as Uint8Array
  const opened = { order, digest: hash('sha256', payload, 'hex'), guardKey, envelope } as OpenedOrder
  const time = isInTime(opened, nowMs)
  if (time === 'ended') throw orderError('ORDER_EXPIRED', { attempted, received: `${order.expires_at}, at ${nowText}` })
  if (time === 'ahead') throw orderError('ORDER_NOT_YET', { attempted, received: `${order.issued_at}, at ${nowText}` })
  return opened
}

/** Whether it counts at this time. */
export function isInTime({ order }: OpenedOrder, nowMs: number): 'now' | 'ended' | 'ahead' {
  if (nowMs >= msOf(order.expires_at)) return 'ended'
  return nowMs < msOf(order.issued_at) - clockSlackMs ? 'ahead' : 'now'
}

const members = [
  'authority',
  'expires_at',
  'guard_key',
  'host',
  'issued_at',
  'kills_a_minute',
  'order',
  'scope',
  'steps',
  'tenant',
  'v',
  'version',
]
const hexForm = /^[0-9a-f]{32}$/
/** Of a protected entry (docs/formats/protect.md). */
const entryForm = /^[a-z0-9._-]{1,64}$/
const tenantForm = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/

/** What is not as clause 2 says; undefined: nothing. */
function faultIn(order: StandingOrder): string | undefined {
  const { v, host, tenant, order: id, version, guard_key, steps, scope, kills_a_minute, issued_at, expires_at } = order
  if (v !== 1) return 'another version of the form'
  const isText = (value: unknown, form: RegExp) => typeof value === 'string' && form.test(value)
  if (!isText(host, hexForm) || !isText(tenant, tenantForm) || !isText(id, hexForm)) return 'no host, tenant or id'
  if (!Number.isSafeInteger(version) || version < 1) return `version ${version}`
  const key = typeof guard_key === 'string' ? decodeBase64(guard_key) : undefined
  if (key === undefined || publicKeyOfSpki(key) === undefined) return 'no Ed25519 key of a guard'
  const isOnce = (list: unknown, max: number, is: (one: unknown) => boolean) =>
    Array.isArray(list) && list.length <= max && list.every(is) && new Set(list).size === list.length
  if (!isOnce(steps, orderSteps.length, (step) => orderSteps.includes(step as OrderStep))) return 'unknown steps'
  if (!isOnce(scope, orderLimits.scopeMax, (name) => name === '*' || isText(name, entryForm))) return 'no such scope'
  if (!Number.isSafeInteger(kills_a_minute) || kills_a_minute < 1 || kills_a_minute > orderLimits.killsAMinuteMax)
    return `${kills_a_minute} kills a minute`
  const [fromMs, toMs] = [msOf(issued_at), msOf(expires_at)]
  const isLife = fromMs < toMs && toMs - fromMs <= orderLimits.lifeMs
  return isLife ? undefined : `one from ${issued_at} until ${expires_at}`
}

/** NaN for what is no time. */
function msOf(text: unknown): number {
  const ns = typeof text === 'string' ? parseRfc3339(text) : undefined
  return ns === undefined ? Number.NaN : Number(ns / 1_000_000n)
}
