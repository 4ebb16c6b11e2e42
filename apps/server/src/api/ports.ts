// SPDX-License-Identifier: Apache-2.0

import type { Clock, Hardening, Log } from '@sealwatch/base'
import type { RewrapProgress, SealingStatus } from '@sealwatch/keys/sealing'
import type { Ledger, SealedTenant } from '@sealwatch/ledger'
import type { Kysely } from 'kysely'
import type { Authorised, Gate } from '../access/index.ts'
import type { Erased, EvictKeys, RotateKeys } from '../custody/index.ts'
import type { Groups, HostConfigs, StandingOrders } from '../fleet/index.ts'
import type { CaState, Identity, Recorded } from '../identity/index.ts'
import type { Vouched } from '../ingest/index.ts'
import type { HostWatch } from '../presence/index.ts'
import type { IndexTables, Tables } from '../store/index.ts'
import type { JudgingAhead, TrustStoreState } from '../trust/index.ts'
import type { ExportWhat } from './data/export.ts'
import type { HostBook } from './data/host-names.ts'

/** What the API needs of the rest of the server, on the control socket and on the network; compose.ts wires it. */
export type ApiPorts = {
  readonly gate: Gate
  readonly db: Kysely<Tables>
  /** The index over the ledgers. */
  readonly indexDb: Kysely<IndexTables>
  readonly ledgers: ApiLedgers
  readonly index: {
    /** Resolves when every leaf of the tenant before `leaf` is in the index, or when the signal fires. */
    waitFor(tenant: string, leaf: number, signal: AbortSignal): Promise<void>
  }
  /** Opens the sealed personal values of a line; canonical JSON, or '' where all of them were erased. */
  readonly openSide: (tenant: string, leafHash: string, sealed: Uint8Array) => Promise<string>
  /** Says in the tenant's ledger whose personal values are shown. */
  readonly recordReveal: (by: Authorised<'event:reveal'>, what: string) => Promise<Recorded>
  readonly keys: ApiKeys
  /** Keys that ended ahead of the clock; looked for in all of them. */
  readonly judgingAhead: () => JudgingAhead | undefined
  /** Break-glass access that nobody has acknowledged. */
  readonly breakGlass: () => Promise<readonly object[]>
  /** Which host seals which chain. */
  readonly hostBook: HostBook
  /** Says in the tenant's ledger what of it goes out, before it does. */
  readonly recordExport: (by: Authorised<'event:export'>, what: ExportWhat, reveal: boolean) => Promise<Recorded>
  readonly createJoinToken: Identity['createJoinToken']
  readonly revokeHost: Identity['hosts']['revoke']
  readonly deniedSince: Identity['hosts']['deniedSince']
  /** Whether a host lives, and what is wrong with it. */
  readonly presenceOf: HostWatch['of']
  /** What hosts are told, by groups, and what they have in force. */
  readonly groups: Groups
  readonly configOf: HostConfigs['stateOf']
  /** What the hands of a host may do. */
  readonly orderOf: StandingOrders['stateOf']
  readonly reachesOf: HostConfigs['reachesOf']
  /** Ids of hosts that have another configuration than they are to have. */
  readonly drifting: () => HostConfigs['drifting']
  readonly facts: () => ServerFacts
  readonly clock: Clock
  readonly log: Log
}

/** The keys that values at rest are sealed under. */
export type ApiKeys = {
  status(): SealingStatus
  /** A new epoch of the master key. */
  readonly rotate: RotateKeys
  /** Wraps what older epochs hold anew, step by step, until nothing is left. */
  rewrap(signal: AbortSignal): AsyncIterable<RewrapProgress>
  /** Wipes the keys in memory, of a tenant or all. */
  readonly evict: EvictKeys
  eraseSubject(tenant: string, subject: string, by: string): Promise<Erased>
}

export type ApiLedgers = {
  readonly tenants: readonly string[]
  has(tenant: string): boolean
  readonly root: Ledger
  /** Throws for a tenant that does not exist. */
  get(tenant: string): Ledger
  /** Verifier key of the log key. */
  readonly vkey: string
  /** What the published root checkpoint says of a tenant. */
  vouched(tenant: string): Vouched | undefined
  /** How many leaves a tenant's ledger had before a time, in Unix milliseconds. */
  sizeBefore(tenant: string, ms: number, signal: AbortSignal): Promise<number>
  /** The newest sealed state that covers the first `size` leaves; seals where needed. */
  sealed(tenant: string, size?: number): Promise<SealedTenant>
}

/** What status says besides the ledgers and the hosts. */
export type ServerFacts = {
  readonly deployment: string
  /** Where /healthz, /readyz and /metrics are. */
  readonly health: string
  /** Where the API and the dashboard are. */
  readonly api: string
  /** Where it listens for agents. */
  readonly agents: { readonly address: string; readonly port: number }
  /** What protects the server's process, and what of that is missing. */
  readonly hardening: Hardening
  /** Verifier key of the log key: what a verifier elsewhere pins. */
  readonly ledgerKeys: readonly string[]
  /** Hex SHA-256 of the certificate authority. */
  readonly caFingerprint: string
  readonly ca: CaState
  /** The root ledger, and those who sign it. */
  readonly signing: {
    readonly rootSize: number
    readonly nodeKeyValidUntil: string
    readonly publishedSize: number
    readonly publishedAt: string | null
    readonly quorum: string
    readonly problem: string | null
    /** The deployment's key; not configured: one that the server made for itself. */
    readonly signer: {
      readonly configured: boolean
      readonly backend: string
      readonly algorithm: string
      readonly keyId: string
      readonly location: string
    }
    readonly witnesses: readonly {
      readonly name: string
      readonly url: string
      readonly size: number | undefined
      readonly cosignedAtMs: number | undefined
      readonly failing: string | undefined
    }[]
  }
  /** What walks over the ledgers found, one for each tenant that has begun. */
  readonly integrity: readonly {
    readonly tenant: string
    readonly checked: number
    readonly size: number
    readonly problem: { readonly leaf: number; readonly text: string } | undefined
  }[]
  /** Hosts with an open stream. */
  readonly connected: ReadonlySet<string>
  /** Tenants of which something waits there: items, and the rows in them. */
  readonly quarantine: readonly { readonly tenant: string; readonly items: number; readonly rows: number }[]
  /** Tenants in which what fails verification is admitted, and until when. */
  /** What of the rules over events and requests is not in force as it stands, each in a line for people. */
  readonly wrongRules: readonly string[]
  readonly strictOff: readonly { readonly tenant: string; readonly endsAt: string }[]
  /** The file that names services and their keys; null: there is none. */
  readonly trustStore: TrustStoreState | null
  /** Rows since the server started. */
  readonly ingest: {
    readonly received: number
    readonly admitted: number
    readonly quarantined: number
    readonly refused: number
    readonly duplicate: number
  }
}
