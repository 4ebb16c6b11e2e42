// SPDX-License-Identifier: Apache-2.0
// Who has a row: tenants, and their users. All rows are there from the beginning; when none is left, somebody gives his up.

import { newSlab, place, rowWords, type Slab } from './row.ts'

/** A name as two words, which are its hash. */
export type Name = { low: number; high: number }

/** Rows by name: open addressing, so that a row costs ten bytes to find. Names are in the rows themselves. */
export type Index = {
  /** The number of the row; -1: none. */
  find(name: Name): number
  add(name: Name, number: number): void
  remove(number: number): void
}

export function newIndex({ words }: Slab, rowsMax: number): Index {
  const size = 2 ** Math.ceil(Math.log2(2 * rowsMax))
  const slots = new Int32Array(size).fill(-1)
  const homeOf = (number: number) => (words[number * rowWords + place.low] as number) & (size - 1)
  const next = (slot: number) => (slot + 1) & (size - 1)

  return {
    find({ low, high }) {
      for (let slot = low & (size - 1); ; slot = next(slot)) {
        const number = slots[slot] as number
        if (number < 0) return -1
        const row = number * rowWords
        if (words[row + place.low] === low && words[row + place.high] === high) return number
      }
    },
    add({ low, high }, number) {
      words[number * rowWords + place.low] = low
      words[number * rowWords + place.high] = high
      let slot = low & (size - 1)
      while ((slots[slot] as number) >= 0) slot = next(slot)
      slots[slot] = number
    },
    remove(number) {
      let hole = homeOf(number)
      while (slots[hole] !== number) hole = next(hole)
      // What stands behind may move up, unless that were before where it belongs (Knuth, 6.4, algorithm R).
      for (let slot = next(hole); (slots[slot] as number) >= 0; slot = next(slot)) {
        const home = homeOf(slots[slot] as number)
        const staysBehind = hole <= slot ? hole < home && home <= slot : hole < home || home <= slot
        if (staysBehind) continue
        slots[hole] = slots[slot] as number
        hole = slot
      }
      slots[hole] = -1
    },
  }
}

export type Members = {
  readonly users: Slab
  readonly tenants: Slab
  readonly counts: { readonly users: number; readonly tenants: number }
  /** First word of the row; -1: there is none. */
  tenant(name: Name): number
  user(name: Name): number
  /** The same, and where there is none one is made. */
  enterTenant(name: Name): number
  enterUser(name: Name, tenant: number): number
  /** Gives up its users, and all but the name of the tenant itself. */
  forget(name: Name): void
  /** Rows of tenants, and of the users of one, those that were there latest last. */
  eachTenant(): Iterable<number>
  eachUser(tenant: number): Iterable<number>
}

/**
 * A user takes the row of whoever of his own tenant was there least lately, or, while his tenant has less than its share of all
 * rows (`usersMax` by the number of tenants), of the tenant that has most. So a tenant that floods loses its own users only.
 */
