// SPDX-License-Identifier: Apache-2.0

import type { Side } from '@sealwatch/contract'
import type { Ledger } from '@sealwatch/ledger'
import type { Entry } from './entry.ts'
import { type ProvenSizes, proofState } from './proof.ts'
import { leafHashAt } from './sides.ts'

/** What is known of a line beside its own words, as API and feed say it. */
export function entryFacts(ledger: Ledger, entry: Entry) {
  const { leaf, kind, own, host, classUid, activityId, severityId, mark } = entry
  return {
    leaf_index: leaf,
    leaf_hash: leafHashAt(ledger, leaf),
    time: entry.json.time,
    kind,
    source: own ? ('server' as const) : ('host' as const),
    host: host === undefined ? null : { ...host },
    class_uid: classUid,
    activity_id: activityId,
    severity_id: severityId,
    mark,
  }
}

/** `side`: canonical JSON; undefined: not to be shown. */
export function entryJson(ledger: Ledger, sizes: ProvenSizes, entry: Entry, side?: string) {
  return {
    ...entryFacts(ledger, entry),
    proof: proofState(sizes, entry.leaf),
    line: entry.json,
    ...(side === undefined ? {} : { personal: (side === '' ? {} : JSON.parse(side)) as Side }),
  }
}
