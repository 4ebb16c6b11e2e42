// SPDX-License-Identifier: Apache-2.0

import type { Json } from '@sealwatch/base/json'
import { headKeyId, type Line, parseNote, type SideValues } from '@sealwatch/ledger/verify'
import { memberAt, textAt } from './member.ts'

/** What a line is to a reader. The order is that of the filter. */
export const lineKinds = [
  'event',
  'alert',
  'head',
  'close',
  'key',
  'stub',
  'replay',
  'row',
  'submission',
  'anchor',
  'other',
] as const
export type LineKind = (typeof lineKinds)[number]

/** Numbers are OCSF's severity_id; what has none, or one we do not know, is 0. */
export const severityNames = ['', 'Informational', 'Low', 'Medium', 'High', 'Critical', 'Fatal'] as const

const findingClass = 2004

/** What was found by a rule, or by the server; of a finding that a guard tells an alert is made. */
const isAlert = (event: Json): boolean =>
  memberAt(event, 'class_uid') === findingClass && memberAt(event, 'finding_info', 'analytic') !== undefined

export function kindOf(line: Line): LineKind {
  if ('event' in line) return isAlert(line.event) ? 'alert' : 'event'
  if ('head' in line) return 'head'
  if ('close' in line) return 'close'
  if ('key' in line || 'registry' in line) return 'key'
  if ('stub' in line || 'submission_stub' in line) return 'stub'
  if ('replay' in line || 'submission_replay' in line) return 'replay'
  if ('row' in line) return 'row'
  if ('submission' in line) return 'submission'
  if ('anchor' in line) return 'anchor'
  return 'other'
}

export function severityOf(line: Line): number {
  const id = 'event' in line ? memberAt(line.event, 'severity_id') : undefined
  return typeof id === 'number' && severityNames[id] !== undefined ? id : 0
}

/** A line in human words. Whatever text stands in it was chosen by others: show it as text, never as markup. */
export type LineWords = {
  readonly kind: LineKind
  readonly severity: number
  /** As the line has it: RFC 3339 in UTC with nanoseconds. */
  readonly time: string
  readonly actor: string
  readonly action: string
  readonly chain: string
  readonly seq: number
  /** How many personal values the bundle shows in the open. */
  readonly revealed: number
}

/** Who the chains belong to, as far as the lines before have said: chain or key id -> host. */
export type HostNames = ReadonlyMap<string, string>

export function wordsOf(line: Line, side: SideValues | undefined, hosts: HostNames): LineWords {
  const { actor, action } = sentenceOf(line, side, hosts)
  return {
    kind: kindOf(line),
    severity: severityOf(line),
    time: line.time,
    actor,
    action,
    chain: line.chain,
    seq: line.seq,
    revealed: Object.keys(side ?? {}).length,
  }
}

type Sentence = { readonly actor: string; readonly action: string }

