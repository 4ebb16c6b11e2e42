// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { createReputation, readFeed, readReputationConfig, reputationLimits } from './index.ts'

const utf8 = new TextEncoder()
const nowMs = Date.UTC(2026, 10, 23)
const feed = (name: string, more: object = {}) => ({
  name,
  format: 'plain',
  source: { file: `/feeds/${name}` },
  weight: 0.5,
  category: 'scanner',
  ttlSeconds: 86_400,
  ...more,
})
const configOf = (...feeds: readonly object[]) => readReputationConfig({ feeds, except: [] }, 'testing')
const read = (lines: readonly string[], name = 'a') =>
  readFeed({ name, format: 'plain' }, utf8.encode(lines.join('\n')), nowMs)

function holding(feeds: Readonly<Record<string, readonly string[]>>) {
  const reputation = createReputation(configOf(...Object.keys(feeds).map((name) => feed(name))))
  for (const [name, lines] of Object.entries(feeds)) reputation.take(name, read(lines, name))
  return reputation
}

test('DET-1 all that feeds say of an address is told, the narrowest prefix first', () => {
  const reputation = holding({
    wide: ['198.0.0.0/8', '198.51.100.0/24', '2001:db8::/32'],
    narrow: ['198.51.100.7', '198.51.100.0/24', '2001:db8::7'],
  })
  const told = (address: string) =>
    reputation.lookup(address, nowMs).map(({ feed: from, prefix }) => `${from} ${prefix}`)
  assert.deepEqual(told('198.51.100.7'), [
    'narrow 198.51.100.7/32',
    'narrow 198.51.100.0/24',
    'wide 198.51.100.0/24',
    'wide 198.0.0.0/8',
  ])
  assert.deepEqual(told('198.51.101.0'), ['wide 198.0.0.0/8'])
  assert.deepEqual(told('199.0.0.0'), [])
  assert.deepEqual(told('2001:db8::7'), ['narrow 2001:db8::7/128', 'wide 2001:db8::/32'])
  assert.deepEqual(told('2001:db9::'), [])
  assert.deepEqual(told('no address'), [])
})

test('DET-1 IPv4 in the dress of IPv6 is IPv4, in feeds and in questions', () => {
  const reputation = holding({ a: ['::ffff:192.0.2.0/120', '::ffff:198.51.100.1', '::/10'] })
  const told = (address: string) => reputation.lookup(address, nowMs).map(({ prefix }) => prefix)
  assert.deepEqual(told('192.0.2.9'), ['192.0.2.0/24'])
  assert.deepEqual(told('::ffff:c000:209'), ['192.0.2.0/24'])
  assert.deepEqual(told('::ffff:198.51.100.1'), ['198.51.100.1/32'])
  assert.deepEqual(told('::1'), ['::/10'])
  assert.deepEqual(told('::ffff:203.0.113.1'), [])
})

test('DET-1 what a feed says ends with it, what an entry says may end earlier, and both are told', () => {
  const reputation = createReputation(configOf(feed('c', { format: 'crowdsec-json' }), feed('p', { weight: 0.8 })))
  const decision = { scope: 'Ip', value: '192.0.2.1', duration: '1h' }
  const document = utf8.encode(JSON.stringify([decision]))
  reputation.take('c', readFeed({ name: 'c', format: 'crowdsec-json' }, document, nowMs))
  reputation.take('p', read(['192.0.2.0/24']))
  const hour = 3_600_000
  assert.deepEqual(reputation.lookup('192.0.2.1', nowMs + hour - 1), [
    { feed: 'c', category: 'scanner', weight: 0.5, prefix: '192.0.2.1/32', untilMs: nowMs + hour },
    { feed: 'p', category: 'scanner', weight: 0.8, prefix: '192.0.2.0/24', untilMs: nowMs + 24 * hour },
  ])
  const told = (atMs: number) => reputation.lookup('192.0.2.1', atMs).map(({ feed: from }) => from)
  assert.deepEqual(told(nowMs + hour), ['p'])
  assert.deepEqual(told(nowMs + 24 * hour), [])
  reputation.renew('p', nowMs + 24 * hour)
  assert.deepEqual(told(nowMs + 48 * hour - 1), ['p'])
})

test('DET-1 a feed that is read anew is replaced, and the others stay', () => {
  const reputation = holding({ a: ['192.0.2.1', '192.0.2.0/24'], b: ['192.0.2.1'] })
  const before = reputation.lookup('192.0.2.1', nowMs)
  reputation.take('a', read(['192.0.2.2']))
  assert.equal(before.length, 3)
  assert.deepEqual(
    reputation.lookup('192.0.2.1', nowMs).map(({ feed: from }) => from),
    ['b'],
  )
  assert.equal(reputation.lookup('192.0.2.2', nowMs).length, 1)
  assert.equal(reputation.stateOf('a')?.prefixes, 1)
})

