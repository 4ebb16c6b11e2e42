// SPDX-License-Identifier: Apache-2.0
// What guard and agent say to each other on RUN/guard/agent.sock. The agent brings what the guard has sealed to the server, and
// the guard what the server has signed for it: neither has to trust the other with more than to pass it on.

import { chainForm, limits, tenantForm } from '@sealwatch/contract'
import { type GuardMode, guardModes, type StepMode, stepModes } from '@sealwatch/contract/guard-config'
import { carriageError } from './errors.ts'

export const carriageLimits = {
  headerBytesMax: 2 * 1024 * 1024,
  /** A batch with its personal values. */
  bodyBytesMax: 4 * limits.batchBytesMax,
  chainsMax: 8,
  /** Of one side, without an answer. */
  requestsMax: 32,
  textMax: 400,
  /** Processes that the guard says it protects, and acts that it says it judged, at a time. */
  protectedMax: 8_192,
  namesMax: 64,
  judgedMax: 1_024,
  /** Paths, and of each the characters. */
  pathsMax: 512,
  pathMax: 1_024,
  /** Each side says so often at least that it lives. */
  aliveEveryMs: 2_000,
} as const

/** Where a chain of the guard stands. `tip`: leaf hash of the line before, hex; null: nobody knows it. */
export type CarriedPosition = {
  readonly chain: string
  readonly tenant: string
  readonly nextSeq: number
  readonly tip: string | null
  /** What of it the server is known to have. */
  readonly acknowledged: number
}

/** By what the guard hears of protected processes. */
export const guardTiers = ['events', 'polling', 'none'] as const
export type GuardTier = (typeof guardTiers)[number]

/** How the guard is, for /healthz, `status` and `doctor`. */
export type GuardReport = {
  readonly pid: number
  readonly mode: GuardMode
  readonly tier: GuardTier
  /** Processes that are protected now, and attempts on them that are open. */
  readonly protected: number
  readonly incidents: number
  /** Under which names, by name; the first `namesMax`. */
  readonly names: readonly { readonly name: string; readonly processes: number }[]
  /** Whether a suspect is ended. */
  readonly kill: StepMode
  /** Whether the kernel refuses who reaches for them, and why it cannot; null: it can. */
  readonly prevent: StepMode
  readonly preventsNothing: string | null
  /** null: this machine has none. */
  readonly hands: HandsReport | null
  /** Ed25519, 32 bytes in hex: by which it signs its commands. */
  readonly commandKey: string
  /** Of the newest configuration that it took; 0: none. */
  readonly configVersion: number
}

export type HandsReport = {
  readonly connected: boolean
  /** The standing order that they hold; `until`: RFC 3339. */
  readonly order: { readonly version: number; readonly digest: string; readonly until: string } | null
  /** Why they did not take the newest; null: they did. */
  readonly refused: string | null
}

/** What the server has signed for guard or hands, as it came. `identity`: PEM, the certificate of this host and those above it. */
export const deliveryKinds = ['host_config', 'standing_order'] as const
export type DeliveryKind = (typeof deliveryKinds)[number]
export type Delivery = { readonly kind: DeliveryKind; readonly envelope: string; readonly identity: string }

/** Who did what to whom (`judgedAct`), when first and last, and the id of what tells it. */
export type JudgedAct = readonly [act: string, fromNs: string, toNs: string, by: string]

/**
 * How far the guard has judged what the sensor told it of protected processes, and what of it an incident or an allowance tells.
 * `untilNs`: CLOCK_BOOTTIME, decimal.
 */
export type Judged = {
  readonly untilNs: string
  readonly acts: readonly JudgedAct[]
}

/** All whom the guard protects and sees, by pid and start; and, of the watch list, their key files and what they run. */
export type Protects = { readonly processes: readonly string[]; readonly paths: readonly string[] }

export type SideLength = { readonly seq: number; readonly bytes: number }

/** `batch`: behind it come its lines, then the values of each entry of `side`. */
export type GuardSays =
  | { readonly say: 'alive' }
  /** All that there are. */
  | { readonly say: 'chains'; readonly chains: readonly CarriedPosition[] }
  | { readonly say: 'grown'; readonly chain: string; readonly nextSeq: number; readonly tip: string | null }
  | { readonly say: 'state'; readonly state: GuardReport }
  | ({ readonly say: 'protects' } & Protects)
  | ({ readonly say: 'judged' } & Judged)
  | {
      readonly say: 'batch'
      readonly number: number
      readonly count: number
      readonly lineBytes: number
      readonly side: readonly SideLength[]
    }
  /** No batch of this chain begins there. */
  | { readonly say: 'no_batch'; readonly number: number }
  /** It was done; or not, and why. */
  | { readonly say: 'answer'; readonly number: number; readonly refused: string | null }

export type AgentAsks =
  | { readonly ask: 'alive' }
  /** Who this host is to its server. */
  | { readonly ask: 'host'; readonly host: string }
  | { readonly ask: 'read'; readonly number: number; readonly chain: string; readonly seq: number }
  /** The server has all of the chain before `nextSeq`. */
  | {
      readonly ask: 'acknowledge'
      readonly chain: string
      readonly nextSeq: number
      readonly checkpoint: string | null
    }
  /** The server has another history of the chain: it is to be set aside, and a new one to begin. */
  | { readonly ask: 'replace'; readonly number: number; readonly chain: string }
  | { readonly ask: 'deliver'; readonly number: number; readonly delivery: Delivery }

