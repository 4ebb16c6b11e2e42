// SPDX-License-Identifier: Apache-2.0
// Network policies that are to be enforced, in the hands of the sensor (docs/formats/frame.md, 10): told as one table, followed as
// long as this agent says so again.

import { hash } from 'node:crypto'
import { type Clock, createBell, type Log } from '@sealwatch/base'
import type { PolicyHindrance } from '@sealwatch/contract'
import { type NetworkTable, networkTableOf } from '@sealwatch/detect/policy'
import type { SensorMessage } from '../sources/observation.ts'
import type { SensorConnection } from '../sources/sensor-socket.ts'
import type { PolicyInForce } from './in-force.ts'
import type { Denial } from './judge.ts'
import { holdOrder, liftOrder, type TableSecret, tableOrder } from './table-order.ts'

/** Who is denied something by a policy is not kept from it for longer than this after its agent is gone. */
export const holdSeconds = 30
const renewMs = 5_000
const lookMs = 1_000
/** Tables whose denials may still be on their way. */
const rememberedMax = 8

export type EnforcerOptions = {
  /** To the sensor that is connected now; whether there is one. */
  readonly tell: (order: Uint8Array) => boolean
  /** Names of accounts by their numbers. */
  readonly accounts: () => ReadonlyMap<number, string>
  readonly random: (bytes: number) => Uint8Array
  readonly clock: Clock
  readonly log: Log
}

export type Enforcer = {
  /** From now on these are in force. */
  set(policies: readonly PolicyInForce[]): void
  /** The same connections, heard on their way. */
  heard(connections: AsyncIterable<SensorConnection>): AsyncIterable<SensorConnection>
  ruleOf(table: number, rule: number): Denial | undefined
  /** What stands in the way of a policy that is to be enforced; undefined: nothing does. */
  hindranceOf(policy: PolicyInForce): PolicyHindrance | undefined
  /** Resolves when that may be another, or when the signal fires. */
  changed(signal: AbortSignal): Promise<void>
  /** Tells and renews, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

const isToEnforce = ({ mode, compiled }: PolicyInForce) => mode === 'enforce' && compiled.policy.type === 'network'

/** What the sensor is told of policies: of those that it can enforce. */
export const tableOf = (policies: readonly PolicyInForce[], accounts: ReadonlyMap<number, string>) =>
  networkTableOf({ policies: policies.filter(isToEnforce), accounts })

type Wanted = { readonly number: number; readonly order: Buffer; readonly left: readonly string[] }

export function createEnforcer({ tell, accounts, random, clock, log }: EnforcerOptions): Enforcer {
  const bell = createBell()
  const hindrances = createBell()
  const remembered = new Map<number, readonly Denial[]>()
  const secret = { seed: wordOf(random(8)), factor: wordOf(random(8)) | 1n }
  let policies: readonly PolicyInForce[] = []
  let wanted: Wanted | undefined
  let isAttached: boolean | undefined
  /** Attached, and run no more. */
  let isDetached = false
  let followed = 0
  let toldNs: bigint | undefined
  let madeWith: ReadonlyMap<number, string> | undefined
  let known = ''

  function ringWhereChanged(): void {
    const now = `${isAttached} ${isDetached} ${followed} ${wanted?.number}`
    if (now !== known) hindrances.ring()
    known = now
  }

  function make(): void {
    const before = wanted?.number ?? 0
    const asked = policies.filter(isToEnforce)
    madeWith = accounts()
    const { table, left } = tableOf(policies, madeWith)
    wanted = table && wantedOf(table, left, secret)
    if (table !== undefined && wanted !== undefined) remember(wanted.number, table, asked)
    if (before === (wanted?.number ?? 0)) return
    if (left.length > 0) log.error('the kernel has no room for these policies: what they deny is told alone', { left })
    toldNs = undefined
  }

  function remember(number: number, { rules }: NetworkTable, asked: readonly PolicyInForce[]): void {
    remembered.delete(number)
    const denials = rules.flatMap(({ policy, rule }) =>
      asked.filter(({ id }) => id === policy).map((each): Denial => ({ policy: each, rule })),
    )
    remembered.set(number, denials)
    for (const oldest of [...remembered.keys()].slice(0, -rememberedMax)) remembered.delete(oldest)
  }

  /** A sensor that does not follow what it was told is told again, whole. */
  function say(): void {
    const nowNs = clock.monotonicNs()
    if (isAttached !== true || (toldNs !== undefined && nowNs - toldNs < BigInt(renewMs) * 1_000_000n)) return
    const order =
      wanted === undefined
        ? followed === 0
          ? undefined
          : liftOrder()
        : followed === wanted.number
          ? holdOrder(wanted.number, holdSeconds)
          : wanted.order
    if (order !== undefined && tell(order)) toldNs = nowNs
  }

  function go(): void {
    say()
    ringWhereChanged()
  }

  function note(message: SensorMessage): void {
    if (message.kind === 'hello') {
      isAttached = message.attached.policy.ok
      isDetached = false
      followed = 0
      toldNs = undefined
    } else if (message.kind === 'report') {
      followed = message.table ?? 0
      isDetached = message.blind?.includes('policy') === true
    } else return
    go()
  }

  async function* heardOne(connection: SensorConnection): SensorConnection & AsyncGenerator {
    try {
      for await (const messages of connection) {
        for (const message of messages) note(message)
        yield messages
      }
    } finally {
      isAttached = undefined
      followed = 0
      ringWhereChanged()
    }
  }

  return {
    set: (next) => {
      policies = next
      make()
      go()
      bell.ring()
    },
    heard: async function* heard(connections) {
      for await (const connection of connections) yield heardOne(connection)
    },
    ruleOf: (table, rule) => remembered.get(table)?.[rule],
    hindranceOf: ({ id, compiled }) => {
      if (compiled.policy.type !== 'network') return 'not_here'
      if (wanted === undefined || wanted.left.includes(id)) return 'no_room'
      if (isAttached === undefined) return 'no_sensor'
      if (!isAttached || isDetached) return 'not_attached'
      return followed === wanted.number ? undefined : 'not_followed'
    },
    changed: hindrances.wait,
    run: async (signal) => {
      while (!signal.aborted) {
        // Names of accounts are part of it, and change without anybody's word.
        if (wanted !== undefined && accounts() !== madeWith) make()
        go()
        await (wanted === undefined && followed === 0 ? bell.wait(signal) : clock.sleep(lookMs, signal))
      }
    },
  }
}

const wordOf = (bytes: Uint8Array) => Buffer.from(bytes).readBigUInt64LE()

/** Its number tells what it says, whichever agent made it: who starts again knows the denials of before. */
function wantedOf(table: NetworkTable, left: readonly string[], secret: TableSecret): Wanted {
  const programs = [...table.programs.named.keys()]
  const text = JSON.stringify([
    table.rules,
    programs,
    tableOrder(table, 0, 0, { seed: 0n, factor: 1n }).toString('base64'),
  ])
  const number = Number.parseInt(hash('sha256', text, 'hex').slice(0, 8), 16) || 1
  return { number, order: tableOrder(table, number, holdSeconds, secret), left }
}
