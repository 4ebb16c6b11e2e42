// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const producerErrors = {
  PRODUCER_KEY: {
    kind: 'invalid',
    rule: 'a service signs with an Ed25519 key, or an RSA key of 2,048 bits or more; a shared secret is no evidence',
    advice: 'Make one: `openssl genpkey -algorithm ed25519 -out billing.pem`',
  },
  PRODUCER_CERTIFICATE: {
    kind: 'invalid',
    rule: 'a certificate file holds the certificate of a service, for the key in its file, and then the CA, both PEM',
    advice:
      'Have it certified: `sealwatch producer certify SERVICE billing.csr > billing.crt` (packages/producer/README.md)',
  },
  PRODUCER_ROW: {
    kind: 'invalid',
    rule: 'a row is 1 to 30,000 bytes of UTF-8 without control characters but tab and carriage return (submission.md, 2)',
    advice:
      'Write each row on one line, for instance with JSON.stringify, and keep large payloads elsewhere by their hash',
  },
  OUTBOX_FULL: {
    kind: 'exhausted',
    rule: 'an outbox holds no more rows than it may',
    advice: 'Look at why the forwarder sends nothing: the error it reports, its token, and the control plane',
  },
  OUTBOX_SHARED: {
    kind: 'conflict',
    rule: 'the forwarder has a database connection of its own, on which nobody else has a transaction open',
    advice: 'Open a second connection for it; rows are added on yours, in your transaction',
  },
  LEASE_LOST: {
    kind: 'conflict',
    rule: 'one forwarder at a time sends from an outbox',
    advice: 'Another one has taken over; this one waits for its turn',
  },
  SEND_FAILED: {
    kind: 'unavailable',
    rule: 'the control plane answers each request with one outcome for each submission',
    advice: 'Nothing is lost: the rows stay in the outbox and are sent again',
  },
  SEND_PLAIN: {
    kind: 'invalid',
    rule: 'rows and the token that brings them leave a machine by TLS alone',
    advice: 'Give the address of the control plane as https://HOST:PORT',
  },
  SEND_REFUSED: {
    kind: 'invalid',
    rule: 'a request keeps to submission.md, 4',
    advice: 'Look at what was received: the control plane says which rule it breaks',
  },
} as const satisfies ErrorTable

export const producerError = errorsOf(producerErrors)
