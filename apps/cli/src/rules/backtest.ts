// SPDX-License-Identifier: Apache-2.0

import { parseRfc3339 } from '@sealwatch/base'
import type { Side } from '@sealwatch/contract'
import type { ApiClient } from '@sealwatch/contract/api'
import { createCorrelations, matchesOf, type RuleFile, type Ruleset } from '@sealwatch/detect'
import { createFirings, type Firings } from './firings.ts'

export type Backtest = {
  readonly firings: Firings
  readonly events: number
  /** Events of which a rule looked at a personal value that was not shown, or is erased: of those it may be wrong. */
  readonly undecided: number
  /** It was ended before the newest events were reached. */
  readonly isBroken: boolean
}

export type BacktestQuery = {
  /** RFC 3339. */
  readonly since: string
  readonly examplesMax: number
  readonly reveal: boolean
  /** How far it is, in leaves. */
  readonly onProgress: (done: number, total: number, events: number) => void
  readonly stop: AbortSignal
}

const pageLimit = 500

/** The rules in force, with their files. */
export async function rulesInForce(api: ApiClient): Promise<RuleFile[]> {
  // Several rules may stand in one file.
  const files = new Map<string, RuleFile>()
  for (let cursor: string | undefined; ; ) {
    const page = await api.call('listRules', { query: { text: 'true', limit: 100, ...(cursor && { cursor }) } })
    for (const { path, text = '', sha256 } of page.items) files.set(sha256, { path, text })
    if (page.next === null) return [...files.values(), ...page.others]
    cursor = page.next
  }
}

/**
 * Judges what hosts told, page by page, oldest first, up to where the ledger was when it began; what comes together by the times of the
 * lines. Writes nothing.
 */
export async function backtest(api: ApiClient, ruleset: Ruleset, query: BacktestQuery): Promise<Backtest> {
  const { since, examplesMax, reveal, onProgress, stop } = query
  const firings = createFirings(examplesMax)
  const classes = [...new Set([...ruleset.byType.keys()].map((type) => Math.floor(type / 100)))]
  let events = 0
  let undecided = 0
  if (classes.length === 0) return { firings, events, undecided, isBroken: false }
  const { size } = await api.call('getLedger')
  const filter = `source=host and class in (${classes.join(', ')}) and leaf<${size}`
  const correlations = createCorrelations(ruleset.correlations)
  let first: number | undefined
  const unlessEnded = (error: unknown) => {
    if (!stop.aborted) throw error
  }
  for (let cursor: string | undefined; !stop.aborted; ) {
    const asked = { order: 'oldest', limit: pageLimit, since, filter, reveal: reveal ? 'true' : 'false' } as const
    const page = await api.call('listEvents', { query: { ...asked, ...(cursor && { cursor }) } }).catch(unlessEnded)
    if (page === undefined) break
    for (const { leaf_index, leaf_hash, time, host, line, personal } of page.items) {
      const { event } = line
      if (typeof event?.type_uid !== 'number') continue
      first ??= leaf_index
      events += 1
      const side = watchedSide(personal ?? {})
      const matches = matchesOf(ruleset, event as { readonly type_uid: number }, side.side)
      if (side.isMissed()) undecided += 1
      const firing = { at: leaf_index, time, host: host?.name ?? '', message: String(event.message ?? '') }
      const leaf = { tenant: '', chain: line.chain, seq: line.seq, leaf_index, leaf_hash }
      const timeNs = parseRfc3339(time) ?? 0n
      for (const { rule } of matches) {
        if (!ruleset.silent.has(rule.id)) firings.add(rule.id, firing)
        for (const { correlation } of correlations.feed({ ruleId: rule.id, event, side: side.side, timeNs, leaf }))
          if (!ruleset.silent.has(correlation.id)) firings.add(correlation.id, firing)
      }
      for (const { correlation } of correlations.advance(timeNs))
        if (!ruleset.silent.has(correlation.id)) firings.add(correlation.id, firing)
    }
    if (page.next === null) return { firings, events, undecided, isBroken: false }
    cursor = page.next
    const from = first ?? Number(cursor)
    onProgress(Number(cursor) - from, size - from, events)
  }
  return { firings, events, undecided, isBroken: true }
}

/** The personal values of a line, and whether somebody looked for one that is not there. */
function watchedSide(side: Side): { readonly side: Side; isMissed(): boolean } {
  let missed = false
  const get = (target: Side, pointer: string) => {
    const value = Object.hasOwn(target, pointer) ? target[pointer] : undefined
    missed ||= value === undefined
    return value
  }
  return { side: new Proxy(side, { get: (target, pointer) => get(target, String(pointer)) }), isMissed: () => missed }
}
