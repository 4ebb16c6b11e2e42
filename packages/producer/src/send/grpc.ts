// SPDX-License-Identifier: Apache-2.0

import { rootCertificates } from 'node:tls'
import { Code, ConnectError, createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { Form, IngestService, type SubmitOutcome, submissionLimits } from '@sealwatch/contract'
import type { IngestClient, ServiceCertificate } from '../certificate/certificate.ts'
import { producerError } from '../errors.ts'
import { bearerOf, outcomesOf, type Sender, type SenderOptions, sendFailed, sendRefused } from './sender.ts'

const neverTaken: readonly Code[] = [Code.InvalidArgument, Code.Unimplemented, Code.OutOfRange]

/** With the certificate of a service in the place of a token. `url`: of the port that hosts come to, https://HOST:PORT. */
export type CertifiedOptions = { readonly url: string; readonly certificate: ServiceCertificate }

/** `sealwatch.ingest.v1.IngestService/Submit` (submission.md, 4.2). Throws SEND_PLAIN where the url is not https. */
export function grpcSender(options: SenderOptions | CertifiedOptions): Sender {
  const { url } = options
  if (URL.parse(url)?.protocol !== 'https:')
    throw producerError('SEND_PLAIN', { attempted: 'sending submissions', received: `${URL.parse(url)?.origin}` })
  const connect = 'certificate' in options ? byCertificate(options) : byToken(options)
  return async (submissions, signal) => {
    const { client, headers } = await connect()
    const request = {
      submissions: submissions.map(({ form, ...rest }) => ({
        ...rest,
        form: form === 'dsse' ? Form.DSSE : Form.DETACHED,
      })),
    }
    try {
      const { outcomes } = await client.submit(request, { headers, signal })
      return outcomesOf(outcomes.map(jsonOf), submissions.length)
    } catch (cause) {
      if (!(cause instanceof ConnectError)) throw cause
      if (neverTaken.includes(cause.code)) throw sendRefused(cause.rawMessage)
      const seconds = Number(cause.metadata.get('retry-after') ?? Number.NaN)
      throw sendFailed(cause.message, seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {}, cause)
    }
  }
}

type Connection = { readonly client: IngestClient; readonly headers: Record<string, string> }

const byCertificate =
  ({ url, certificate }: CertifiedOptions) =>
  async (): Promise<Connection> => ({ client: await certificate.connect(url), headers: {} })

function byToken(options: SenderOptions): () => Promise<Connection> {
  const { url, ca } = options
  const nodeOptions = ca === undefined ? {} : { ca: [...rootCertificates, ca] }
  const transport = createGrpcTransport({ baseUrl: url, nodeOptions, readMaxBytes: submissionLimits.payloadBytesMax })
  const client = createClient(IngestService, transport)
  return async () => ({ client, headers: { authorization: await bearerOf(options) } })
}

/** As REST says it, so that one reader judges both. */
function jsonOf({ outcome }: SubmitOutcome): object {
  switch (outcome.case) {
    case 'admitted':
      return { outcome: outcome.case, leaf_index: Number(outcome.value.leafIndex), mark: outcome.value.mark }
    case 'duplicate':
      return { outcome: outcome.case, leaf_index: Number(outcome.value.leafIndex) }
    case 'quarantined':
      return { outcome: outcome.case, reason: outcome.value.reason, item: outcome.value.item }
    case 'refused': {
      const { code, detail, retryAfter } = outcome.value
      return { outcome: outcome.case, code, detail, retry_after: retryAfter }
    }
    default:
      return {}
  }
}
