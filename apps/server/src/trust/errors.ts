// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const trustErrors = {
  PRODUCER_INVALID: {
    kind: 'invalid',
    rule: "a service's name is 1 to 64 lower-case letters, digits and inner hyphens",
    advice: 'Choose another name; it stands in every row of the service',
  },
  PRODUCER_EXISTS: {
    kind: 'conflict',
    rule: 'a name stands for one service of the tenant',
    advice: '`sealwatch producer list` shows them',
  },
  PRODUCER_UNKNOWN: {
    kind: 'not_found',
    rule: 'the producer is a service, or a host, of this tenant',
    advice:
      '`sealwatch producer list` shows the services, `sealwatch status` the hosts; `sealwatch producer add` makes one',
  },
  PRODUCER_HALTED: {
    kind: 'unavailable',
    rule: 'of a producer that was halted nothing is taken',
    advice: 'Nothing is lost: it keeps its rows. Whoever halted it resumes it: `sealwatch producer resume`',
  },
  PRODUCER_SETTLING: {
    kind: 'unavailable',
    rule: 'after a restart nothing of a producer is judged before the last changes of its keys stand in the ledger',
    advice: 'Nothing is lost: it keeps its rows, and sends them again in a second',
  },
  SIGNING_KEY_INVALID: {
    kind: 'invalid',
    rule: 'a key has an id of 1 to 128 printable characters without spaces, is a public key for ed25519, or for rsa-sha256 of 2,048 to 8,192 bits, and its window ends after it begins',
    advice:
      '`openssl pkey -in KEY -pubout` writes the public half; `sealwatch signing-key add --help` shows an example',
  },
  SIGNING_KEY_SHARED: {
    kind: 'invalid',
    rule: 'rows are signed by a key that their producer alone has: ed25519 or rsa-sha256',
    advice: 'A shared secret (hmac-sha256) is no evidence: whoever verifies could have signed. Make a key pair',
  },
  SIGNING_KEY_TAKEN: {
    kind: 'conflict',
    rule: 'in a tenant an id stands for one key, and a key has one id',
    advice: 'Give a new key a new id; `sealwatch signing-key list` shows what stands',
  },
  SIGNING_KEY_UNKNOWN: {
    kind: 'not_found',
    rule: 'the key is one of this tenant',
    advice: '`sealwatch signing-key list` shows them',
  },
  SIGNING_KEY_REVOKED: {
    kind: 'conflict',
    rule: 'a key that was revoked stays so',
    advice: 'Add a new key under a new id',
  },
  SIGNING_KEY_SINCE: {
    kind: 'invalid',
    rule: 'from when on somebody else may have had a key is a time that has come',
    advice:
      'Give the first moment at which that may have been: --compromised-since 2026-11-20T00:00:00Z; without it, now',
  },
  SIGNING_KEY_STATE: {
    kind: 'conflict',
    rule: 'a key goes from candidate to staged to active, one step at a time, and none back',
    advice: '`sealwatch rotate status SERVICE` shows where each key is, and what comes next',
  },
  SIGNING_KEY_UNTESTED: {
    kind: 'unverified',
    rule: 'a key goes on when its private half has signed the probe that names it (docs/formats/key-states.md, 3)',
    advice: 'Where the private key is: `sealwatch rotate start SERVICE --id ID --key-file KEY`',
  },
  SIGNING_KEY_PROMOTION: {
    kind: 'conflict',
    rule: 'where there is a trust root, a service that has a key gets another one by rotation, and enough people agree to it',
    advice: 'Begin with a candidate: `sealwatch rotate start SERVICE --id ID --key-file KEY`',
  },
  SIGNING_KEY_ELSEWHERE: {
    kind: 'conflict',
    rule: 'a key is changed where it came from',
    advice:
      'What the trust-store file made is changed in the file; the keys of a host go with it, when it is revoked (`sealwatch compromise KEY`, or revokeHost of the API)',
  },
  CERTIFICATE_UNKNOWN: {
    kind: 'not_found',
    rule: 'the certificate is one of this service',
    advice: '`sealwatch producer certificates SERVICE` lists them',
  },
  CERTIFICATE_REVOKED: {
    kind: 'denied',
    rule: 'the certificate of a service counts as long as nobody has revoked it',
    advice: 'Make another key and request, and have it certified: `sealwatch producer certify SERVICE FILE`',
  },
  TRUST_STORE_INVALID: {
    kind: 'invalid',
    rule: 'the trust-store file is whole and has the form of docs/formats/trust-store.md, or nothing of it counts',
    advice:
      'Correct what is named, and write the file anew: it is read each second. Until then what counted before does',
  },
  TRUST_TOO_MANY: {
    kind: 'exhausted',
    rule: 'a tenant has at most 1,000 services, and a service 1,000 keys, with those that ended, and 16 certificates',
    advice: 'Let services share a name, or begin another tenant',
  },
} as const satisfies ErrorTable
export const trustError = errorsOf(trustErrors)

export const perTenantMax = { producers: 1_000, keysOfProducer: 1_000, certificatesOfProducer: 16 } as const
