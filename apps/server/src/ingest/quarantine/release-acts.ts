// SPDX-License-Identifier: Apache-2.0

import type { Body } from '@sealwatch/ledger'
import { actIn } from '../../trust/index.ts'

/** What people said of a release, as the lines of a ledger have it: by the name of the request. */
export type ReleaseBook = Map<string, SaidRelease>
type SaidRelease = {
  readonly item: string
  readonly stubLeaf: number
  readonly requestedBy: string
  readonly approvedBy?: string
  readonly isRejected?: true
}

/** Takes a line of the ledger's own chain. */
export function takeReleaseLine(book: ReleaseBook, body: Body): void {
  const act = actIn(body)
  if (act === undefined) return
  const { code, by, details } = act
  const { quarantine_request: request, quarantine_item: item, stub_leaf: stubLeaf } = details
  if (typeof request !== 'string' || typeof item !== 'string' || typeof stubLeaf !== 'number') return
  if (code === 'quarantine_release_requested') {
    if (!book.has(request)) book.set(request, { item, stubLeaf, requestedBy: by })
    return
  }
  const asked = book.get(request)
  if (asked === undefined || asked.item !== item || asked.stubLeaf !== stubLeaf) return
  if (code === 'quarantine_release_rejected') book.set(request, { ...asked, isRejected: true })
  if (code === 'quarantine_release_approved') book.set(request, { ...asked, approvedBy: by })
}

/** Why what lies at a stub may not be released by a request; undefined: one asked, and another approved. */
export function unsaidOfRelease(
  said: SaidRelease | undefined,
  { item, stubLeaf }: Pick<SaidRelease, 'item' | 'stubLeaf'>,
): string | undefined {
  if (said === undefined || said.item !== item || said.stubLeaf !== stubLeaf) return 'no line of the ledger asks for it'
  if (said.approvedBy === undefined) return 'no line of the ledger approves it'
  if (said.isRejected === true) return 'a line of the ledger turns it down'
  return said.approvedBy === said.requestedBy ? 'its lines are of one and the same' : undefined
}
