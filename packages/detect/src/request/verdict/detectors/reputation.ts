// SPDX-License-Identifier: Apache-2.0

import type { Reputation } from '../../reputation/index.ts'
import type { Detector } from '../detector.ts'
import { listingWeight } from '../weights.ts'

export const detectByReputation =
  ({ lookup }: Pick<Reputation, 'lookup'>): Detector =>
  ({ context: { address }, timeNs }) => ({
    evidence: lookup(address, Number(timeNs / 1_000_000n)).map(({ feed, category, prefix, weight }) => ({
      // How wide the prefix is, and not which: an address is somebody's.
      what: `the feed ${feed} names it as ${category}, with /${prefix.split('/')[1]}`,
      id: feed,
      threat: 'bad_address',
      weight: weight * listingWeight,
    })),
  })
