// SPDX-License-Identifier: Apache-2.0

import { BlockList, isIP } from 'node:net'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Reached from this machine alone, where a browser trusts `localhost` without a certificate. */
export const isLoopback = (address: string): boolean =>
  address === 'localhost' || (isIP(address) !== 0 && loopback.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'))
