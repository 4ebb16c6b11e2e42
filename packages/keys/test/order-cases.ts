// SPDX-License-Identifier: Apache-2.0
// Standing orders and commands that must be taken or refused, and why (docs/formats/orders.md).

import { canonicalize, rfc3339 } from '@sealwatch/base'
import type { AuthoritySigner } from '../src/authority-signer.ts'
import { type DsseEnvelope, signDsse } from '../src/dsse.ts'
import { type Ed25519Signer, spkiOf } from '../src/ed25519.ts'
import {
  type Command,
  commandType,
  openStandingOrder,
  type StandingOrder,
  signStandingOrder,
} from '../src/orders/index.ts'

export const nowMs = Date.parse('2026-12-01T00:00:00Z')
export const host = 'a'.repeat(32)
export const nonce = 'c'.repeat(32)
export const bootNs = 5_000_000_000_000n
const never = new AbortController().signal
const dayMs = 86_400_000
const at = (ms: number) => rfc3339(BigInt(nowMs + ms) * 1_000_000n)

export const orderOf = (guard: Ed25519Signer, change: object = {}): StandingOrder => ({
  v: 1,
  host,
  tenant: 'default',
  order: 'b'.repeat(32),
  version: 3,
  guard_key: spkiOf(guard.publicKey).toBase64(),
  steps: ['kill', 'kill_tree'],
  scope: ['*'],
  kills_a_minute: 30,
  issued_at: at(0),
  expires_at: at(30 * dayMs),
  ...change,
})

export const textOf = (envelope: DsseEnvelope): string => canonicalize(envelope)

export const signedOrder = async (order: StandingOrder, signer: AuthoritySigner): Promise<string> =>
  textOf(await signStandingOrder(order, signer, never))

export type OrderCase = {
  readonly name: string
  readonly envelope: string
  readonly now_ms: number
  readonly host: string
  /** The digest that commands name; left out: it is refused. */
  readonly digest?: string
  readonly code?: string
}

type Signers = { readonly signer: AuthoritySigner; readonly foreign: AuthoritySigner; readonly guard: Ed25519Signer }

export async function orderCases({ signer, foreign, guard }: Signers, pin: string): Promise<OrderCase[]> {
  const refused = async (name: string, code: string, change: object, by = signer): Promise<OrderCase> => {
    const envelope = await signedOrder(orderOf(guard, change), by)
    return { name, envelope, now_ms: nowMs, host, code }
  }
  const taken = async (name: string, change: object): Promise<OrderCase> => {
    const envelope = await signedOrder(orderOf(guard, change), signer)
    const { digest } = openStandingOrder(envelope, { pin, host, nowMs })
    return { name, envelope, now_ms: nowMs, host, digest }
  }
  const sound = await taken('all that hands can do, for all entries', {})
  return [
    sound,
    await taken('one step, for two entries', { steps: ['kill'], scope: ['billing', 'sealwatch-server'] }),
    await taken('one that withdraws those before it', { steps: [], scope: [] }),
    await taken('issued by a clock that is four minutes ahead', { issued_at: at(4 * 60_000) }),
    await refused('over', 'ORDER_EXPIRED', { issued_at: at(-30 * dayMs), expires_at: at(0) }),
    await refused('issued by a clock that is six minutes ahead', 'ORDER_NOT_YET', { issued_at: at(6 * 60_000) }),
    await refused('for another host', 'ORDER_FOREIGN', { host: 'd'.repeat(32) }),
    await refused('longer than 30 days', 'ORDER_INVALID', { issued_at: at(-1) }),
    await refused('over before it began', 'ORDER_INVALID', { expires_at: at(-1) }),
    await refused('by another CA', 'ORDER_INVALID', {}, foreign),
    await refused(
      'by another CA under the name of ours',
      'DSSE_UNVERIFIED',
      {},
      { ...foreign, chain: signer.chain, keyid: signer.keyid },
    ),
    await refused('of a version that is to come', 'ORDER_INVALID', { v: 2 }),
    await refused('with a step that nobody knows', 'ORDER_INVALID', { steps: ['kill', 'reboot'] }),
    await refused('with a step twice', 'ORDER_INVALID', { steps: ['kill', 'kill'] }),
    await refused('without a limit', 'ORDER_INVALID', { kills_a_minute: 0 }),
    await refused('with too great a limit', 'ORDER_INVALID', { kills_a_minute: 601 }),
    await refused('with a name that no entry has', 'ORDER_INVALID', { scope: ['a b'] }),
    await refused('with a member more', 'ORDER_INVALID', { more: 1 }),
    await refused('with a key under which anybody signs', 'ORDER_INVALID', {
      guard_key: spkiOf(new Uint8Array(32)).toBase64(),
    }),
    { ...sound, name: 'that is not in canonical form', envelope: `${sound.envelope}\n`, code: 'JSON_NOT_CANONICAL' },
    { ...sound, name: 'that is none', envelope: '{}', code: 'DSSE_MALFORMED' },
  ].map(({ digest, ...one }) => (one.code === undefined ? { ...one, digest: digest ?? '' } : one))
}

