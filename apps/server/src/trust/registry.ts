// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import type { Body, RegistryChange } from '@sealwatch/ledger'
import { auditTenant, type Follows, type Reader } from '../identity/index.ts'
import { across, type Outbox, type ProducerKind, type Store } from '../store/index.ts'
import { trustError } from './errors.ts'
import { type KeyName, readKeys, type SigningKey } from './signing-key.ts'
import type { Vouching } from './vouching/index.ts'

/** Who signs rows: a host by its enrolment, or a service. */
export type Producer = {
  readonly tenant: string
  readonly kind: ProducerKind
  readonly producer: string
  /** Since when its rows are refused for the time being; null: they are not. */
  readonly haltedAt: string | null
}
export type ProducerName = Pick<Producer, 'tenant' | 'kind' | 'producer'>

/** What a tenant's ledger is judged by, as of now. */
export type TenantKeys = {
  /** The last leaf of the tenant's ledger that tells of keys; 0, its anchor: none does. */
  readonly version: number
  /** Changes with whatever is held here: what was judged before it did is judged again. */
  readonly edition: number
  /**
   * As of when what arrives now under a key is judged (RFC 3339): `nowNs`, and never before the key was revoked or ended,
   * though the clock was set back (line.md, 5.6). Of this key alone: a clock that was ahead as it was revoked ages no other.
   */
  receivedAt(nowNs: bigint, keyId?: string): string
  key(keyId: string): SigningKey | undefined
  producer(kind: ProducerKind, producer: string): Producer | undefined
  /**
   * Whether the line of one of its keys still waits since before a restart: what the key was then, nobody can say, so nothing
   * of the producer is judged until it is there.
   */
  isSettling(kind: ProducerKind, producer: string): boolean
  /** For the door. Throws PRODUCER_HALTED or PRODUCER_SETTLING; of an unknown producer the keys say that it is. */
  checkRunning(kind: ProducerKind, producer: string, attempted: string): void
}

/**
 * The keys of every producer, in memory: what batches are judged by costs no statement. Follows the database as access
 * does: what is given counts once its line is in the ledger, what is taken at once, and where the database could not keep
 * that, until the same is given again or the server stops.
 */
export type KeyRegistry = {
  of(tenant: string): TenantKeys
  /** Keys that were revoked or ended later than now, as the clock was set back since: what arrives under them is judged as of then. */
  ahead(nowNs: bigint): readonly AheadKey[]
  /** Whether the row of a key may be acted upon: the ledger knew of it when the server started, or it came since. */
  isVouched(name: KeyName): boolean
  /** Reads a key anew, whose line is in the ledger. */
  given(db: Reader, name: KeyName): Promise<void>
  giveKey(name: KeyName): Follows
  /** What the change takes of a key. */
  takeKey(
    name: KeyName,
    change: Pick<Partial<SigningKey>, 'revokedAt' | 'endedAt' | 'compromisedSince' | 'validFrom' | 'validUntil'>,
  ): Follows
  giveProducer(producer: Producer): Follows
  takeProducer(producer: Producer): Follows
  /** The keys of a host count no more. Times are RFC 3339. */
  hostRevoked(hostId: string, at: string, compromisedSince?: string | null): void
  /** Of a tenant that goes. Its hosts' keys stay known, and refused. */
  forgetTenant(tenant: string): void
}

/** `until`: from then on the clock has caught up (RFC 3339). */
export type AheadKey = { readonly tenant: string; readonly keyId: string; readonly until: string }

type Book = { readonly keys: Map<string, SigningKey>; readonly producers: Map<string, Producer> }
type Taken = Partial<SigningKey>

const haltedWaitMs = 60_000
const settlingWaitMs = 1_000
const nameOf = (kind: ProducerKind, producer: string) => `${kind}:${producer}`
const keyNameOf = ({ tenant, keyId }: KeyName) => `${tenant} ${keyId}`

