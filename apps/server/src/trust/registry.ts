// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import { auditTenant, type Reader } from '../identity/index.ts'
import { across, type ProducerKind, type Store } from '../store/index.ts'
import { type KeyName, readKeys, type SigningKey } from './signing-key.ts'

/** Who signs rows: a host by its enrolment, or a service. */
export type Producer = {
  readonly tenant: string
  readonly kind: ProducerKind
  readonly producer: string
  /** Since when its rows are refused for the time being; null: they are not. */
  readonly haltedAt: string | null
}

/** What a tenant's ledger is judged by, as of now. */
export type TenantKeys = {
  /** The last leaf of the tenant's ledger that tells of keys; 0, its anchor: none does. */
  readonly version: number
  /** Changes with whatever is held here: what was judged before it did is judged again. */
  readonly edition: number
  /**
   * As of when what arrives now is judged (RFC 3339): `nowNs`, and never before what was taken last, though the clock was
   * set back. So no line of a key stands behind that of its revocation.
   */
  receivedAt(nowNs: bigint): string
  key(keyId: string): SigningKey | undefined
  producer(kind: ProducerKind, producer: string): Producer | undefined
}

/**
 * The keys of every producer, in memory: what batches are judged by costs no statement. Follows the database as access
 * does: what is given counts once its line is in the ledger, what is taken at once.
 */
export type KeyRegistry = {
  of(tenant: string): TenantKeys
  /** Reads a key anew, whose line is in the ledger. */
  given(db: Reader, name: KeyName): Promise<void>
  /** The keys of a host count no more. `at`: RFC 3339. */
  hostRevoked(hostId: string, at: string): void
  /** Of a tenant that goes. Its hosts' keys stay known, and refused. */
  forgetTenant(tenant: string): void
}

type Book = { readonly keys: Map<string, SigningKey>; readonly producers: Map<string, Producer> }

export async function openKeyRegistry(options: {
  readonly store: Store
  /** The last leaf of a tenant's ledger that tells of keys. */
  readonly versionOf: (tenant: string) => number
}): Promise<KeyRegistry> {
  const { store, versionOf } = options
  const books = new Map<string, Book>()
  // Hosts ship for the tenant `cluster` too, whatever tenant they are of.
  const hosts: Book = { keys: new Map(), producers: new Map() }
  const shown = new Map<string, TenantKeys>()
  let edition = 0
  let takenAt = ''

  const nameOf = (kind: ProducerKind, producer: string) => `${kind}:${producer}`
  function bookOf(tenant: string): Book {
    const book = books.get(tenant) ?? { keys: new Map(), producers: new Map() }
    books.set(tenant, book)
    return book
  }

  function put(key: SigningKey): void {
    const { tenant, keyId, kind, producer } = key
    const holders = kind === 'host' ? [bookOf(tenant), hosts] : [bookOf(tenant)]
    for (const book of holders) {
      book.keys.set(keyId, key)
      const name = nameOf(kind, producer)
      if (kind === 'host' && !book.producers.has(name))
        book.producers.set(name, { tenant, kind, producer, haltedAt: null })
    }
    edition += 1
    if (key.revokedAt !== null && key.revokedAt > takenAt) takenAt = key.revokedAt
  }

  const standing = across(store.db, 'start')
  for (const { tenant, producer } of await standing.selectFrom('producers').selectAll().execute())
    bookOf(tenant).producers.set(nameOf('service', producer), { tenant, kind: 'service', producer, haltedAt: null })
  for (const key of await readKeys(store.db)) put(key)

  return {
    of: (tenant) => {
      const known = shown.get(tenant)
      if (known !== undefined) return known
      const wider = tenant === auditTenant ? hosts : undefined
      const keys: TenantKeys = {
        get version() {
          return versionOf(tenant)
        },
        get edition() {
          return edition
        },
        receivedAt: (nowNs) => {
          const now = rfc3339(nowNs)
          return now < takenAt ? takenAt : now
        },
        key: (keyId) => books.get(tenant)?.keys.get(keyId) ?? wider?.keys.get(keyId),
        producer: (kind, producer) => {
          const name = nameOf(kind, producer)
          return books.get(tenant)?.producers.get(name) ?? wider?.producers.get(name)
        },
      }
      shown.set(tenant, keys)
      return keys
    },
    given: async (db, name) => {
      for (const key of await readKeys(db, name)) put(key)
    },
    hostRevoked: (hostId, at) => {
      for (const key of hosts.keys.values())
        if (key.producer === hostId && key.revokedAt === null) put({ ...key, revokedAt: at })
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