function sentenceOf(line: Line, side: SideValues | undefined, hosts: HostNames): Sentence {
  const host = (chain: string, keyId?: string | null) =>
    hosts.get(chain) ?? hosts.get(keyId ?? '') ?? `chain ${chain.slice(0, 8)}…`
  if ('event' in line) return ofEvent(line.event, side)
  if ('head' in line)
    return { actor: host(line.chain, keyIdOf(line.head.note)), action: `Signed its chain up to number ${line.seq}` }
  if ('close' in line)
    return {
      actor: host(line.chain),
      action: `Closed epoch ${line.epoch}: its ${numberOf(line.close.lines)} lines can be altered by nobody who comes later`,
    }
  if ('key' in line) {
    const { host_id, valid_from, valid_until } = line.key
    const until = valid_until === null ? '' : ` until ${dayOf(valid_until)}`
    return {
      actor: ledgerItself,
      action: `Registered the signing key of ${host_id}, valid from ${dayOf(valid_from)}${until}`,
    }
  }
  if ('registry' in line) {
    const { change, producer_kind, producer, key_id, cause } = line.registry
    const why = cause === null ? '' : `: ${cause}`
    return {
      actor: ledgerItself,
      action: `${changes[change]} the key ${key_id} of the ${producer_kind} ${producer}${why}`,
    }
  }
  if ('stub' in line) {
    const { chain, first_seq, next_seq, reason } = line.stub
    const lines = next_seq - first_seq === 1 ? `Line ${first_seq}` : `Lines ${first_seq} to ${next_seq - 1}`
    return { actor: ledgerItself, action: `${lines} of ${host(chain)} not admitted: ${reason.replaceAll('_', ' ')}` }
  }
  if ('row' in line) {
    const { producer, submission, n, mark } = line.row
    const doubt = mark === null ? '' : `, not verified: ${mark.replaceAll('_', ' ')}`
    return { actor: `service ${producer}`, action: `Row ${n} of its submission ${submission}${doubt}` }
  }
  if ('submission' in line) {
    const { producer, id, rows, key_id } = line.submission
    return { actor: `service ${producer}`, action: `Signed ${rows} rows with the key ${key_id}: submission ${id}` }
  }
  if ('submission_stub' in line) {
    const { producer, id, rows, reason } = line.submission_stub
    const what = `${rows} rows of the submission ${id} of the service ${producer}`
    return { actor: ledgerItself, action: `${what} not admitted: ${reason.replaceAll('_', ' ')}` }
  }
  if ('replay' in line) {
    const { chain, first_seq, next_seq, how } = line.replay
    const lines = next_seq - first_seq === 1 ? `Line ${first_seq}` : `Lines ${first_seq} to ${next_seq - 1}`
    return { actor: ledgerItself, action: `${lines} of ${host(chain)} follow out of turn: ${admissions[how]}` }
  }
  if ('submission_replay' in line) {
    const { producer, id, rows, how } = line.submission_replay
    const what = `${rows} rows of the submission ${id} of the service ${producer}`
    return { actor: ledgerItself, action: `${what} follow after all: ${admissions[how]}` }
  }
  if ('anchor' in line) {
    const { origin, tenant, key_id, prev_file } = line.anchor
    if (origin !== null) return { actor: ledgerItself, action: `Opened the ledger of tenant ${tenant}` }
    const began = prev_file === null ? 'Began its chain' : 'Continued its chain in a new file'
    return { actor: host(line.chain, key_id), action: `${began} for tenant ${tenant}` }
  }
  const body = Object.keys(line).find((member) => !envelope.has(member)) ?? 'line'
  return { actor: ledgerItself, action: `Recorded a ${body.replaceAll('_', ' ')}` }
}

const changes = {
  added: 'Registered',
  window: 'Changed when it is valid:',
  state: 'Changed the state of',
  revoked: 'Revoked',
  withdrawn: 'Withdrew',
} as const

const ledgerItself = 'Ledger'
const admissions = {
  verified: 'their signature was found to hold',
  released: 'released by people, without a signature that holds',
  non_strict: 'admitted without a signature that holds, as signatures were not enforced',
} as const
const envelope: ReadonlySet<string> = new Set(['chain', 'epoch', 'prev', 'seq', 'time', 'v'])
const numberOf = (n: number) => n.toLocaleString('en-GB')
const dayOf = (time: string) => time.slice(0, 10)

function keyIdOf(note: string): string | undefined {
  try {
    const attempted = 'naming the host of a head'
    return headKeyId(parseNote(note, attempted), attempted)
  } catch {
    return undefined
  }
}

/** Events are those of event.md; one of another form is shown by what little it has. */
function ofEvent(event: Json, side: SideValues | undefined): Sentence {
  const process = memberAt(event, 'actor', 'process')
  const program = textAt(process, 'file', 'path') ?? textAt(process, 'name')
  const uid = textAt(event, 'actor', 'user', 'uid')
  const name = side?.['/event/actor/user/name']?.value
  const user = name ?? (uid === undefined ? undefined : `uid ${uid}`)
  const who = program ?? textAt(event, 'actor', 'app_name') ?? textAt(event, 'device', 'hostname') ?? 'unknown'
  return {
    actor: user === undefined ? who : `${who} · ${user}`,
    action: textAt(event, 'message') ?? textAt(event, 'type_name') ?? 'An event without words',
  }
}
