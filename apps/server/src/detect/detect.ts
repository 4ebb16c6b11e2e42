// SPDX-License-Identifier: Apache-2.0

import type { Log } from '@sealwatch/base'
import { follow } from '@sealwatch/base'
import type { Ledger } from '@sealwatch/ledger'
import type { Ruleset } from '@sealwatch/detect'
import type { Outbox, Store } from '../store/index.ts'

export async function detect(options: { readonly ledger: Ledger; readonly store: Store; readonly outbox: Outbox; readonly ruleset: Ruleset; readonly log: Log; readonly signal: AbortSignal } & Record<string, unknown>): Promise<void> {
  void follow
  await new Promise<void>((resolve) => options.signal.addEventListener('abort', () => resolve(), { once: true }))
}
