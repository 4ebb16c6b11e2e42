// SPDX-License-Identifier: Apache-2.0
// docs/formats/orders.md, 3.

import { canonicalize, type Json, parseCanonical } from '@sealwatch/base'
import { openDsse, parseDsse, signDsse } from '../dsse.ts'
import { type Ed25519Signer, keyIdOf, verifyEd25519 } from '../ed25519.ts'
import { orderError } from './errors.ts'
import { hasOnly, isObject } from './form.ts'
import { isInTime, type OpenedOrder, type OrderStep, orderSteps } from './standing-order.ts'

export const commandType = 'application/vnd.sealwatch.command.v1+json'

/** The number of a process in the first namespace of the machine, and when it began, CLOCK_BOOTTIME in nanoseconds, decimal. */
type CommandProcess = { readonly pid: number; readonly start_ns: string }
/** `frees`: the protected process, which is to go on where it was left stopped. */
export type CommandEnds = CommandProcess & { readonly signal: 'SIGKILL'; readonly frees?: CommandProcess }

/** `kill`: this process; `kill_tree`: it, and what descends from it. */
export type Act = { readonly kill: CommandEnds } | { readonly kill_tree: CommandEnds }

/** As it is signed. */
export type Command = {
  readonly v: 1
  readonly host: string
  /** Digest of the standing order under which it is given. */
  readonly order: string
  /** Of this life of the hands: 32 hex digits. */
  readonly nonce: string
  /** Greater than that of every command before it. */
  readonly number: number
  /** CLOCK_BOOTTIME in nanoseconds, decimal: not later. */
  readonly until_ns: string
  readonly act: Act
  /** In defence of which protected entry. */
  readonly protects: string
  readonly incident: string
  /** For people. */
  readonly why: string
}

export const commandLimits = {
  lifeNs: 30_000_000_000n,
  /** UTF-16 units of an envelope. */
  envelopeUnitsMax: 8 * 1024,
  /** PID_MAX_LIMIT of Linux. */
  pidMax: 4_194_304,
  whyUnitsMax: 200,
} as const

declare const verified: unique symbol
/** A command that the guard gave under a standing order that counts, to these hands, now. Only `openCommand` makes one. */
export type OpenedCommand = {
  readonly command: Command
  readonly step: OrderStep
  readonly pid: number
  readonly startNs: bigint
  readonly frees: { readonly pid: number; readonly startNs: bigint } | undefined
  readonly [verified]: true
}

/** The envelope as it goes over the socket. */
export async function signCommand(command: Command, guard: Ed25519Signer): Promise<string> {
  const signer = { keyid: guard.keyId, sign: async (message: Uint8Array) => guard.sign(message) }
  const payload = Buffer.from(canonicalize(command))
  return canonicalize(await signDsse(commandType, payload, [signer], new AbortController().signal))
}

export type OpenCommandOptions = {
  readonly order: OpenedOrder
  readonly nonce: string
  /** Of the newest command that was taken; 0: none. */
  readonly last: number
  readonly bootNs: bigint
  readonly nowMs: number
}

/**
 * A command in its envelope. Throws JSON_NOT_CANONICAL, DSSE_MALFORMED, DSSE_UNVERIFIED, COMMAND_INVALID, COMMAND_UNKNOWN_ACT,
 * COMMAND_FOREIGN, ORDER_EXPIRED, ORDER_NOT_YET, COMMAND_REPLAYED, COMMAND_EXPIRED or COMMAND_OUT_OF_SCOPE. How often hands may act, who calls counts.
 */
