// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { duplexPair } from 'node:stream'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { messageOf } from '@sealwatch/base'
import { certificateRequest, newTlsKey, pemOf, rootOf, trusting } from '@sealwatch/keys'
import { verifyCertificateRequest } from './certificate-request.ts'
import { identityError } from './errors.ts'
import type { Issuing, IssuingCa } from './issuing.ts'

const patienceMs = 30_000
const pemOfDer = (der: Uint8Array) =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`

/**
 * Has a server and a host that this CA certifies shake hands, in memory, each trusting its root alone: what TLS thinks of path
 * lengths, purposes, constraints on names and the strength of signatures shows here, and not on a thousand hosts. Throws CA_UNFIT.
 */
export async function proveCa({ chain }: IssuingCa, issuing: Issuing, names: readonly string[], attempted: string) {
  const key = newTlsKey()
  const request = await verifyCertificateRequest(certificateRequest(key))
  const host = await issuing.issueHost(request, '0'.repeat(32))
  const { cert, key: serverKey } = await issuing.issueServer(names)
  const ca = rootOf(chain).toString()
  const minVersion = 'TLSv1.3' as const
  const [near, far] = duplexPair()
  const door = createServer({ cert, key: serverKey, ca, minVersion, requestCert: true, rejectUnauthorized: false })
  const signal = AbortSignal.timeout(patienceMs)
  try {
    const entered = once(door, 'secureConnection', { signal })
    entered.catch(() => undefined)
    door.emit('connection', far)
    const client = connect({
      ...trusting(pemOf(chain)),
      socket: near,
      host: names[0],
      minVersion,
      key: key.export({ type: 'pkcs8', format: 'pem' }),
      cert: host.chain.map(pemOfDer).join(''),
    })
    await once(client, 'secureConnect', { signal })
    const [{ authorized, authorizationError }] = (await entered) as [TLSSocket]
    if (!authorized) throw new Error(`the certificate of a host: ${authorizationError}`)
  } catch (cause) {
    throw identityError('CA_UNFIT', {
      attempted,
      received: `one with which server and host do not trust each other: ${messageOf(cause)}`,
      cause,
    })
  } finally {
    near.destroy()
    far.destroy()
  }
}
