// SPDX-License-Identifier: Apache-2.0

import type { NetworkInterfaceInfo } from 'node:os'
import type { ServerStatus } from '../status/types.ts'
import { serverText } from '../supervise/joined.ts'

type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>
const anywhere = ['0.0.0.0', '::']

/** Where agents elsewhere reach a server of this machine: where it listens, and of all its addresses the first that others see. */
export function agentsAt({ address, port }: ServerStatus['agents'], interfaces: Interfaces): string {
  if (!anywhere.includes(address)) return serverText({ host: address, port })
  const others = Object.values(interfaces)
    .flatMap((rows) => rows ?? [])
    .filter(({ internal, address: own }) => !internal && !own.startsWith('fe80:'))
  const host = (others.find(({ family }) => family === 'IPv4') ?? others[0])?.address ?? '127.0.0.1'
  return serverText({ host, port })
}

export const isHereAlone = (server: string): boolean => /^(127\.|\[::1\]|localhost)/.test(server)
