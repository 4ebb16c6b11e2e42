// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import {
  buildFinding,
  commitmentForm,
  type Finding,
  type LeafRef,
  limits,
  personalPointers,
  type Side,
  type Together,
  valueAt,
} from '@sealwatch/contract'
import { attacksToldBy } from './attack.ts'
import type { Match } from './ruleset.ts'
import type { RuleHead } from './sigma/rule.ts'
import { bared, type Witness, type WitnessHost, witnessOf } from './witness.ts'

export type FindingContext = {
  /** The event as its line has it, personal values as commitments. Nothing is taken for granted of its form. */
  readonly event: { readonly type_uid: number }
  /** The line's personal values. */
  readonly side: Side
  readonly leaf: LeafRef
  /** Undefined: its chain is of no host that is known. */
  readonly host?: WitnessHost | undefined
  /** Unix milliseconds. */
  readonly createdMs: number
  /** Why the line failed verification, though it was admitted. */
  readonly mark?: string | undefined
  /** Of a correlation: what it rests on beside this event, its newest. */
  readonly together?: Together | undefined
}

/** The finding and the personal values of its own line: the same commitments, at the places where it has them. */
export function findingFor(
  match: Match<RuleHead>,
  { event, side, leaf, host, createdMs, mark, together }: FindingContext,
): { event: Finding; side: Side } {
  const { rule, reasons } = match
  const [reference] = rule.references
  const told = attacksToldBy(event)
  const uid = findingUid(rule.id, (together?.leaves ?? [leaf]).map(({ leaf_hash }) => leaf_hash).join('\n'))
  const about = (witness: Witness, isWhole: boolean) =>
    buildFinding({
      uid,
      rule: {
        id: rule.id,
        title: rule.title,
        severity: rule.severity,
        attacks: told.length > 0 ? told : rule.attacks,
        falsepositives: rule.falsepositives,
        ...(rule.description !== undefined && { description: rule.description }),
        ...(rule.version !== undefined && { version: rule.version }),
        ...(reference !== undefined && { reference }),
      },
      event: witness,
      leaf,
      reasons,
      createdMs,
      mark,
      together: together && (isWhole ? together : { ...together, leaves: [leaf] }),
    })
  const witness = witnessOf(event, leaf, host)
  const finding =
    sealable(() => about(witness, true)) ?? sealable(() => about(bared(witness), true)) ?? about(bared(witness), false)
  return { event: finding, side: sideOfFinding(event, side, finding) }
}

/** What a line's envelope adds, with room to spare. */
const envelopeBytesMax = 1_024
const depthMax = 28

function sealable(make: () => Finding): Finding | undefined {
  const finding = make()
  const bytes = Buffer.byteLength(JSON.stringify(finding))
  return bytes <= limits.lineBytesMax - envelopeBytesMax && depthOf(finding) <= depthMax ? finding : undefined
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Object.values(value).reduce<number>((deepest, inner) => Math.max(deepest, depthOf(inner)), 0)
}

/**
 * The same rule and the same leaf make the same finding, however often it is evaluated (32 hex digits). Of several leaves
 * the hashes are joined by line feeds.
 */
export function findingUid(ruleId: string, leafHashes: string): string {
  return hash('sha256', `${ruleId}\n${leafHashes}`, 'hex').slice(0, 32)
}

/** The values of an event that its finding commits to as well, by their places in the finding's line. */
export function sideOfFinding(event: object, side: Side, finding: object): Side {
  const opened = new Map(
    personalPointers(event).flatMap((pointer) => {
      const value = side[pointer]
      return value ? [[valueAt({ event }, pointer), value] as const] : []
    }),
  )
  return Object.fromEntries(
    personalPointers(finding).flatMap((pointer) => {
      const commitment = valueAt({ event: finding }, pointer)
      const value = commitmentForm.test(String(commitment)) ? opened.get(commitment) : undefined
      return value ? [[pointer, value]] : []
    }),
  )
}
