// SPDX-License-Identifier: Apache-2.0
// Who this host is, and which CA speaks for its server, for whoever shall not have to believe the agent.

import { type AuthorityChain, authorityOver, authorityPinChars, certificatesIn } from './authority.ts'

const hostUri = /^URI:sealwatch:host:([0-9a-f]{32})$/

/**
 * How the fingerprint of the CA begins, as root was told it: by `joined.json`, which the join token left, or by `trust.json`, which the server of this machine
 * left. `read` returns undefined of a file that is not there; of these the first counts. Undefined: there is none yet. Throws SyntaxError.
 */
export function caPinOf(paths: readonly string[], read: (path: string) => string | undefined): string | undefined {
  for (const path of paths) {
    const text = read(path)
    if (text === undefined) continue
    const { caPin, caFingerprint } = JSON.parse(text) as { readonly caPin?: unknown; readonly caFingerprint?: unknown }
    const pin = caPin ?? caFingerprint
    if (typeof pin === 'string' && pin.length >= authorityPinChars) return pin
    throw new SyntaxError(`${path} pins no CA`)
  }
  return undefined
}

/** `identity`: the certificate of the host and those above it, PEM. Throws SyntaxError, or what OpenSSL throws. */
export function pinnedHost(
  identity: string,
  pin: string,
): { readonly hostId: string; readonly authority: AuthorityChain } {
  const [leaf, ...above] = certificatesIn(identity)
  const authority = leaf && authorityOver(leaf, above, pin)
  const hostId = hostUri.exec(leaf?.subjectAltName ?? '')?.[1]
  if (authority === undefined || hostId === undefined)
    throw new SyntaxError('the identity of the agent is of another CA than the one that is pinned')
  return { hostId, authority }
}