export function openCommand(envelope: string, options: OpenCommandOptions): OpenedCommand {
  const attempted = 'reading a command'
  const refused = (code: Parameters<typeof orderError>[0], received: string) =>
    orderError(code, { attempted, received })
  const { order: opened, nonce, last, bootNs, nowMs } = options
  const { order, digest, guardKey } = opened
  if (envelope.length > commandLimits.envelopeUnitsMax)
    throw refused('COMMAND_INVALID', `${envelope.length} characters`)
  const verifier = {
    keyid: keyIdOf(guardKey),
    verify: (message: Uint8Array, signature: Uint8Array) => verifyEd25519(guardKey, message, signature),
  }
  const signed = parseDsse(parseCanonical(envelope, attempted), attempted)
  const { payload } = openDsse(signed, commandType, [verifier], attempted)
  const said = parseCanonical(Buffer.from(payload).toString('utf8'), attempted)
  const fault = faultIn(said)
  if (fault !== undefined) throw refused('COMMAND_INVALID', fault)
  const command = said as unknown as Command
  const target = targetIn(command.act as unknown as Json)
  if (target === undefined) throw refused('COMMAND_UNKNOWN_ACT', canonicalize(command.act))
  if (command.host !== order.host) throw refused('COMMAND_FOREIGN', `one for the host ${command.host}`)
  if (command.order !== digest) throw refused('COMMAND_FOREIGN', `one under the standing order ${command.order}`)
  const time = isInTime(opened, nowMs)
  if (time === 'ended') throw refused('ORDER_EXPIRED', order.expires_at)
  if (time === 'ahead') throw refused('ORDER_NOT_YET', order.issued_at)
  if (command.nonce !== nonce) throw refused('COMMAND_REPLAYED', 'the nonce of another life of the hands')
  if (command.number <= last) throw refused('COMMAND_REPLAYED', `number ${command.number} after ${last}`)
  const leftNs = BigInt(command.until_ns) - bootNs
  if (leftNs <= 0n) throw refused('COMMAND_EXPIRED', `one that ended ${-leftNs} ns ago`)
  if (leftNs > commandLimits.lifeNs) throw refused('COMMAND_EXPIRED', `one that would count for ${leftNs} ns`)
  if (!order.steps.includes(target.step))
    throw refused('COMMAND_OUT_OF_SCOPE', order.steps.length === 0 ? 'a withdrawn standing order' : target.step)
  if (!order.scope.includes('*') && !order.scope.includes(command.protects))
    throw refused('COMMAND_OUT_OF_SCOPE', `one in defence of ${command.protects}`)
  return { command, ...target } as OpenedCommand
}

const members = ['act', 'host', 'incident', 'nonce', 'number', 'order', 'protects', 'until_ns', 'v', 'why']
const decimalForm = /^(?:0|[1-9][0-9]{0,18})$/
const forms: Readonly<Record<string, RegExp>> = {
  host: /^[0-9a-f]{32}$/,
  order: /^[0-9a-f]{64}$/,
  nonce: /^[0-9a-f]{32}$/,
  until_ns: decimalForm,
  protects: /^[a-z0-9._-]{1,64}$/,
  incident: /^[A-Za-z0-9._:-]{1,64}$/,
}

/** What is not as clause 3 says, but for the act; undefined: nothing. */
function faultIn(said: Json): string | undefined {
  if (!isObject(said) || !hasOnly(said, members)) return 'other members'
  if (said.v !== 1) return 'another version of the form'
  const { number, why } = said
  if (!Number.isSafeInteger(number) || (number as number) < 1) return `number ${number}`
  if (typeof why !== 'string' || why.length > commandLimits.whyUnitsMax || !why.isWellFormed()) return 'no reason'
  return Object.keys(forms).find((member) => {
    const value = said[member]
    return typeof value !== 'string' || !(forms[member] as RegExp).test(value)
  })
}

function targetIn(act: Json): Pick<OpenedCommand, 'step' | 'pid' | 'startNs' | 'frees'> | undefined {
  if (!isObject(act)) return undefined
  const [step, ...more] = Object.keys(act)
  const ends = act[step ?? '']
  if (more.length > 0 || !orderSteps.includes(step as OrderStep)) return undefined
  if (!isObject(ends)) return undefined
  const { signal, frees: freed, ...whom } = ends
  const [target, frees] = [processIn(whom), freed === undefined ? undefined : processIn(freed)]
  if (signal !== 'SIGKILL' || target === undefined || (freed !== undefined && frees === undefined)) return undefined
  return { step: step as OrderStep, ...target, frees }
}

function processIn(said: Json): Pick<OpenedCommand, 'pid' | 'startNs'> | undefined {
  if (!isObject(said) || !hasOnly(said, ['pid', 'start_ns'])) return undefined
  const { pid, start_ns } = said
  if (!Number.isSafeInteger(pid) || (pid as number) < 1 || (pid as number) > commandLimits.pidMax) return undefined
  return typeof start_ns === 'string' && decimalForm.test(start_ns)
    ? { pid: pid as number, startNs: BigInt(start_ns) }
    : undefined
}
