// SPDX-License-Identifier: Apache-2.0

import { apiOptions, withApi } from '../api.ts'
import { command, exit, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { readSmallFile } from '../small-file.ts'
import { columns, safe, safeJson, toSecond } from '../terminal.ts'

const requestBytesMax = 8192

export const producerCertify = command({
  name: 'producer certify',
  summary: 'Certify the key of a service: with it, it brings its rows over mutual TLS',
  about: `FILE is a certificate request (PKCS#10, PEM) for a P-256 key; the key itself stays with the service. What is written is for
its certificate file: the certificate, then the CA that the service trusts. It lives for a day, and the client renews it by itself.`,
  operands: [
    { name: 'SERVICE', required: true },
    { name: 'FILE', required: true },
  ],
  options: apiOptions,
  examples: ['sudo ./sealwatch producer certify billing billing.csr > billing.crt'],
  run: async (at, [producer = '', file = ''], { io, place, json }) => {
    const attempted = 'certifying a service'
    const request = readRequest(file, attempted)
    const answer = await withApi({ ...at, io, place }, attempted, (api) =>
      api.call('certifyProducer', { params: { producer }, body: { request } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : answer.chain)
    return exit.ok
  },
})

function readRequest(file: string, attempted: string): string {
  const advice = 'Make one where the service runs: openssl req -new -key billing-tls.key -subj / -out billing.csr'
  const unfit = (received: string, cause?: unknown) => cliError('CLI_USAGE', { attempted, received, cause, advice })
  let held: string
  try {
    held = readSmallFile(file, requestBytesMax)
  } catch (cause) {
    throw unfit(`${file}: ${(cause as NodeJS.ErrnoException).code}`, cause)
  }
  // What is private must not leave the machine.
  if (/PRIVATE KEY/.test(held)) throw unfit(`${file}, which holds a private key`)
  return held
}

export const producerCertificates = command({
  name: 'producer certificates',
  summary: 'The certificates that a service comes with',
  operands: [{ name: 'SERVICE', required: true }],
  options: apiOptions,
  examples: ['sudo ./sealwatch producer certificates billing'],
  run: async (at, [producer = ''], { io, place, json }) => {
    const { items } = await withApi({ ...at, io, place }, 'listing certificates', (api) =>
      api.call('listCertificates', { params: { producer } }),
    )
    if (json) io.out(`${safeJson({ items })}\n`)
    else
      io.out(
        columns([
          ['CERTIFICATE', 'SINCE', 'RENEWED', 'UNTIL'],
          ...items.map((row) => [
            safe(row.certificate_id),
            toSecond(row.issued_at),
            row.renewed_at === null ? '-' : toSecond(row.renewed_at),
            row.revoked_at === null ? toSecond(row.expires_at) : `revoked ${toSecond(row.revoked_at)}`,
          ]),
        ]),
      )
    return exit.ok
  },
})

export const producerRevokeCertificate = command({
  name: 'producer revoke-certificate',
  summary: 'Revoke a certificate of a service for good, at once',
  about: `Its open connections end. The service's keys stay: what it signed is judged by those.`,
  operands: [
    { name: 'SERVICE', required: true },
    { name: 'CERTIFICATE', required: true },
  ],
  options: { ...apiOptions, cause: text({ takes: 'TEXT', help: 'Why, for the ledger; name nobody' }) },
  examples: ['sudo ./sealwatch producer revoke-certificate billing crt_0123456789abcdef0123 --cause stolen'],
  run: async ({ cause, ...at }, [producer = '', certificate_id = ''], { io, place, json }) => {
    const attempted = 'revoking a certificate'
    if (cause === undefined) throw cliError('CLI_WHY', { attempted, advice: 'Say why: --cause "its disk was copied"' })
    const answer = await withApi({ ...at, io, place }, attempted, (api) =>
      api.call('revokeCertificate', { params: { producer, certificate_id }, body: { cause } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(certificate_id)} is revoked.\n`)
    return exit.ok
  },
})
