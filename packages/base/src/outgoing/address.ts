// SPDX-License-Identifier: Apache-2.0

import { BlockList, isIP } from 'node:net'

/**
 * Where an address leads. `never`: to no host that anybody means to call: link-local and so the metadata of clouds,
 * multicast, reserved and documentation ranges, and IPv4 in the dress of IPv6 (IANA's special-purpose registries).
 */
export type AddressKind = 'public' | 'private' | 'loopback' | 'never'

function listOf(...ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [net = '', bits] = range.split('/')
    list.addSubnet(net, Number(bits), isIP(net) === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

const loopback = listOf('127.0.0.0/8', '::1/128')
const local = listOf('10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7')
/** Some lie within the ranges above or within what is public: they are asked for first. */
const metadata = listOf('100.100.100.200/32', '168.63.129.16/32', 'fd00:ec2::254/128', 'fd20:ce::254/128')
const reserved4 = listOf(
  '0.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
)
const unicast6 = listOf('2000::/3')
const reserved6 = listOf('2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20')
const translated6 = listOf('64:ff9b::/96')

export function addressKind(address: string): AddressKind {
  if (isIP(address) === 4) return kindOf4(address)
  if (isIP(address) !== 6 || address.includes('%')) return 'never'
  const isIn = (list: BlockList) => list.check(address, 'ipv6')
  if (isMapped(address) || isIn(metadata)) return 'never'
  if (isIn(loopback)) return 'loopback'
  if (isIn(local)) return 'private'
  // NAT64 (RFC 6052): a network without IPv4 reaches it so, and what is behind it is the IPv4 address.
  if (isIn(translated6)) return kindOf4(lastQuadOf(address)) === 'public' ? 'public' : 'never'
  return isIn(unicast6) && !isIn(reserved6) ? 'public' : 'never'
}

function kindOf4(address: string): AddressKind {
  const isIn = (list: BlockList) => list.check(address, 'ipv4')
  if (isIn(metadata) || isIn(reserved4)) return 'never'
  if (isIn(loopback)) return 'loopback'
  return isIn(local) ? 'private' : 'public'
}

/** A list would judge the IPv4 address within. */
const isMapped = (address: string) => /^\[::ffff:/.test(new URL(`http://[${address}]`).host)

function lastQuadOf(address: string): string {
  const [high = 0, low = 0] = new URL(`http://[${address}]`).hostname
    .slice(1, -1)
    .replace(/^64:ff9b::/, '0:')
    .split(':')
    .slice(-2)
    .map((group) => Number.parseInt(group || '0', 16))
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
