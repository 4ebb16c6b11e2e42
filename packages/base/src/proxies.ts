// SPDX-License-Identifier: Apache-2.0

import { BlockList, isIP } from 'node:net'

/** Reverse proxies whose word on whom they speak for is taken; that of nobody else is. */
export type Proxies = { has(address: string | undefined): boolean }

export const noProxies: Proxies = { has: () => false }

const blocksMax = 64
/** Larger blocks are no place where proxies alone are. */
const shortest = { ipv4: 8, ipv6: 16 } as const
const bits = { ipv4: 32, ipv6: 128 } as const
const hopsMax = 32

/** Addresses and CIDR blocks, with commas between. Undefined: it is none, or a block is larger than /8, in IPv6 than /16. */
export function readProxies(text: string): Proxies | undefined {
  const blocks = text === '' ? [] : text.split(',').map((block) => block.trim())
  const trusted = new BlockList()
  if (blocks.length > blocksMax || !blocks.every((block) => add(trusted, block))) return undefined
  return {
    has: (address) => {
      const family = familyOf(address ?? '')
      return family !== undefined && trusted.check(address as string, family)
    },
  }
}

function add(trusted: BlockList, block: string): boolean {
  const [address = '', given, ...more] = block.split('/')
  const family = familyOf(address)
  if (family === undefined || more.length > 0) return false
  const prefix = given === undefined ? bits[family] : /^\d{1,3}$/.test(given) ? Number(given) : Number.NaN
  if (!(prefix >= shortest[family] && prefix <= bits[family])) return false
  trusted.addSubnet(address, prefix, family)
  return true
}

/**
 * Whose request it is: `peer`, or, where that is a proxy, whom X-Forwarded-For says it asks for. The list is read from its
 * end, as far as proxies wrote it: what stands before that came with the request, and may say anything.
 */
export function clientBehind(
  peer: string | undefined,
  forwardedFor: string | undefined,
  proxies: Proxies,
): string | undefined {
  if (forwardedFor === undefined || !proxies.has(peer)) return peer
  let client = peer
  for (const hop of forwardedFor.split(',').slice(-hopsMax).reverse()) {
    const address = addressIn(hop.trim())
    if (address === undefined) return client
    client = address
    if (!proxies.has(client)) return client
  }
  return client
}

/** Some write the port with it. */
function addressIn(hop: string): string | undefined {
  const address = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(hop)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(hop)?.[1] ?? hop
  return familyOf(address) === undefined ? undefined : address
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  // A zone is this machine's own matter.
  const version = address.includes('%') ? 0 : isIP(address)
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : undefined
}
