// SPDX-License-Identifier: Apache-2.0

import type { TrustRoots } from '../manifests/index.ts'

/** Of drills: what such a service says is evidence of nothing. */
const decoyPrefix = 'drill-'

/**
 * Whether a further key of a service counts by a manifest alone. Without a trust root nobody could sign one, and an admin
 * adds keys as ever. Throws where the trust root that is kept does not verify.
 */
export const isPromoted = (producer: string, roots: Pick<TrustRoots, 'newest'>): boolean =>
  !producer.startsWith(decoyPrefix) && roots.newest() !== undefined

/** Of a decoy an admin promotes keys alone, so that a drill needs nobody else. */
export const isDecoy = (producer: string): boolean => producer.startsWith(decoyPrefix)
