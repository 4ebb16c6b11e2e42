// SPDX-License-Identifier: Apache-2.0
// TUF specification 1.0, 5.3: how a trust root follows another. No node: imports.

import { parseRfc3339 } from '@sealwatch/base/time'
import type { DsseEnvelope } from '../dsse.ts'
import { type Count, countSigners, digestHexOf, isReached, toldCount } from './count.ts'
import { manifestError } from './errors.ts'
import { type ManifestCrypto, payloadOf } from './signed-text.ts'
import { parseTrustRoot, type TrustRoot, trustRootType } from './trust-root.ts'

declare const trusted: unique symbol
/** Only `openFirstRoot` and `openNextRoot` make one. It may have expired: `checkFresh` says. */
export type TrustedRoot = {
  readonly root: TrustRoot
  readonly envelope: DsseEnvelope
  /** What is pinned: SHA-256 of what was signed. */
  readonly digestHex: string
  /** Of its own role `root`. */
  readonly count: Count
  readonly [trusted]: true
}

/** The root in an envelope, trusted by nobody yet. Throws TRUST_ROOT_MALFORMED. */
export function readRoot(envelope: DsseEnvelope, crypto: ManifestCrypto, attempted: string): TrustRoot {
  const wrong = (received: string) => manifestError('TRUST_ROOT_MALFORMED', { attempted, received })
  return parseTrustRoot(payloadOf(envelope, trustRootType, wrong), crypto, attempted)
}

/**
 * The root that trust begins with (TUF 5.2): somebody has decided to trust exactly this one. Where they gave its digest,
 * it must be that. It is signed by its own threshold, so that its keys are known to work.
 */
export function openFirstRoot(
  envelope: DsseEnvelope,
  crypto: ManifestCrypto,
  { pinned, attempted }: { readonly pinned?: string | undefined; readonly attempted: string },
): TrustedRoot {
  const root = readRoot(envelope, crypto, attempted)
  if (root.version !== 1)
    throw manifestError('TRUST_ROOT_VERSION', { attempted, received: `version ${root.version} as the first` })
  const opened = byOwnThreshold(root, envelope, crypto, attempted)
  if (pinned !== undefined && opened.digestHex !== pinned)
    throw manifestError('TRUST_ROOT_UNVERIFIED', { attempted, received: `the root ${opened.digestHex}, not ${pinned}` })
  return opened
}

/** TUF 5.3.4 and 5.3.5: the next version, signed by the threshold of this one and by its own. */
export function openNextRoot(
  now: TrustedRoot,
  envelope: DsseEnvelope,
  crypto: ManifestCrypto,
  attempted: string,
): TrustedRoot {
  const root = readRoot(envelope, crypto, attempted)
  if (root.version !== now.root.version + 1) {
    const received = `version ${root.version} after ${now.root.version}`
    throw manifestError('TRUST_ROOT_VERSION', { attempted, received })
  }
  const before = countSigners(envelope, now.root, 'root', crypto)
  if (!isReached(before)) {
    const received = `${toldCount(before, 'root')} of version ${now.root.version}`
    throw manifestError('TRUST_ROOT_UNVERIFIED', { attempted, received })
  }
  return byOwnThreshold(root, envelope, crypto, attempted)
}

function byOwnThreshold(
  root: TrustRoot,
  envelope: DsseEnvelope,
  crypto: ManifestCrypto,
  attempted: string,
): TrustedRoot {
  const count = countSigners(envelope, root, 'root', crypto)
  if (!isReached(count)) {
    const received = `${toldCount(count, 'root')} of version ${root.version}`
    throw manifestError('TRUST_ROOT_UNVERIFIED', { attempted, received })
  }
  return { root, envelope, count, digestHex: digestHexOf(envelope, crypto) } as TrustedRoot
}

/** From the pinned digest of version 1 to the newest: what an agent or an auditor walks with nothing but the envelopes. */
export function openRootChain(
  pinned: string,
  envelopes: readonly DsseEnvelope[],
  crypto: ManifestCrypto,
  attempted: string,
): TrustedRoot {
  const [first, ...later] = envelopes
  if (first === undefined) throw manifestError('TRUST_ROOT_UNVERIFIED', { attempted, received: 'no trust root' })
  return later.reduce(
    (now, envelope) => openNextRoot(now, envelope, crypto, attempted),
    openFirstRoot(first, crypto, { pinned, attempted }),
  )
}

/** TUF 5.3.10: the time of a check must lie before `expires` of the newest root. Throws TRUST_ROOT_EXPIRED. */
export function checkFresh({ root }: TrustedRoot, nowNs: bigint, attempted: string): void {
  if (nowNs >= (parseRfc3339(root.expires) as bigint))
    throw manifestError('TRUST_ROOT_EXPIRED', { attempted, received: `version ${root.version}, until ${root.expires}` })
}
