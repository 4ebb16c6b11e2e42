// SPDX-License-Identifier: Apache-2.0

import type { Clock, JsonObject } from '@sealwatch/base'
import type { PolicyDocument } from '@sealwatch/contract/policy'
import { compilePolicy, evaluatePolicy, judgedClasses } from '@sealwatch/detect'
import type { Authorised } from '../access/index.ts'
import type { Ledgers } from '../ingest/index.ts'
import type { Store } from '../store/index.ts'
import { policyError } from './errors.ts'
import { countRecorded, type RecordedOptions, recordedEvents } from './recorded-events.ts'
import { createTally, type RuleTally } from './tally.ts'

export type DryRunReport = {
  readonly days: number
  /** RFC 3339. */
  readonly from: string
  readonly to: string
  /** Events that were looked at, of those that the index counts. */
  readonly events: number
  readonly total: number
  /** Why the end was not reached; null: it was. */
  readonly stopped: 'time' | 'cancelled' | null
  readonly rules: readonly RuleTally[]
  /** What the reader must know of it. */
  readonly notices: readonly string[]
}

export type DryRunProgress = { readonly done: number; readonly total: number }

export type DryRuns = {
  /**
   * What a policy would have done in the last days of the tenant's ledger, as if it had been enabled. Ends when the
   * signal fires, or after a minute, with what it has by then. Throws POLICY_TRIES_TOO_MANY.
   */
  run(
    by: Authorised<'policy:try'>,
    wanted: { readonly policy: PolicyDocument; readonly days: number },
    signal: AbortSignal,
  ): Promise<DryRunReport>
  /** How far the tenant's run is; undefined: there is none. */
  progress(by: Authorised<'policy:try'>): DryRunProgress | undefined
}

export type DryRunOptions = {
  readonly ledgers: Pick<Ledgers, 'get'>
  readonly store: Store
  readonly indexed: { waitFor(tenant: string, leaf: number, signal: AbortSignal): Promise<void> }
  readonly openSide: RecordedOptions['openSide']
  readonly clock: Clock
}

export const dryRunDaysMax = 90
const dayMs = 86_400_000
const runNsMax = 60_000_000_000n
/** What is remembered of a run is little, and they take turns: a bound of memory, not of time. */
const runsMax = 256
const eventsPerProgress = 1_024

export function createDryRuns(options: DryRunOptions): DryRuns {
  const running = new Map<string, DryRunProgress>()
  let turn = Promise.resolve()
  /** All runs take turns, each for a slice, and between any two everybody else is answered. */
  const pause = () => {
    turn = turn.then(() => options.clock.sleep(0))
    return turn
  }
  return {
    progress: ({ tenant }) => running.get(tenant),
    run: async ({ tenant }, wanted, signal) => {
      if (running.has(tenant) || running.size >= runsMax)
        throw policyError('POLICY_TRIES_TOO_MANY', { attempted: 'trying a policy' })
      running.set(tenant, { done: 0, total: 0 })
      try {
        return await dryRun({ ...options, pause }, tenant, wanted, signal, (progress) => running.set(tenant, progress))
      } finally {
        running.delete(tenant)
      }
    },
  }
}

async function dryRun(
  { ledgers, store, indexed, openSide, clock, pause }: DryRunOptions & Pick<RecordedOptions, 'pause'>,
  tenant: string,
  { policy: draft, days }: { readonly policy: PolicyDocument; readonly days: number },
  signal: AbortSignal,
  onProgress: (progress: DryRunProgress) => void,
): Promise<DryRunReport> {
  const policy: PolicyDocument = { ...draft, enabled: true }
  const compiled = compilePolicy(policy)
  const ledger = ledgers.get(tenant)
  const nowMs = clock.nowMs()
  const deadlineNs = clock.monotonicNs() + runNsMax
  const before = ledger.size
  await indexed.waitFor(tenant, before, signal)
  const classUids = judgedClasses[policy.type]
  const query = { sinceMs: nowMs - days * dayMs, before, classUids, withNames: compiled.asksNames }
  const source = { ledger, store, openSide, clock, pause }
  const total = await countRecorded(source, query)
  const tally = createTally(policy)
  let events = 0
  let stopped: DryRunReport['stopped'] = null
  for await (const { leafIndex, event, side } of recordedEvents(source, query)) {
    stopped = signal.aborted ? 'cancelled' : clock.monotonicNs() > deadlineNs ? 'time' : null
    if (stopped !== null) break
    events += 1
    if (events % eventsPerProgress === 0) onProgress({ done: events, total: Math.max(total, events) })
    const decisions = evaluatePolicy(compiled, event, { side, nowMs })
    if (decisions.length === 0) continue
    const seen = seenIn(leafIndex, event)
    for (const decision of decisions) tally.add(decision, seen)
  }
  if (signal.aborted) stopped = 'cancelled'
  const rules = tally.rules()
  return {
    days,
    from: new Date(query.sinceMs).toISOString(),
    to: new Date(nowMs).toISOString(),
    events,
    total: Math.max(total, events),
    stopped,
    rules,
    notices: noticesOf(policy, events, stopped, rules),
  }
}

/** What is told of an event: nothing is taken for granted of its form. */
function seenIn(leafIndex: number, event: JsonObject) {
  const { time, count, end_time, message, device } = event as {
    time?: unknown
    count?: unknown
    end_time?: unknown
    message?: unknown
    device?: { hostname?: unknown } | null
  }
  return {
    leafIndex,
    timeMs: typeof time === 'number' && Math.abs(time) < 8.64e15 ? time : 0,
    host: typeof device?.hostname === 'string' ? device.hostname : '',
    what: typeof message === 'string' ? message : '',
    // Of a connection `count` has those of the last ten minutes, at times that nobody knows.
    times: Number.isSafeInteger(count) && (count as number) > 0 && end_time !== undefined ? (count as number) : 1,
  }
}

const classNames: Readonly<Record<number, string>> = {
  1001: 'File System Activity',
  1007: 'Process Activity',
  2004: 'Detection Finding',
  4001: 'Network Activity',
}

function noticesOf(
  { type }: PolicyDocument,
  events: number,
  stopped: DryRunReport['stopped'],
  rules: readonly RuleTally[],
): readonly string[] {
  const [classUid] = judgedClasses[type] ?? []
  const undecided = rules.reduce((sum, row) => sum + row.undecided, 0)
  return [
    ...(events === 0 && classUid !== undefined
      ? [
          `No event of the class ${classNames[classUid]} (${classUid}) was recorded in this time: nothing could be tried.`,
        ]
      : []),
    ...(type === 'file' && events > 0
      ? ['Only opens of files on the watch list are recorded: others cannot be tried.']
      : []),
    ...(undecided > 0
      ? [
          undecided === 1
            ? 'Once an event did not say what a rule turns on: that is not counted as fired.'
            : `${undecided} times an event did not say what a rule turns on: those are not counted as fired.`,
        ]
      : []),
    ...(stopped === 'time'
      ? ['It took longer than a minute: the newest events were not reached. Try fewer days.']
      : []),
    ...(stopped === 'cancelled' ? ['It was ended before the newest events were reached.'] : []),
  ]
}
