// SPDX-License-Identifier: Apache-2.0
// What lies in quarantine, as a person reads it.

import type { Operations } from '@sealwatch/contract/api'

export type Item = Operations['listQuarantine']['answer']['items'][number]
export type Release = NonNullable<Operations['showQuarantined']['answer']['release']>
export type Picture = Operations['getQuarantinePicture']['answer']
export type Filter = NonNullable<Operations['listQuarantine']['query']>
export type RowsByReason = Picture['rows']
export type Reason = keyof RowsByReason

/** In the order in which they are judged. */
export const reasons = [
  'unknown_key',
  'invalid_signature',
  'key_revoked',
  'key_not_yet_valid',
  'key_expired',
] as const satisfies readonly Reason[]
export const isReason = (name: string): name is Reason => (reasons as readonly string[]).includes(name)

export const rowsIn = (rows: RowsByReason): number => reasons.reduce((sum, reason) => sum + rows[reason], 0)
export const rowsOf = ({ first_seq, next_seq }: Item): number => next_seq - first_seq

/** A service's name stands behind this, where the id of a host would be. */
const servicePrefix = 'service:'
/** Undefined: it is a host's. */
export const serviceOf = (producer: string): string | undefined =>
  producer.startsWith(servicePrefix) ? producer.slice(servicePrefix.length) : undefined

/** What people call it; a host by its name, where that is known. */
export const producerName = (producer: string, hosts: ReadonlyMap<string, string>): string =>
  serviceOf(producer) ?? hosts.get(producer) ?? producer

type ReasonWords = {
  /** In the middle of a sentence. */
  readonly name: string
  readonly means: string
  readonly usually: string
  readonly runbook: string
}
export const reasonWords: Readonly<Record<Reason, ReasonWords>> = {
  unknown_key: {
    name: 'unknown key',
    means: 'They name a key that was not registered for this producer when they came.',
    usually:
      'Usually the producer rotated its key before the server knew the new one. Have its team name that key by a second way, not by these rows.',
    runbook: 'docs/runbooks/rejects-high.md',
  },
  invalid_signature: {
    name: 'wrong signature',
    means: 'They name a key that is registered, and their signature is not by that key over the bytes that came.',
    usually:
      'It is a bug of the producer, a broken disk, or somebody who alters rows. Treat it as the last until you know better.',
    runbook: 'docs/runbooks/invalid-signature.md',
  },
  key_revoked: {
    name: 'revoked key',
    means: 'They are signed with a key that was revoked before they came.',
    usually:
      'Somebody was told and did not switch, or whoever took the key goes on. Ask the security team first, then register the new key.',
    runbook: 'docs/runbooks/rejects-high.md',
  },
  key_not_yet_valid: {
    name: 'key not valid yet',
    means: 'They came before the moment from which their key counts.',
    usually: 'Usually the key was registered with a beginning that is too late, or a clock is wrong.',
    runbook: 'docs/runbooks/rejects-high.md',
  },
  key_expired: {
    name: 'expired key',
    means: 'They came after their key had ended.',
    usually: 'Usually nobody rotated. Rotate the key of the producer; what came before the end was admitted.',
    runbook: 'docs/runbooks/rejects-high.md',
  },
}

export type Command = { readonly does: string; readonly text: string }

/** Only what cannot mean anything to a shell stands bare. */
const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

/** What whoever has a terminal types next: each with the names of this item. */
export function commandsFor(item: Item, tenant: string): readonly Command[] {
  const service = serviceOf(item.producer)
  const { key_id: key, leaf_index, reason } = item
  const of = (command: string, ...words: readonly string[]) =>
    ['sudo ./sealwatch', command, ...words.map(quoted), '--tenant', quoted(tenant)].join(' ')
  const look: Command[] = key === null ? [] : [{ does: 'What is known of the key', text: of('signing-key show', key) }]
  if (reason === 'invalid_signature')
    return [
      ...look,
      {
        does: 'Its exact bytes, to compare with what the producer wrote',
        text: of('quarantine show', String(leaf_index), '--bytes', `item-${leaf_index}`),
      },
    ]
  const from = item.received_at ?? item.quarantined_at
  if (reason === 'key_not_yet_valid' && key !== null)
    look.push({
      does: 'Let the key begin when it was first used',
      text: of('signing-key set-window', key, '--from', from),
    })
  else if (service !== undefined)
    look.push({
      does: reason === 'unknown_key' ? 'Once its team has named the key, register it' : 'Register its new key',
      text: of(
        'signing-key add',
        service,
        `${service}.pub`,
        ...(reason === 'unknown_key' && key !== null ? ['--id', key, '--from', from] : ['--id', `${service}-new`]),
      ),
    })
  if (service !== undefined)
    look.push({
      does: 'Meanwhile, have its rows wait in its outbox instead of here',
      text: of('producer halt', service, '--cause', `${reasonWords[reason as Reason]?.name ?? reason}`),
    })
  return look
}

export type StateWords = { readonly text: string; readonly tone: '' | 'good' | 'warn' | 'bad' | 'gold' | 'accent' }

/** What became of it. */
export function stateWords({ state, admitted_how }: Pick<Item, 'state' | 'admitted_how'>): StateWords {
  if (state === 'waiting') return { text: 'waits', tone: 'warn' }
  if (admitted_how === 'released') return { text: 'released', tone: 'gold' }
  if (admitted_how === 'non_strict') return { text: 'admitted unverified', tone: 'bad' }
  return { text: admitted_how === 'verified' ? 'replayed' : 'admitted', tone: 'good' }
}

/** Where a request for a release is; `stuck`: it was approved, and the item has not come in. */
export type ReleaseStanding = 'none' | 'mine' | 'theirs' | 'ended' | 'rejected' | 'stuck' | 'done'

export function releaseStanding(
  item: Pick<Item, 'state'>,
  release: Release | null,
  { personId, nowMs }: { readonly personId: string | undefined; readonly nowMs: number },
): ReleaseStanding {
  if (item.state === 'admitted') return 'done'
  if (release === null) return 'none'
  if (release.approved_at !== null) return 'stuck'
  if (release.rejected_at !== null) return 'rejected'
  if (Date.parse(release.expires_at) <= nowMs) return 'ended'
  return release.requested_by === `person:${personId}` ? 'mine' : 'theirs'
}

/** Whose way is a release, whatever is repaired in the registry. */
export const isForPeople = ({ reason }: Pick<Item, 'reason'>): boolean => reason === 'invalid_signature'
