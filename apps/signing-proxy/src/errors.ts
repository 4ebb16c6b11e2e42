// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf, isSealwatchError } from '@sealwatch/base'

export const signingProxyErrors = {
  PROXY_SETTINGS: {
    kind: 'invalid',
    rule: 'the proxy serves TLS, or in tests plain HTTP on the loopback address alone',
    advice: 'Set SEALWATCH_PROXY_TLS_CERT_FILE and SEALWATCH_PROXY_TLS_KEY_FILE (docs/formats/signing-proxy.md, 1)',
  },
  PROXY_CALLERS: {
    kind: 'invalid',
    rule: 'the callers file lists who may have what signed (docs/formats/signing-proxy.md, 3)',
    advice: '`sealwatch signing-proxy key` makes an API key and prints the row for it',
  },
  PROXY_UNAUTHENTICATED: {
    kind: 'unverified',
    rule: 'a caller shows an API key or a client certificate that the callers file has',
    advice: 'Check the key or certificate; a caller is added in the callers file, and counts from the next start',
  },
  PROXY_PURPOSE: {
    kind: 'denied',
    rule: 'a caller has signed only what its row of the callers file allows',
    advice: 'Add the purpose to the row if it is meant; the audit chain of the proxy has this attempt',
  },
  PROXY_RATE: {
    kind: 'exhausted',
    rule: 'a caller asks at most as often as its row allows',
    advice: 'Wait; sign checkpoints, not events. signatures_per_minute in the callers file is the limit',
  },
  PROXY_REQUEST: {
    kind: 'invalid',
    rule: 'a body is one JSON object in canonical form (RFC 8785) with exactly the members of its path',
    advice: 'See docs/formats/signing-proxy.md, 4',
  },
  PROXY_DIGEST: {
    kind: 'invalid',
    rule: 'only rsa-sha256 signs a digest; the other algorithms hash the whole message themselves',
    advice: 'POST the message to /sign/canonical',
  },
  PROXY_TOO_LARGE: {
    kind: 'exhausted',
    rule: 'a body has at most 16 KiB',
    advice: 'Sign what holds the hash of the larger thing',
  },
  PROXY_ROUTE: {
    kind: 'not_found',
    rule: 'there are POST /sign/canonical, /sign/hash, /verify and GET /key, /healthz',
    advice: 'See docs/formats/signing-proxy.md, 4',
  },
  PROXY_BUSY: {
    kind: 'unavailable',
    rule: 'at most 64 signatures are under way at once',
    advice: 'Try again',
  },
  PROXY_SIGNER: {
    kind: 'unavailable',
    rule: 'the keeper of the key behind the proxy signs',
    advice: 'Ask GET /healthz, and see the log of the proxy',
  },
  PROXY_AUDIT: {
    kind: 'unavailable',
    rule: 'a signature is on record in the audit chain before it leaves the proxy',
    advice: 'Make room on the disk of the proxy, or archive the oldest files of its audit chain and start it again',
  },
} as const satisfies ErrorTable

export const proxyError = errorsOf(signingProxyErrors)

const statuses: Readonly<Record<string, number>> = {
  invalid: 400,
  unverified: 401,
  denied: 403,
  not_found: 404,
  exhausted: 429,
}

/** HTTP's word for what went wrong. */
export function statusOf(error: unknown): number {
  if (!isSealwatchError(error)) return 500
  if (error.code === 'PROXY_TOO_LARGE') return 413
  return statuses[error.kind] ?? 503
}
