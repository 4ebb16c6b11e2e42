// SPDX-License-Identifier: Apache-2.0
// What was learned, as bytes, so that a restart keeps it: a header of words, the rows of tenants, those of users, and SHA-256 of
// all that. Names are not in it, only their hashes; words are little-endian, as on every machine that this runs on.

import { hash } from 'node:crypto'
import { behaviourError } from './errors.ts'
import type { Seed } from './hash.ts'
import { behaviourLimits } from './limits.ts'
import { type Members, newMembers } from './members.ts'
import { place, rowWords, type Slab, spanPlace, spanWords } from './row.ts'

/** "SWBEHAVE", the version, and what it depends on. */
const magic = [0x45425753, 0x45564148] as const
const version = 1
const header = { version: 2, rowWords: 3, tenants: 4, users: 5, seed: 6, words: 10 } as const
const digestBytes = 32

export function writeSnapshot(members: Members, seed: Seed): Uint8Array<ArrayBuffer> {
  const { users, tenants } = members.counts
  const bodyWords = header.words + rowWords * (tenants + users)
  const bytes = new Uint8Array(4 * bodyWords + digestBytes)
  const words = new Uint32Array(bytes.buffer, 0, bodyWords)
  words.set([...magic, version, rowWords, tenants, users, ...seed])
  let tenantAt = header.words
  let userAt = header.words + rowWords * tenants
  let number = 0
  for (const tenant of members.eachTenant()) {
    words.set(members.tenants.words.subarray(tenant, tenant + rowWords), tenantAt)
    for (const user of members.eachUser(tenant)) {
      words.set(members.users.words.subarray(user, user + rowWords), userAt)
      words[userAt + place.tenant] = number
      userAt += rowWords
    }
    tenantAt += rowWords
    number += 1
  }
  bytes.set(digestOf(bytes.subarray(0, 4 * bodyWords)), 4 * bodyWords)
  return bytes
}

const digestOf = (bytes: Uint8Array) => hash('sha256', bytes, 'buffer')

/** Those who were there latest, where there is room for fewer. Throws BEHAVIOUR_SNAPSHOT. */
export function readSnapshot(
  given: Uint8Array,
  max: { readonly users: number; readonly tenants: number },
): { readonly members: Members; readonly seed: Seed } {
  const words = wordsOf(given)
  const [tenantCount, userCount] = [words[header.tenants] as number, words[header.users] as number]
  const rows = slabOver(words)
  const members = newMembers(max.users, max.tenants)
  const userFrom = header.words + rowWords * tenantCount
  let userAt = userFrom
  for (let number = 0; number < tenantCount; number += 1) {
    const at = header.words + rowWords * number
    checkRow(rows, at)
    const name = nameAt(words, at)
    if (members.tenant(name) >= 0) throw refused('a tenant that is there twice')
    const tenant = members.enterTenant(name)
    copy(words, at, members.tenants.words, tenant)
    for (; userAt < words.length && words[userAt + place.tenant] === number; userAt += rowWords) {
      checkRow(rows, userAt)
      const user = nameAt(words, userAt)
      if (members.user(user) >= 0) throw refused('a user that is there twice')
      copy(words, userAt, members.users.words, members.enterUser(user, tenant))
    }
  }
  if (userAt !== userFrom + rowWords * userCount) throw refused('users of no tenant')
  const [one = 0, two = 0, three = 0, four = 0] = words.subarray(header.seed, header.seed + 4)
  return { members, seed: [one, two, three, four] }
}

const refused = (received: string) =>
  behaviourError('BEHAVIOUR_SNAPSHOT', { attempted: 'restoring what was learned of users', received })

/** Without the digest, which was compared. */
function wordsOf(given: Uint8Array): Uint32Array<ArrayBuffer> {
  const length = given.length - digestBytes
  if (length < 4 * header.words) throw refused(`${given.length} bytes, which hold none`)
  const bytes = given.slice(0, length - (length % 4))
  const words = new Uint32Array(bytes.buffer)
  if (words[0] !== magic[0] || words[1] !== magic[1]) throw refused('bytes that are no snapshot')
  if (words[header.version] !== version || words[header.rowWords] !== rowWords)
    throw refused(`version ${words[header.version]} with rows of ${words[header.rowWords]} words`)
  const [tenants, users] = [words[header.tenants] as number, words[header.users] as number]
  if (tenants > behaviourLimits.tenantsMax || users > behaviourLimits.usersMax)
    throw refused(`${tenants} tenants and ${users} users`)
  if (length !== 4 * (header.words + rowWords * (tenants + users)))
    throw refused(`${given.length} bytes for ${tenants} tenants and ${users} users`)
  if (digestOf(bytes).compare(given, length) !== 0) throw refused('bytes with another checksum')
  return words
}

const slabOver = (words: Uint32Array<ArrayBuffer>): Pick<Slab, 'words' | 'reals'> => ({
  words,
  reals: new Float32Array(words.buffer),
})

const nameAt = (words: Uint32Array, at: number) => ({
  low: words[at + place.low] as number,
  high: words[at + place.high] as number,
})

/** All but the tenant, which has another number here. */
function copy(from: Uint32Array, fromAt: number, to: Uint32Array, toAt: number): void {
  const tenant = to[toAt + place.tenant] as number
  to.set(from.subarray(fromAt, fromAt + rowWords), toAt)
  to[toAt + place.tenant] = tenant
}

/** Means and variances of logarithms of what a word can count, and shares. */
function checkRow({ reals }: Pick<Slab, 'reals'>, at: number): void {
  const within = (from: number, count: number, max: number) => {
    for (let word = at + from; word < at + from + count; word += 1) {
      const value = reals[word] as number
      if (!(value >= 0 && value <= max)) throw refused(`the number ${value} in a row`)
    }
  }
  for (let span = 0; span < 3; span += 1) within(place.spans + span * spanWords + spanPlace.mean, 2, 1_000)
  within(place.routesMean, 2, 1_000)
  within(place.failedLately, 2, 1)
  within(place.novelty, 3, 1)
}