type Said = Readonly<Record<string, unknown>>
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isText = (value: unknown, max: number): value is string => typeof value === 'string' && value.length <= max
const isHex32 = (value: unknown) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
const isTip = (value: unknown) => value === null || isHex32(value)
const isChain = (value: unknown) => typeof value === 'string' && chainForm.test(value)
const isObject = (value: unknown): value is Said => typeof value === 'object' && value !== null && !Array.isArray(value)
const isListOf = (value: unknown, max: number, is: (one: unknown) => boolean): boolean =>
  Array.isArray(value) && value.length <= max && value.every(is)

const saidForms: Readonly<Record<GuardSays['say'], (said: Said) => boolean>> = {
  alive: () => true,
  chains: ({ chains }) => isListOf(chains, carriageLimits.chainsMax, isPosition),
  grown: ({ chain, nextSeq, tip }) => isChain(chain) && isCount(nextSeq) && isTip(tip),
  state: ({ state }) => isState(state),
  protects: ({ processes, paths }) =>
    isListOf(processes, carriageLimits.protectedMax, isKey) &&
    isListOf(paths, carriageLimits.pathsMax, (path) => isText(path, carriageLimits.pathMax)),
  judged: ({ untilNs, acts }) => isDecimal(untilNs) && isListOf(acts, carriageLimits.judgedMax, isJudgedAct),
  batch: ({ number, count, lineBytes, side }) =>
    [number, count, lineBytes].every(isCount) && isListOf(side, limits.batchLinesMax, isSide),
  no_batch: ({ number }) => isCount(number),
  answer: ({ number, refused }) => isCount(number) && (refused === null || isText(refused, carriageLimits.textMax)),
}

const askedForms: Readonly<Record<AgentAsks['ask'], (asked: Said) => boolean>> = {
  alive: () => true,
  host: ({ host }) => isText(host, carriageLimits.textMax),
  read: ({ number, chain, seq }) => isCount(number) && isChain(chain) && isCount(seq),
  acknowledge: ({ chain, nextSeq, checkpoint }) =>
    isChain(chain) && isCount(nextSeq) && (checkpoint === null || isText(checkpoint, carriageLimits.headerBytesMax)),
  replace: ({ number, chain }) => isCount(number) && isChain(chain),
  deliver: ({ number, delivery }) => isCount(number) && isDelivery(delivery),
}

function isPosition(value: unknown): boolean {
  if (!isObject(value)) return false
  const { chain, tenant, nextSeq, tip, acknowledged } = value
  return (
    isChain(chain) &&
    typeof tenant === 'string' &&
    tenantForm.test(tenant) &&
    isCount(nextSeq) &&
    isCount(acknowledged) &&
    isTip(tip)
  )
}

const isDecimal = (value: unknown) => typeof value === 'string' && /^\d{1,20}$/.test(value)
/** Two numbers: `keyOf`. */
const isKey = (value: unknown) => typeof value === 'string' && /^\d{1,20}:\d{1,20}$/.test(value)
const isJudgedAct = (value: unknown) =>
  Array.isArray(value) &&
  value.length === 4 &&
  [value[0], value[3]].every((text) => isText(text, carriageLimits.textMax)) &&
  [value[1], value[2]].every(isDecimal)

const isSide = (value: unknown): boolean => isObject(value) && isCount(value.seq) && isCount(value.bytes)

function isState(value: unknown): boolean {
  if (!isObject(value)) return false
  const { pid, mode, tier, protected: guarded, incidents, kill, hands, commandKey, configVersion } = value
  const { prevent, preventsNothing, names } = value
  return (
    [pid, guarded, incidents, configVersion].every(isCount) &&
    (guardModes as readonly unknown[]).includes(mode) &&
    (guardTiers as readonly unknown[]).includes(tier) &&
    isHex32(commandKey) &&
    [kill, prevent].every((step) => (stepModes as readonly unknown[]).includes(step)) &&
    (preventsNothing === null || isText(preventsNothing, carriageLimits.textMax)) &&
    isListOf(names, carriageLimits.namesMax, isName) &&
    (hands === null || isHands(hands))
  )
}

const isName = (value: unknown): boolean =>
  isObject(value) && isText(value.name, carriageLimits.textMax) && isCount(value.processes)

function isHands(value: unknown): boolean {
  if (!isObject(value)) return false
  const { connected, order, refused } = value
  const isRefusal = refused === null || isText(refused, carriageLimits.textMax)
  return typeof connected === 'boolean' && isRefusal && (order === null || isOrder(order))
}

const isOrder = (value: unknown): boolean =>
  isObject(value) && isCount(value.version) && isHex32(value.digest) && isText(value.until, carriageLimits.textMax)

function isDelivery(value: unknown): boolean {
  if (!isObject(value)) return false
  const { kind, envelope, identity } = value
  const { headerBytesMax } = carriageLimits
  return (
    (deliveryKinds as readonly unknown[]).includes(kind) &&
    isText(envelope, headerBytesMax) &&
    isText(identity, headerBytesMax)
  )
}

/** Throws CARRIAGE_MALFORMED. */
export const readGuardSays = (header: string): GuardSays => read<GuardSays>(header, 'say', saidForms)
/** Throws CARRIAGE_MALFORMED. */
export const readAgentAsks = (header: string): AgentAsks => read<AgentAsks>(header, 'ask', askedForms)

function read<T>(header: string, kind: string, forms: Readonly<Record<string, (said: Said) => boolean>>): T {
  const said = jsonIn(header)
  const name = isObject(said) ? String(said[kind]) : ''
  if (Object.hasOwn(forms, name) && forms[name]?.(said as Said) === true) return said as T
  throw carriageError('CARRIAGE_MALFORMED', { attempted: 'reading what came', received: header.slice(0, 100) })
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