test('DET-1 of what is excepted nothing is told; unless told otherwise, of local networks', () => {
  const config = readReputationConfig({ feeds: [feed('a')] }, 'testing')
  const reputation = createReputation(config)
  reputation.take('a', read(['10.0.0.0/8', 'fc00::/7', '192.0.2.1', '127.0.0.0/8', '0.0.0.0/8']))
  for (const address of ['10.1.2.3', '127.0.0.1', 'fd00::1', '::ffff:10.0.0.1', '0.0.0.0'])
    assert.deepEqual(reputation.lookup(address, nowMs), [], address)
  assert.equal(reputation.lookup('192.0.2.1', nowMs).length, 1)
})

test('DET-1 feeds that are too much together are not taken, and what was there stays', () => {
  const reputation = holding({ a: ['192.0.2.1'] })
  const { rows, ...reading } = read(['192.0.2.2'])
  assert.throws(() => holding({ a: ['192.0.2.1'], b: [] }), { code: 'FEED_EMPTY' })
  const full = { ...reading, rows, prefixes: reputationLimits.prefixesMax + 1 }
  assert.throws(() => reputation.take('a', full), { code: 'FEED_TOO_LARGE' })
  assert.equal(reputation.lookup('192.0.2.1', nowMs).length, 1)
})

// --- against node:net ------------------------------------------------------------------------------------------------

/** Few different bits, so that prefixes nest and addresses lie in them. */
const four = fc
  .tuple(fc.constantFrom(10, 192, 193), fc.nat(3), fc.constantFrom(0, 128), fc.nat(7))
  .map((octets) => octets.join('.'))
const six = fc
  .tuple(fc.constantFrom('2001:db8', '2a00:1'), fc.nat(3), fc.nat(3))
  .map(([net, a, b]) => `${net}:${a}::${b}`)

function masked(address: string, bits: number): string {
  const isFour = address.includes('.')
  const size = isFour ? 32 : 128
  const full = isFour ? address.split('.').map(Number) : groupsOf(address)
  const each = isFour ? 8 : 16
  const kept = full.map((part, at) => {
    const left = Math.min(each, Math.max(0, Math.min(bits, size) - at * each))
    return part & ~(2 ** (each - left) - 1)
  })
  return isFour ? kept.join('.') : kept.map((part) => part.toString(16)).join(':')
}
function groupsOf(address: string): number[] {
  const [head = '', tail = ''] = address.split('::')
  const [heads, tails] = [head.split(':'), tail.split(':')].map((part) =>
    part.map((group) => Number.parseInt(group, 16)),
  )
  return [...(heads ?? []), ...Array<number>(8 - (heads?.length ?? 0) - (tails?.length ?? 0)).fill(0), ...(tails ?? [])]
}
const prefix = fc.oneof(
  fc.tuple(four, fc.integer({ min: 7, max: 32 })).map(([address, bits]) => `${masked(address, bits)}/${bits}`),
  fc.tuple(six, fc.integer({ min: 8, max: 128 })).map(([address, bits]) => `${masked(address, bits)}/${bits}`),
)
const isIn = (text: string, address: string) => {
  const [net = '', bits] = text.split('/')
  const list = new BlockList()
  list.addSubnet(net, Number(bits), net.includes(':') ? 'ipv6' : 'ipv4')
  return address.includes(':') === net.includes(':') && list.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
}

test('DET-1 net.BlockList finds the same prefixes, of each feed, however they nest', () => {
  let found = 0
  const lists = fc.array(prefix, { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(
      fc.tuple(lists, lists),
      fc.array(fc.oneof(four, six), { minLength: 1, maxLength: 8 }),
      (feeds, asked) => {
        const named = Object.fromEntries(feeds.map((lines, at) => [`f${at}`, lines]))
        const reputation = holding(named)
        for (const address of asked) {
          const due = Object.entries(named).flatMap(([name, lines]) =>
            [...new Set(lines.filter((line) => isIn(line, address)))].map((line) => `${name} /${line.split('/')[1]}`),
          )
          const told = reputation
            .lookup(address, nowMs)
            .map((listing) => `${listing.feed} /${listing.prefix.split('/')[1]}`)
          assert.deepEqual(told.toSorted(), due.toSorted(), address)
          found += told.length
        }
      },
    ),
    { seed: 8, numRuns: 500 },
  )
  assert(found > 1_000, `${found} found`)
})

test('DET-1 a range is the addresses from its first to its last, and no others', () => {
  const ends = fc.tuple(fc.nat(300), fc.nat(300)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
  const at = (value: number) => `198.51.${100 + (value >> 8)}.${value & 255}`
  fc.assert(
    fc.property(ends, ([first, last]) => {
      const reputation = holding({ a: [`${at(first)}-${at(last)}`] })
      for (let value = Math.max(0, first - 2); value <= last + 2; value += 1)
        assert.equal(reputation.lookup(at(value), nowMs).length, value >= first && value <= last ? 1 : 0, at(value))
    }),
    { seed: 8, numRuns: 200 },
  )
  const six = holding({ a: ['2001:db8::1-2001:db8::ffff:0'] })
  const told = (address: string) => six.lookup(address, nowMs).length
  assert.deepEqual(
    ['2001:db8::', '2001:db8::1', '2001:db8::fffe:1', '2001:db8::ffff:0', '2001:db8::ffff:1'].map(told),
    [0, 1, 1, 1, 0],
  )
})