export function newMembers(usersMax: number, tenantsMax: number): Members {
  const [users, tenants] = [newSlab(usersMax), newSlab(tenantsMax)]
  const [userIndex, tenantIndex] = [newIndex(users, usersMax), newIndex(tenants, tenantsMax)]
  /** A ring of the users of each tenant, the latest behind the others. */
  const [before, behind] = [new Int32Array(usersMax), new Int32Array(usersMax)]
  const latest = new Int32Array(tenantsMax).fill(-1)
  const [owned, usedAt] = [new Uint32Array(tenantsMax), new Float64Array(tenantsMax)]
  /** Rows that were given up, linked by `behind`. */
  let free = -1
  let [userCount, tenantCount, userRows, turn] = [0, 0, 0, 0]

  const tenantOf = (user: number) => users.words[user * rowWords + place.tenant] as number

  function link(user: number, tenant: number): void {
    const last = latest[tenant] as number
    if (last < 0) {
      before[user] = user
      behind[user] = user
    } else {
      const first = behind[last] as number
      before[user] = last
      behind[user] = first
      behind[last] = user
      before[first] = user
    }
    latest[tenant] = user
  }
  function unlink(user: number, tenant: number): void {
    const [left, right] = [before[user] as number, behind[user] as number]
    behind[left] = right
    before[right] = left
    if (latest[tenant] === user) latest[tenant] = left === user ? -1 : left
  }
  function giveUp(user: number): void {
    const tenant = tenantOf(user)
    unlink(user, tenant)
    userIndex.remove(user)
    users.words.fill(0, user * rowWords, (user + 1) * rowWords)
    owned[tenant] = (owned[tenant] as number) - 1
    userCount -= 1
    behind[user] = free
    free = user
  }
  const giveUpOldest = (tenant: number) => giveUp(behind[latest[tenant] as number] as number)

  function freeUser(tenant: number): number {
    if (userCount === usersMax) {
      const share = Math.floor(usersMax / tenantCount)
      giveUpOldest((owned[tenant] as number) >= share ? tenant : largest())
    }
    if (free < 0) return userRows++
    const user = free
    free = behind[user] as number
    return user
  }
  function largest(): number {
    let found = 0
    for (let tenant = 1; tenant < tenantCount; tenant += 1)
      if ((owned[tenant] as number) > (owned[found] as number)) found = tenant
    return found
  }
  /** The tenant that was there least lately goes, with its users. */
  function freeTenant(): number {
    if (tenantCount < tenantsMax) return tenantCount++
    let oldest = 0
    for (let tenant = 1; tenant < tenantsMax; tenant += 1)
      if ((usedAt[tenant] as number) < (usedAt[oldest] as number)) oldest = tenant
    while ((latest[oldest] as number) >= 0) giveUpOldest(oldest)
    tenantIndex.remove(oldest)
    tenants.words.fill(0, oldest * rowWords, (oldest + 1) * rowWords)
    return oldest
  }
  const rowOf = (number: number) => (number < 0 ? -1 : number * rowWords)

  return {
    users,
    tenants,
    get counts() {
      return { users: userCount, tenants: tenantCount }
    },
    tenant: (name) => rowOf(tenantIndex.find(name)),
    user: (name) => rowOf(userIndex.find(name)),
    enterTenant(name) {
      let tenant = tenantIndex.find(name)
      if (tenant < 0) {
        tenant = freeTenant()
        tenantIndex.add(name, tenant)
      }
      usedAt[tenant] = ++turn
      return tenant * rowWords
    },
    enterUser(name, tenantRow) {
      const tenant = tenantRow / rowWords
      let user = userIndex.find(name)
      if (user < 0) {
        user = freeUser(tenant)
        userIndex.add(name, user)
        users.words[user * rowWords + place.tenant] = tenant
        owned[tenant] = (owned[tenant] as number) + 1
        userCount += 1
        link(user, tenant)
      } else if (latest[tenant] !== user) {
        unlink(user, tenant)
        link(user, tenant)
      }
      return user * rowWords
    },
    forget(name) {
      const tenant = tenantIndex.find(name)
      if (tenant < 0) return
      while ((latest[tenant] as number) >= 0) giveUpOldest(tenant)
      tenants.words.fill(0, tenant * rowWords + place.tenant, (tenant + 1) * rowWords)
      usedAt[tenant] = 0
    },
    *eachTenant() {
      const order = Array.from({ length: tenantCount }, (_, tenant) => tenant)
      order.sort((one, other) => (usedAt[one] as number) - (usedAt[other] as number))
      for (const tenant of order) yield tenant * rowWords
    },
    *eachUser(tenantRow) {
      const last = latest[tenantRow / rowWords] as number
      if (last < 0) return
      let user = last
      do {
        user = behind[user] as number
        yield user * rowWords
      } while (user !== last)
    },
  }
}
