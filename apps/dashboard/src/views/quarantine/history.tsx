// SPDX-License-Identifier: Apache-2.0

import type { ReactNode } from 'react'
import type { Item, Release } from '../../model/quarantine.ts'
import { absolute, counted } from '../../model/words.ts'
import { Actor, useNames } from '../entries/actor.tsx'

type Step = { readonly at: string; readonly what: ReactNode; readonly line?: ReactNode }

const howWords = {
  verified: 'replayed: its signature holds, by a key that counted then',
  released: 'released by two people, and marked',
  non_strict: 'admitted as it was while signatures were not enforced, and marked',
} as const

/** What was done with it, and the line of the ledger that says so. */
export function History({ item, release }: { readonly item: Item; readonly release: Release | null }) {
  const names = useNames()
  const by = (actor: string | null) => <Actor actor={actor ?? ''} names={names} />
  const inLedger = (leaf: number) => <a href={`/events?leaf=${leaf}`}>line {counted(leaf)}</a>
  const steps: Step[] = [{ at: item.received_at ?? item.quarantined_at, what: 'it came' }]
  steps.push({
    at: item.quarantined_at,
    what: (
      <>
        kept aside as <code>{item.reason}</code>
      </>
    ),
    line: inLedger(item.leaf_index),
  })
  if (release !== null) {
    // The acts name the request: all of them are found by it.
    const acts = (
      <a href={`/events?filter=${encodeURIComponent(`text~${release.request}`)}`} title={release.request}>
        its lines
      </a>
    )
    steps.push({
      at: release.requested_at,
      what: (
        <>
          release asked for by {by(release.requested_by)}: {release.cause}
        </>
      ),
      line: acts,
    })
    if (release.rejected_at !== null)
      steps.push({
        at: release.rejected_at,
        what: (
          <>
            turned down by {by(release.rejected_by)}: {release.rejected_cause}
          </>
        ),
        line: acts,
      })
    if (release.approved_at !== null)
      steps.push({ at: release.approved_at, what: <>approved by {by(release.approved_by)}</>, line: acts })
  }
  if (item.admitted_at !== null && item.admitted_leaf_index !== null)
    steps.push({
      at: item.admitted_at,
      what: item.admitted_how === null ? 'came in' : howWords[item.admitted_how],
      line: inLedger(item.admitted_leaf_index),
    })
  return (
    <ol className="steps">
      {steps
        .toSorted((one, other) => Date.parse(one.at) - Date.parse(other.at))
        .map(({ at, what, line }, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: nothing comes between two of them
          <li key={i}>
            <time dateTime={at}>{absolute(Date.parse(at))}</time>
            <span>{what}</span>
            {line === undefined ? null : <small>{line}</small>}
          </li>
        ))}
    </ol>
  )
}
