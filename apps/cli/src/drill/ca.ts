// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { connect, type DetailedPeerCertificate } from 'node:tls'
import { cliError } from '../errors.ts'

const connectMsMax = 10_000

/** The certificate authority of the control plane at `url`, which shows it along; held against its fingerprint. */
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
  let shown: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
  for (let depth = 0; shown !== undefined && depth < 4; depth += 1) {
    if (shown.fingerprint256.replaceAll(':', '').toLowerCase() === fingerprint)
      return `-----BEGIN CERTIFICATE-----\n${shown.raw.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
    shown = shown.issuerCertificate === shown ? undefined : shown.issuerCertificate
  }
  throw cliError('CLI_DRILL_REFUSED', {
    attempted: `connecting to ${url}`,
    received: 'a certificate of another authority than the deployment has',
  })
}
