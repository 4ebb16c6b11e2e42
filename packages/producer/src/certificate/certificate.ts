// SPDX-License-Identifier: Apache-2.0

import { type Client, createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { type Clock, type Disk, systemClock, systemDisk } from '@sealwatch/base'
import { IngestService, submissionLimits } from '@sealwatch/contract'
import { certificateRequest, trusting } from '@sealwatch/keys'
import { sendFailed } from '../send/sender.ts'
import { type Credentials, chainOf, readCredentials, renewedCredentials } from './files.ts'

export type IngestClient = Client<typeof IngestService>

/** The certificate of a service, in its files, and what is sent with it. */
export type ServiceCertificate = {
  readonly expiresAtMs: number
  /** Connected by a certificate that is valid; renews it first where it is time. Throws SEND_FAILED. */
  connect(url: string): Promise<IngestClient>
}

export type CertificateOptions = {
  /** P-256, PEM. It is read, and stays as it is. */
  readonly keyFile: string
  /** As `sealwatch producer certify` wrote it; each renewal replaces it as a whole. */
  readonly certificateFile: string
  /** A renewal failed while the certificate is still valid: it is tried again in a minute. */
  readonly onError?: (error: unknown) => void
  readonly clock?: Clock
  readonly disk?: Disk
}

/** Renewed when a third of its life is left; also for 30 days behind its end. */
const renewAt = 2 / 3
const againMs = 60_000
const renewalMsMax = 10_000

/** Throws PRODUCER_CERTIFICATE. */
export async function fileCertificate(options: CertificateOptions): Promise<ServiceCertificate> {
  const { keyFile, certificateFile, onError, clock = systemClock, disk = systemDisk } = options
  let credentials = await readCredentials(keyFile, certificateFile)
  let clients = new Map<string, IngestClient>()
  let dueMs = dueOf(credentials)
  let renewing: Promise<void> | undefined

  function clientAt(url: string): IngestClient {
    const known = clients.get(url)
    if (known !== undefined) return known
    const { key, certificate, authority } = credentials
    const nodeOptions = { ...trusting(authority), cert: certificate, key, minVersion: 'TLSv1.3' as const }
    const readMaxBytes = submissionLimits.payloadBytesMax
    const client = createClient(IngestService, createGrpcTransport({ baseUrl: url, nodeOptions, readMaxBytes }))
    clients.set(url, client)
    return client
  }

  async function renew(url: string): Promise<void> {
    try {
      const request = { csr: certificateRequest(credentials.privateKey) }
      const { certificates } = await clientAt(url).renewCertificate(request, { timeoutMs: renewalMsMax })
      const next = renewedCredentials(credentials, certificates)
      await disk.replace(certificateFile, chainOf(next), 0o600)
      credentials = next
      // What is under way ends on the connection it has; the next goes by the new one.
      clients = new Map()
      dueMs = dueOf(next)
    } catch (cause) {
      dueMs = clock.nowMs() + againMs
      if (clock.nowMs() >= credentials.expiresAtMs) {
        dueMs = 0
        throw sendFailed('a certificate that is over, and could not be renewed', {}, cause)
      }
      onError?.(cause)
    } finally {
      renewing = undefined
    }
  }

  return {
    get expiresAtMs() {
      return credentials.expiresAtMs
    },
    connect: async (url) => {
      if (clock.nowMs() >= dueMs) {
        renewing ??= renew(url)
        await renewing
      }
      return clientAt(url)
    },
  }
}

const dueOf = ({ notBeforeMs, expiresAtMs }: Credentials) => notBeforeMs + (expiresAtMs - notBeforeMs) * renewAt
