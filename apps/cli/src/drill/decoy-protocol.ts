// SPDX-License-Identifier: Apache-2.0
// What the drill and its decoy say to each other: nothing of it stands in arguments or the environment.

import type { ReportedSubmission } from '@sealwatch/ledger'

export type DecoyOrder =
  /**
   * Its outbox in `dir`, which it removes as it ends; a key of its own, unless it is given one that leaked. `url`: of the
   * control plane.
   */
  | {
      readonly order: 'start'
      readonly url: string
      readonly ca: string | undefined
      readonly token: string
      readonly dir: string
      readonly leaked: LeakedKey | undefined
    }
  /** Another key, of which nobody is told. */
  | { readonly order: 'rotate' }
  /** The private half of its key, as somebody has it who took it. */
  | { readonly order: 'leak' }
  /** Its key in a file, in `dir`, for the commands that need the private half. */
  | { readonly order: 'save' }
  /** Rows, in one submission, until they are taken: in the ledger or in quarantine. */
  | { readonly order: 'send'; readonly rows: number }

/** `privateKey`: PKCS#8, PEM. It never leaves these processes. */
export type LeakedKey = { readonly keyId: string; readonly privateKey: string }

export type SentSubmission = Omit<ReportedSubmission, 'sender'>

export type DecoyAnswer =
  | { readonly answer: 'key'; readonly keyId: string; readonly publicKey: string }
  | { readonly answer: 'leaked'; readonly leaked: LeakedKey }
  | { readonly answer: 'saved'; readonly path: string }
  | { readonly answer: 'sent'; readonly submissions: readonly SentSubmission[] }
  | { readonly answer: 'failed'; readonly detail: string }
