// SPDX-License-Identifier: Apache-2.0

import { type Clock, messageOf, parseRfc3339 } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import type { TrustRoots } from './trust-roots.ts'

/** To find the signers, and to have the next version signed, takes a while. */
const warnDays = 30
const dayNs = 86_400_000_000_000n

/** Under a root that has expired, or does not verify, no critical change can be made. None at all is a choice. */
export function addTrustRootHealth(health: Health, roots: Pick<TrustRoots, 'newest'>, clock: Clock): void {
  health.show('trust_root', () => {
    try {
      const root = roots.newest()?.root
      if (root === undefined) return { level: 'ok', version: null, expires: null }
      const leftNs = (parseRfc3339(root.expires) as bigint) - clock.nowNs()
      const level = leftNs <= 0n ? 'critical' : leftNs < BigInt(warnDays) * dayNs ? 'warning' : 'ok'
      return { level, version: root.version, expires: root.expires }
    } catch (cause) {
      return { level: 'critical', version: null, expires: null, problem: messageOf(cause) }
    }
  })
}