export const commandOf = (order: string, change: object = {}): Command => ({
  v: 1,
  host,
  order,
  nonce,
  number: 8,
  until_ns: String(bootNs + 10_000_000_000n),
  act: { kill: { pid: 4242, start_ns: '4711000000000', signal: 'SIGKILL' } },
  protects: 'sealwatch-server',
  incident: '01J',
  why: 'reads the memory of sealwatch-server',
  ...change,
})

const kill = { pid: 4242, start_ns: '4711000000000', signal: 'SIGKILL' }
const frees = { pid: 900, start_ns: '1234000000000' }

export type CommandCase = {
  readonly name: string
  /** Under which of the orders of orders.json, by name. */
  readonly order: string
  readonly envelope: string
  readonly now_ms: number
  readonly boot_ns: string
  readonly nonce: string
  readonly last: number
  readonly code?: string
}

export async function commandCases(
  orders: readonly OrderCase[],
  guard: Ed25519Signer,
  foreign: Ed25519Signer,
): Promise<CommandCase[]> {
  const [all, some, none] = orders as [OrderCase, OrderCase, OrderCase]
  const by = async (
    name: string,
    { order = all, change = {}, signer = guard, code = undefined as string | undefined, ...more },
  ): Promise<CommandCase> => {
    const dsse = { keyid: guard.keyId, sign: async (message: Uint8Array) => signer.sign(message) }
    const payload = Buffer.from(canonicalize(commandOf(order.digest ?? '', change)))
    const envelope = textOf(await signDsse(commandType, payload, [dsse], never))
    const at = { now_ms: nowMs, boot_ns: String(bootNs), nonce, last: 7, ...more }
    return { name, order: order.name, envelope, ...at, ...(code !== undefined && { code }) }
  }
  const refused = (code: string, change: object, more: object = {}) => ({ code, change, ...more })
  return Promise.all([
    by('kill one process', {}),
    by('kill a process and what descends from it', { change: { act: { kill_tree: kill } } }),
    by('and let go on whom it had stopped', { change: { act: { kill: { ...kill, frees } } } }),
    by('in defence of an entry that the order names', { order: some, change: { protects: 'billing' } }),
    by('by another key', { signer: foreign, code: 'DSSE_UNVERIFIED' }),
    by('for another host', refused('COMMAND_FOREIGN', { host: 'd'.repeat(32) })),
    by('under another order', refused('COMMAND_FOREIGN', { order: '0'.repeat(64) })),
    by('with the nonce of another life', refused('COMMAND_REPLAYED', { nonce: 'd'.repeat(32) })),
    by('with a number that was', refused('COMMAND_REPLAYED', { number: 7 })),
    by('that is over', refused('COMMAND_EXPIRED', { until_ns: String(bootNs) })),
    by(
      'that would count for longer than 30 seconds',
      refused('COMMAND_EXPIRED', { until_ns: String(bootNs + 31_000_000_000n) }),
    ),
    by('of which the order is over', { code: 'ORDER_EXPIRED', now_ms: nowMs + 30 * dayMs }),
    by('before its order', { code: 'ORDER_NOT_YET', now_ms: nowMs - 6 * 60_000 }),
    by('a step that the order does not allow', {
      order: some,
      ...refused('COMMAND_OUT_OF_SCOPE', { protects: 'billing', act: { kill_tree: kill } }),
    }),
    by('in defence of what the order does not name', {
      order: some,
      ...refused('COMMAND_OUT_OF_SCOPE', { protects: 'other' }),
    }),
    by('under an order that withdraws', { order: none, ...refused('COMMAND_OUT_OF_SCOPE', {}) }),
    by('an act that nobody knows', refused('COMMAND_UNKNOWN_ACT', { act: { reboot: {} } })),
    by('two acts', refused('COMMAND_UNKNOWN_ACT', { act: { kill, kill_tree: kill } })),
    by('another signal', refused('COMMAND_UNKNOWN_ACT', { act: { kill: { ...kill, signal: 'SIGTERM' } } })),
    by('process 0', refused('COMMAND_UNKNOWN_ACT', { act: { kill: { ...kill, pid: 0 } } })),
    by('a group of processes', refused('COMMAND_UNKNOWN_ACT', { act: { kill: { ...kill, pid: -4242 } } })),
    by('without a start time', refused('COMMAND_UNKNOWN_ACT', { act: { kill: { ...kill, start_ns: '' } } })),
    by(
      'to let somebody go on by a name',
      refused('COMMAND_UNKNOWN_ACT', { act: { kill: { ...kill, frees: 'billing' } } }),
    ),
    by('number 0', refused('COMMAND_INVALID', { number: 0 }, { last: 0 })),
    by('with a member more', refused('COMMAND_INVALID', { more: 1 })),
    by('of a version that is to come', refused('COMMAND_INVALID', { v: 2 })),
    by('with too long a reason', refused('COMMAND_INVALID', { why: 'x'.repeat(201) })),
  ])
}
