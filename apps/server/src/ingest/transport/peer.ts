// SPDX-License-Identifier: Apache-2.0

import type { X509Certificate } from 'node:crypto'
import type { ServerHttp2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { Code, ConnectError, createContextKey, type HandlerContext } from '@connectrpc/connect'
import { clientOf } from '@sealwatch/base'
import {
  type HostCertificate,
  type ServiceCertificate,
  verifyHostCertificate,
  verifyServiceCertificate,
} from '../../identity/index.ts'
import type { Sender } from '../quarantine/item-form.ts'

/** One connection, as the methods called on it see it. */
export type Peer = {
  readonly address: string
  /** Whom the address stands for. */
  readonly client: string
  /** Throws CERTIFICATE_MISSING or CERTIFICATE_FOREIGN. */
  certificate(): HostCertificate
  /** The same of a service; a host's is none, and the other way round. */
  serviceCertificate(): ServiceCertificate
  /** The tenant of each chain that Register admitted on this connection. */
  chains: ReadonlyMap<string, string> | undefined
  /** Ship streams open. */
  streams: number
  close(): void
  onClose(listener: () => void): void
}

export const peerKey = createContextKey<Peer | undefined>(undefined)

/** The connection that a call came on. */
export function peerOf(context: HandlerContext): Peer {
  const peer = context.values.get(peerKey)
  if (peer === undefined) throw new ConnectError('the connection is gone', Code.Aborted)
  return peer
}

export const senderOf = (peer: Peer): Sender => ({
  address: peer.address,
  certificate: peer.certificate().serial,
  token: null,
})

/** TLS proved that the peer holds the key of its certificate; whose it is and who signed it is checked at first use. */
export function peerAt(session: ServerHttp2Session, issuers: readonly X509Certificate[]): Peer {
  const socket = session.socket as TLSSocket
  const presented = socket.getPeerX509Certificate()
  let verified: HostCertificate | undefined
  let service: ServiceCertificate | undefined
  return {
    address: `${socket.remoteAddress} port ${socket.remotePort}`,
    client: clientOf(socket.remoteAddress),
    certificate: () => {
      verified ??= verifyHostCertificate(presented, issuers)
      return verified
    },
    serviceCertificate: () => {
      service ??= verifyServiceCertificate(presented, issuers)
      return service
    },
    chains: undefined,
    streams: 0,
    close: () => session.destroy(),
    onClose: (listener) => void session.once('close', listener),
  }
}