export async function openKeyRegistry(options: {
  readonly store: Store
  /** The last leaf of a tenant's ledger that tells of keys. */
  readonly versionOf: (tenant: string) => number
  /** Keys whose line still waits there do not count yet. Undefined: none does. */
  readonly outbox: Pick<Outbox, 'committed'> | undefined
  /** Of rows, those that count for nothing. Left out: all are as they should be. */
  readonly vouching?: Pick<Vouching, 'keys'>
}): Promise<KeyRegistry> {
  const { store, versionOf, outbox, vouching } = options
  const books = new Map<string, Book>()
  // Hosts ship for the tenant `cluster` too, whatever tenant they are of.
  const hosts: Book = { keys: new Map(), producers: new Map() }
  const shown = new Map<string, TenantKeys>()
  // Rows that no line stands behind: nothing is done by them, nor said of them, until the next start.
  const unvouched = new Set<string>()
  // What the database does not know to be taken.
  const unkept = new Map<string, Taken>()
  // How many keys of a producer wait for their lines.
  const settling = new Map<string, number>()
  let edition = 0

  function bookOf(tenant: string): Book {
    const book = books.get(tenant) ?? { keys: new Map(), producers: new Map() }
    books.set(tenant, book)
    return book
  }
  const booksOf = ({ tenant, kind }: ProducerName) => (kind === 'host' ? [bookOf(tenant), hosts] : [bookOf(tenant)])

  function put(key: SigningKey): void {
    const { tenant, kind, producer } = key
    for (const book of booksOf(key)) book.keys.set(key.keyId, key)
    if (kind === 'host' && !bookOf(tenant).producers.has(nameOf(kind, producer)))
      putProducer({ tenant, kind, producer, haltedAt: null })
    edition += 1
  }

  function putProducer(one: Producer): void {
    for (const book of booksOf(one)) book.producers.set(nameOf(one.kind, one.producer), one)
    edition += 1
  }

  async function given(db: Reader, name: KeyName): Promise<void> {
    if (unvouched.has(keyNameOf(name))) return
    for (const key of await readKeys(db, name)) put({ ...key, ...unkept.get(keyNameOf(name)) })
  }

  await open()
  async function open(): Promise<void> {
    const db = across(store.db, 'start')
    const waiting = outbox === undefined ? new Map<string, WaitingLine[]>() : await waitingIn(store)
    for (const { tenant, producer } of await db.selectFrom('producers').selectAll().execute())
      putProducer({ tenant, kind: 'service', producer, haltedAt: null })
    const rows = await readKeys(store.db)
    for (const name of (await vouching?.keys(rows)) ?? []) unvouched.add(keyNameOf(name))
    for (const key of rows) {
      if (unvouched.has(keyNameOf(key))) continue
      const lines = waiting.get(lineNameOf(key))
      if (lines === undefined) put(key)
      else withhold(key, lines)
    }
    for (const row of await db.selectFrom('producer_halts').selectAll().execute())
      putProducer({ tenant: row.tenant, kind: row.producer_kind, producer: row.producer, haltedAt: row.halted_at })
  }

  /** Until its lines are in their ledgers a key that was added is not known, and one that was promoted is staged. */
  function withhold(key: SigningKey, lines: readonly WaitingLine[]): void {
    const name = ownerOf(key.tenant, key.kind, key.producer)
    const isKnown = lines.every(({ change }) => change !== 'added')
    const isPromoted = lines.some(({ change }) => change === 'state') && key.state === 'active'
    if (isKnown) put(isPromoted ? { ...key, state: 'staged' } : key)
    settling.set(name, (settling.get(name) ?? 0) + 1)
    const standing = Promise.all(lines.map(({ uid }) => outbox?.committed(uid)))
      .then(() => store.between((reader) => given(reader, key)))
      .then(() => {
        const left = (settling.get(name) ?? 1) - 1
        if (left === 0) settling.delete(name)
        else settling.set(name, left)
      })
    // A stop ends the waiting.
    standing.catch(() => undefined)
  }

  return {
    given,
    ahead: (nowNs) => {
      const now = rfc3339(nowNs)
      return [...books.values()].flatMap(({ keys }) =>
        [...keys.values()].flatMap((key) => {
          const until = takenAtOf(key)
          return until > now ? [{ tenant: key.tenant, keyId: key.keyId, until }] : []
        }),
      )
    },
    isVouched: (name) => !unvouched.has(keyNameOf(name)),
    of: (tenant) => {
      const known = shown.get(tenant)
      if (known !== undefined) return known
      const wider = tenant === auditTenant ? hosts : undefined
      const producer = (kind: ProducerKind, name: string) =>
        books.get(tenant)?.producers.get(nameOf(kind, name)) ?? wider?.producers.get(nameOf(kind, name))
      const keys: TenantKeys = {
        get version() {
          return versionOf(tenant)
        },
        get edition() {
          return edition
        },
        receivedAt: (nowNs, keyId = '') => {
          const now = rfc3339(nowNs)
          const key = keys.key(keyId)
          const takenAt = takenAtOf(key)
          return now < takenAt ? takenAt : now
        },
        isSettling: (kind, name) => settling.size > 0 && settling.has(ownerOf(tenant, kind, name)),
        key: (keyId) => books.get(tenant)?.keys.get(keyId) ?? wider?.keys.get(keyId),
        producer,
        checkRunning: (kind, name, attempted) => {
          if (keys.isSettling(kind, name))
            throw trustError('PRODUCER_SETTLING', {
              attempted,
              received: `the ${kind} ${name}`,
              waitMs: settlingWaitMs,
            })
          const haltedAt = producer(kind, name)?.haltedAt ?? null
          if (haltedAt === null) return
          const received = `the ${kind} ${name}, halted at ${haltedAt}`
          throw trustError('PRODUCER_HALTED', { attempted, received, waitMs: haltedWaitMs })
        },
      }
      shown.set(tenant, keys)
      return keys
    },
    giveKey: (name) => {
      let seen: Taken | undefined
      return {
        begun: () => {
          seen = unkept.get(keyNameOf(name))
        },
        given: async (db) => {
          // Taken after this was given: it stays so.
          if (unkept.get(keyNameOf(name)) === seen) unkept.delete(keyNameOf(name))
          await given(db, name)
        },
      }
    },
    takeKey: (name, change) => ({
      taken: (isKept) => {
        const key = books.get(name.tenant)?.keys.get(name.keyId)
        if (isKept) unkept.delete(keyNameOf(name))
        else unkept.set(keyNameOf(name), { ...unkept.get(keyNameOf(name)), ...change })
        if (key !== undefined) put({ ...key, ...change })
      },
    }),
    giveProducer: (one) => ({ given: async () => putProducer(one) }),
    takeProducer: (one) => ({ taken: () => putProducer(one) }),
    hostRevoked: (hostId, at, compromisedSince = null) => {
      for (const key of hosts.keys.values())
        if (key.producer === hostId && key.revokedAt === null) put({ ...key, revokedAt: at, compromisedSince })
    },
    forgetTenant: (tenant) => {
      const book = books.get(tenant)
      if (book === undefined) return
      for (const held of [book.keys, book.producers])
        for (const [name, { kind }] of held) if (kind === 'service') held.delete(name)
      edition += 1
    },
  }
}

