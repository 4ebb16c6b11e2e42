// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { connect } from 'node:tls'
import { authorityOver, certificatesShown, rootOf } from '@sealwatch/keys'
import { cliError } from '../errors.ts'

const connectMsMax = 10_000

/** The root of the certificate authority of the control plane at `url`, which shows it along; held against its fingerprint. */
export async function authorityAt(url: string, fingerprint: string): Promise<string | undefined> {
  const { protocol, hostname, port } = new URL(url)
  if (protocol !== 'https:') return undefined
  // Whoever answers is judged by the fingerprint, which root's socket told.
  using socket = Object.assign(connect({ host: hostname, port: Number(port || 443), rejectUnauthorized: false }), {
    [Symbol.dispose](this: { destroy(): void }) {
      this.destroy()
    },
  })
  await once(socket, 'secureConnect', { signal: AbortSignal.timeout(connectMsMax) })
  const [leaf, ...above] = certificatesShown(socket.getPeerX509Certificate())
  const authority = leaf && authorityOver(leaf, above, fingerprint)
  if (authority !== undefined) return rootOf(authority).toString()
  throw cliError('CLI_DRILL_REFUSED', {
    attempted: `connecting to ${url}`,
    received: 'a certificate of another authority than the deployment has',
  })
}
