// SPDX-License-Identifier: Apache-2.0
// Policies that are to be enforced, in the hands of the sensor (docs/formats/frame.md, 10 and 11): those of the network as one table, those of
// files and programs as another, each followed as long as this agent says so again.

import { type Clock, createBell, type Log } from '@sealwatch/base'
import type { PolicyHindrance } from '@sealwatch/contract'
import { fileTableOf, networkTableOf } from '@sealwatch/detect/policy'
import type { SensorMessage } from '../sources/observation.ts'
import { holdOrder, liftOrder, type TableSecret } from '../sources/sensor-order.ts'
import type { SensorConnection } from '../sources/sensor-socket.ts'
import { createFollowing, holdSeconds, numberOf, type Wanted } from './following.ts'
import type { PolicyInForce } from './in-force.ts'
import type { Denial } from './judge.ts'
import { fileHoldOrder, fileLiftOrder, fileTableOrder, tableOrder } from './table-order.ts'

const lookMs = 1_000

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
  /** Whose a rule is by which something was refused, by its table and its place there. */
  ruleOf(table: number, rule: number): Denial | undefined
  /** What stands in the way of a policy that is to be enforced; undefined: nothing does. */
  hindranceOf(policy: PolicyInForce): PolicyHindrance | undefined
  /** Resolves when that may be another, or when the signal fires. */
  changed(signal: AbortSignal): Promise<void>
  /** Tells and renews, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

type Accounts = ReadonlyMap<number, string>
const isOfNetwork = ({ compiled }: PolicyInForce) => compiled.policy.type === 'network'
const toEnforce = (policies: readonly PolicyInForce[]) => policies.filter(({ mode }) => mode === 'enforce')

/** What the sensor is told of policies: of those that it can enforce. */
export const tableOf = (policies: readonly PolicyInForce[], accounts: Accounts) =>
  networkTableOf({ policies: toEnforce(policies).filter(isOfNetwork), accounts })
/** The same of those of files and programs. */
export const fileTableFor = (policies: readonly PolicyInForce[], accounts: Accounts) =>
  fileTableOf({ policies: toEnforce(policies).filter((each) => !isOfNetwork(each)), accounts })

const nothing = { left: [], beyond: [] } as const

export function createEnforcer({ tell, accounts, random, clock, log }: EnforcerOptions): Enforcer {
  const bell = createBell()
  const hindrances = createBell()
  const secret = { seed: wordOf(random(8)), factor: wordOf(random(8)) | 1n }
  const network = createFollowing({
    ...{ site: 'policy', followedIn: ({ table }) => table, holdOrder, liftOrder, tell, clock },
  })
  const files = createFollowing({
    ...{ site: 'file_policy', followedIn: ({ fileTable }) => fileTable },
    ...{ holdOrder: fileHoldOrder, liftOrder: fileLiftOrder, tell, clock },
  })
  const both = [network, files]
  let policies: readonly PolicyInForce[] = []
  let madeWith: Accounts | undefined
  let without: { readonly left: readonly string[]; readonly beyond: readonly string[] } = nothing
  /** Of the files that policies name, how many the sensor does not guard. */
  let unguarded = 0
  let known = ''

  function make(): void {
    madeWith = accounts()
    const [net, file] = [tableOf(policies, madeWith), fileTableFor(policies, madeWith)]
    const left = [...net.left, ...file.left]
    if (left.length > 0 && String(left) !== String(without.left))
      log.error('the kernel has no room for these policies: what they deny is told alone', { left })
    without = { left, beyond: file.beyond }
    network.want(net.table && wantedOfNetwork(net.table, secret, policies))
    files.want(file.table && wantedOfFiles(file.table, policies))
  }

  /** A sensor that does not follow what it was told is told again, whole. */
  function go(): void {
    for (const each of both) each.say()
    const now = `${both.map(({ state }) => state).join()} ${unguarded}`
    if (now !== known) hindrances.ring()
    known = now
  }

  function note(message: SensorMessage): void {
    if (message.kind === 'hello') for (const each of both) each.hello(message)
    else if (message.kind === 'report') {
      for (const each of both) each.report(message)
      unguarded = message.unguarded ?? 0
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
      for (const each of both) each.gone()
      go()
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
    ruleOf: (table, rule) => network.denialOf(table, rule) ?? files.denialOf(table, rule),
    hindranceOf: (policy) => {
      if (without.beyond.includes(policy.id)) return 'not_here'
      if (without.left.includes(policy.id)) return 'no_room'
      if (isOfNetwork(policy)) return network.hindrance
      return files.hindrance ?? (unguarded > 0 ? 'not_guarded' : undefined)
    },
    changed: hindrances.wait,
    run: async (signal) => {
      while (!signal.aborted) {
        // Names of accounts are part of it, and change without anybody's word.
        const isIdle = both.every((each) => each.isIdle)
        if (!isIdle && accounts() !== madeWith) make()
        go()
        await (isIdle ? bell.wait(signal) : clock.sleep(lookMs, signal))
      }
    },
  }
}

const wordOf = (bytes: Uint8Array) => Buffer.from(bytes).readBigUInt64LE()

type Rules = { readonly rules: readonly { readonly policy: string; readonly rule: string | null }[] }
const denialsOf = ({ rules }: Rules, policies: readonly PolicyInForce[]): Wanted['denials'] =>
  rules.map(({ policy: id, rule }) => {
    const policy = policies.find((each) => each.id === id)
    return policy && { policy, rule }
  })

function wantedOfNetwork(
  table: NonNullable<ReturnType<typeof networkTableOf>['table']>,
  secret: TableSecret,
  policies: readonly PolicyInForce[],
): Wanted {
  const bytes = tableOrder(table, 0, 0, { seed: 0n, factor: 1n }).toString('base64')
  const number = numberOf(table.rules, [...table.programs.named.keys()], bytes)
  return { number, order: tableOrder(table, number, holdSeconds, secret), denials: denialsOf(table, policies) }
}

function wantedOfFiles(
  table: NonNullable<ReturnType<typeof fileTableOf>['table']>,
  policies: readonly PolicyInForce[],
): Wanted {
  const number = numberOf(
    policies.map(({ id, version }) => [id, version]),
    table.rules,
    fileTableOrder(table, 0, 0).toString('base64'),
  )
  return { number, order: fileTableOrder(table, number, holdSeconds), denials: denialsOf(table, policies) }
}