/** No earlier than that does anything arrive under the key. */
const takenAtOf = (key: SigningKey | undefined) => key?.revokedAt ?? key?.endedAt ?? ''

type WaitingLine = { readonly uid: string; readonly change: RegistryChange['change'] }

/** A host's keys are told of in the cluster's ledger, too. */
const ownerOf = (tenant: string, kind: ProducerKind, producer: string) =>
  kind === 'host' ? nameOf(kind, producer) : `${tenant} ${nameOf(kind, producer)}`
const lineNameOf = ({ tenant, kind, keyId }: Pick<SigningKey, 'tenant' | 'kind' | 'keyId'>) =>
  kind === 'host' ? `host ${keyId}` : keyNameOf({ tenant, keyId })

/** By the key that they are about: lines that give something, and still wait for their ledgers. */
async function waitingIn(store: Store): Promise<ReadonlyMap<string, readonly WaitingLine[]>> {
  const rows = await across(store.db, 'outbox')
    .selectFrom('outbox')
    .selectAll()
    .where((where) => where.or([where('body', 'like', '{"key":%'), where('body', 'like', '{"registry":%')]))
    .execute()
  const lines = rows.flatMap(({ uid, tenant, body: text }) => {
    const body = JSON.parse(text) as Body
    if ('key' in body) return [{ name: `host ${body.key.key_id}`, uid, change: 'added' as const }]
    if (!('registry' in body) || ['revoked', 'withdrawn'].includes(body.registry.change)) return []
    const { producer_kind: kind, key_id: keyId, change } = body.registry
    return [{ name: lineNameOf({ tenant, kind, keyId }), uid, change }]
  })
  return Map.groupBy(lines, ({ name }) => name)
}
