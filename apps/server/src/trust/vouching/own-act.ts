// SPDX-License-Identifier: Apache-2.0

import type { Body } from '@sealwatch/ledger'

/** What a line says that recordAct wrote. */
export type OwnAct = {
  readonly code: string
  /** `kind:id` of the principal. */
  readonly by: string
  readonly details: Readonly<Record<string, unknown>>
}

type ActMembers = {
  readonly metadata?: { readonly event_code?: unknown }
  readonly actor?: { readonly user?: { readonly uid?: unknown } }
  readonly unmapped?: Readonly<Record<string, unknown>>
}

/** Of a line of the ledger's own chain. */
export function actIn(body: Body): OwnAct | undefined {
  if (!('event' in body)) return undefined
  const { metadata, actor, unmapped = {} } = body.event as ActMembers
  const [code, by] = [metadata?.event_code, actor?.user?.uid]
  return typeof code === 'string' && typeof by === 'string' ? { code, by, details: unmapped } : undefined
}
