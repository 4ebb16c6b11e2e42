// SPDX-License-Identifier: Apache-2.0

import type { SealwatchError } from '@sealwatch/base'
import type { ShipRequest } from '@sealwatch/contract'
import type { Host } from '../../identity/index.ts'
import type { Sender } from '../quarantine/item-form.ts'
import type { Position } from './register.ts'

/** What became of a batch. It is one of the first two only when that is on stable storage. */
export type Outcome =
  | { readonly kind: 'acknowledged'; readonly nextSeq: number; readonly leafIndex: number }
  | {
      readonly kind: 'quarantined'
      readonly nextSeq: number
      readonly reason: string
      readonly item: string
      readonly leafIndex: number
    }
  | { readonly kind: 'refused'; readonly error: SealwatchError; readonly expected: Position }

/** What the transport needs of the ingest behind it. */
export type IngestPort = {
  /**
   * Called in the order in which a chain's batches arrive, without waiting for earlier outcomes: the batches of a chain
   * are judged in the order of the calls. Rejects only when the outcome is unknown; the stream then ends.
   */
  submit(host: Host, tenant: string, batch: ShipRequest, sender?: Sender): Promise<Outcome>
  /** Where the ledger has the chain; lines that are not yet on stable storage may be counted in. */
  position(tenant: string, chain: string): Promise<Position>
}
