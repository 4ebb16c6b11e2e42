// SPDX-License-Identifier: Apache-2.0
// A host in an attacker's hands may have sealed anything: what has another form is left out.

import type { Json, JsonObject } from '@sealwatch/base'
import type { Entry } from './entry.ts'
import { isAlert } from './entry.ts'
import { listIn, numberIn, objectIn, textIn, textsIn } from './member.ts'

/** Why a finding is one. */
export type Reason = {
  readonly rule_id: string
  readonly name: string
  readonly description: string | null
  readonly version: string | null
  readonly reference: string | null
  /** MITRE ATT&CK. */
  readonly techniques: readonly { readonly id: string; readonly name: string | null }[]
  readonly false_positives: readonly string[]
  /** Which field of which selection matched; of a personal value, its commitment. */
  readonly matched: readonly {
    readonly selection: string
    readonly field: string
    readonly attribute: string
    readonly value: string | number | boolean | null
  }[]
  /** The lines that it rests on. */
  readonly evidence: readonly { readonly leaf_index: number; readonly leaf_hash: string | null }[]
}

/** undefined: it is no finding of ours. */
export function reasonOf(entry: Entry): Reason | undefined {
  if (!isAlert(entry)) return undefined
  const info = objectIn(entry.event, 'finding_info')
  const analytic = objectIn(info, 'analytic')
  const unmapped = objectIn(entry.event, 'unmapped')
  const [first] = listIn(entry.event, 'evidences')
  return {
    rule_id: textIn(analytic, 'uid') ?? '',
    name: textIn(analytic, 'name') ?? textIn(info, 'title') ?? '',
    description: textIn(info, 'desc'),
    version: textIn(analytic, 'version'),
    reference: textIn(info, 'src_url'),
    techniques: listIn(info, 'attacks').flatMap(techniqueOf),
    false_positives: textsIn(unmapped, 'falsepositives'),
    matched: listIn(objectIn(first, 'data'), 'reasons').flatMap((reason) => {
      const selection = textIn(reason, 'selection')
      // Of a request that was judged reasons are of another form, and stand in the line.
      if (selection === null) return []
      const [field, attribute] = [textIn(reason, 'field') ?? '', textIn(reason, 'attribute') ?? '']
      return [{ selection, field, attribute, value: plain(reason.value) }]
    }),
    evidence: listIn(unmapped, 'leaves').flatMap((leaf) => {
      const index = numberIn(leaf, 'leaf_index')
      return index === null ? [] : [{ leaf_index: index, leaf_hash: textIn(leaf, 'leaf_hash') }]
    }),
  }
}

export type AncestryStep = {
  readonly pid: number | null
  readonly uid: string | null
  readonly name: string | null
  readonly path: string | null
  readonly cmd_line: string | null
  readonly user_uid: string | null
  readonly started_at: string | null
}

const stepsMax = 64

/** The process that acted, and those that it comes from, its parent first. */
export function ancestryOf({ event }: Pick<Entry, 'event'>): AncestryStep[] {
  const acting = objectIn(objectIn(event, 'actor'), 'process')
  if (acting === undefined) return []
  const parent = objectIn(acting, 'parent_process')
  const [listed, ...rest] = listIn(acting, 'ancestry')
  const first = parent ?? listed
  // Of the parent both may know something.
  const steps = [acting, ...(first === undefined ? [] : [{ ...listed, ...first }]), ...rest]
  return steps.slice(0, stepsMax).map((process) => {
    const started = numberIn(process, 'created_time')
    return {
      pid: numberIn(process, 'pid'),
      uid: textIn(process, 'uid'),
      name: textIn(process, 'name'),
      path: textIn(objectIn(process, 'file'), 'path') ?? textIn(process, 'path'),
      cmd_line: textIn(process, 'cmd_line'),
      user_uid: textIn(objectIn(process, 'user'), 'uid'),
      started_at: started === null || started > lastMs ? null : new Date(started).toISOString(),
    }
  })
}

/** What a date can be. */
const lastMs = 8_640_000_000_000_000

function techniqueOf(attack: JsonObject) {
  const of = objectIn(attack, 'sub_technique') ?? objectIn(attack, 'technique') ?? objectIn(attack, 'tactic')
  const id = textIn(of, 'uid')
  return id === null ? [] : [{ id, name: textIn(of, 'name') }]
}

const plain = (value: Json | undefined): string | number | boolean | null =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null
