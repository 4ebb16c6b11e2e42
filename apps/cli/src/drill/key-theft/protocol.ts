// SPDX-License-Identifier: Apache-2.0
// What the drill and the processes that it starts say to each other: nothing of it stands in arguments or the environment.

import type { AttackName } from './ways.ts'

/** To the decoy: where its folder is, and under which name it is to be protected. */
export type DecoyOrder = {
  readonly dir: string
  readonly name: string
  readonly guard: string
  readonly runner: number
}
export type DecoyNews =
  | { readonly news: 'ready'; readonly epoch: number }
  | { readonly news: 'protected'; readonly mode: string; readonly audit: readonly string[] }
  | { readonly news: 'notice'; readonly text: string }
  | { readonly news: 'evicted'; readonly incident: string; readonly keys: number }
  | { readonly news: 'rotated'; readonly incident: string; readonly before: number; readonly after: number }
  | { readonly news: 'failed'; readonly detail: string }

/** What the second of two attackers says where the first had ended before he handed anything on. */
export const nothingCame = 'nothing was handed on'

/** To an attacker. It says `ready`, and begins when it hears `go`. */
export type AttackOrder = {
  readonly way: AttackName
  readonly target: number
  readonly calls: string
  readonly runner: number
  /** A socket between the two who pass a descriptor on: the one listens, the other connects. */
  readonly socket: string
  readonly part: 'first' | 'second'
}
/** On its standard output, a line each: when its first call was made (CLOCK_BOOTTIME, ns), what it has read by now, and what did not work. */
export type AttackSaid = { readonly atNs: bigint | undefined; readonly bytes: number; readonly error: string }

/** To the clients of the decoy: which socket to ask, and the folder to remove when the drill is over. They say `ready`, and begin at `go`. */
export type ClientsOrder = { readonly dir: string; readonly socket: string; readonly tenants: number } | 'go' | 'tell'
/** Since it was told last. Microseconds. */
export type ClientsTold = {
  readonly total: number
  readonly failed: number
  readonly us: readonly number[]
  readonly why: string
}

export const tenantsOfDecoy = 24
