// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from 'node:http'
import { clientBehind, type Proxies } from '@sealwatch/base'

/** Whose request it is: of the peer, or of whom a trusted proxy asks for. Undefined on the control socket. */
export function addressOf({ socket, headers }: IncomingMessage, proxies: Proxies): string | undefined {
  const { 'x-forwarded-for': forwarded } = headers
  return clientBehind(socket.remoteAddress, typeof forwarded === 'string' ? forwarded : undefined, proxies)
}

/** How whoever asks came in, as far as it is known: by a trusted proxy's word, else by what this server sees. */
export function protocolOf({ socket, headers }: IncomingMessage, proxies: Proxies): 'http' | 'https' | undefined {
  if (!proxies.has(socket.remoteAddress)) return 'encrypted' in socket ? 'https' : 'http'
  const told = String(headers['x-forwarded-proto'] ?? '')
    .split(',')
    .at(-1)
    ?.trim()
    .toLowerCase()
  return told === 'http' || told === 'https' ? told : undefined
}
