// SPDX-License-Identifier: Apache-2.0

import { BlockList, isIP } from 'node:net'
import { createReputation, type Reputation, readFeed, readReputationConfig } from '@sealwatch/detect/reputation'
import { createDice, type Dice } from './dice.ts'
import { compare, compareAll, type Figure, figureOf } from './figure.ts'

const feedNames = ['one', 'two', 'three', 'four']
const prefixesPerFeed = 250_000
const asked = 200_000
/** A list of net.BlockList is searched from its first entry to its last: as many as a peer can bear. */
const [smallPrefixes, smallAsked] = [1_000, 20_000]
const nowMs = 1

/** DET-1: a million prefixes of four feeds, a fifth of them and of what is asked in IPv6. */
export async function* benchReputation(runs = 5): AsyncGenerator<Figure> {
  const dice = createDice(1)
  const reputation = holding(feedNames.map(() => linesOf(dice, prefixesPerFeed)))
  yield figureOf('reputation.memory-of-million', 'MB', [reputation.bytes() / 1e6])
  const strangers = Array.from({ length: asked }, () => addressOf(dice))
  const set = new Set(strangers.filter((_, at) => at % 2 === 0))
  yield await compare({
    name: 'reputation.lookup',
    unit: 'lookups/s',
    runs,
    ours: async () => lookAll(reputation, strangers),
    peer: 'a Set of strings, which knows no prefixes',
    theirs: async () => {
      let found = 0
      for (const address of strangers) if (set.has(address)) found += 1
      if (found === 0) throw new Error('nothing was found')
      return asked
    },
  })

  const lines = linesOf(dice, smallPrefixes)
  const listed = lines.map((line) => line.split('/')[0] as string)
  const halfListed = Array.from({ length: smallAsked }, (_, at) =>
    at % 2 === 0 ? (listed[at % listed.length] as string) : addressOf(dice),
  )
  const list = blockListOf(lines)
  const small = holding([lines])
  yield await compare({
    name: 'reputation.lookup-half-listed',
    unit: 'lookups/s',
    runs,
    ours: async () => lookAll(small, halfListed),
    peer: `net.BlockList of the same ${smallPrefixes} prefixes`,
    theirs: async () => {
      for (const address of halfListed) list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
      return smallAsked
    },
  })

  const [feed] = configOf(1).feeds
  if (feed === undefined) throw new Error('there is no feed')
  const bytes = Buffer.from(linesOf(dice, prefixesPerFeed).join('\n'))
  const ours = async () => {
    reputation.take('one', readFeed(feed, bytes, nowMs))
    return prefixesPerFeed
  }
  yield* compareAll({ name: 'reputation.read-and-take', unit: 'prefixes/s', runs, ours, peers: [] })
}

function lookAll(reputation: Reputation, addresses: readonly string[]): number {
  for (const address of addresses) reputation.lookup(address, nowMs)
  return addresses.length
}

const configOf = (feeds: number) =>
  readReputationConfig(
    {
      feeds: feedNames.slice(0, feeds).map((name) => ({
        name,
        format: 'plain',
        source: { file: `/feeds/${name}` },
        weight: 1,
        category: 'scanner',
      })),
    },
    'preparing the benchmark',
  )

function holding(feeds: readonly (readonly string[])[]): Reputation {
  const config = configOf(feeds.length)
  const reputation = createReputation(config)
  for (const [at, feed] of config.feeds.entries())
    reputation.take(feed.name, readFeed(feed, Buffer.from((feeds[at] ?? []).join('\n')), nowMs))
  return reputation
}

function blockListOf(lines: readonly string[]): BlockList {
  const list = new BlockList()
  for (const line of lines) {
    const [address = '', bits] = line.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}

/** Of what IPv4 and IPv6 give to hosts. */
const addressOf = (dice: Dice) =>
  dice(5) === 0
    ? `2a0${dice(16).toString(16)}:${hex(dice)}::${hex(dice)}`
    : `${1 + dice(223)}.${dice(256)}.${dice(256)}.${dice(256)}`
const hex = (dice: Dice) => dice(65_536).toString(16)

const linesOf = (dice: Dice, count: number): string[] =>
  Array.from({ length: count }, () => {
    const kind = dice(10)
    if (kind < 2) return `2a0${dice(16).toString(16)}:${hex(dice)}:${hex(dice)}::/48`
    const net = `${1 + dice(223)}.${dice(256)}.${dice(256)}`
    return kind < 4 ? `${net}.0/24` : `${net}.${dice(256)}`
  })
