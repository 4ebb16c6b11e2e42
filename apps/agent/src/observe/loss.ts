// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base/time'
import {
  type Activity,
  classify,
  draftOf,
  type EventDraft,
  type LogEvent,
  type PerSite,
  type SeverityName,
  type SiteCounters,
  severities,
} from '@sealwatch/contract'
import { type SensorCounts, type Site, sites } from '../sources/observation.ts'
import { metadataOf, type RecordContext, unixMs } from './context.ts'

/** Why there is an interval about which nobody knows for certain (docs/formats/event.md, 7.2). */
export const gapCauses = {
  sensor_died: { severity: 'high', text: 'the sensor ended unexpectedly' },
  sensor_told: { severity: 'low', text: 'the sensor began anew, to watch what the server told it' },
  agent_died: { severity: 'high', text: 'the agent ended unexpectedly' },
  agent_stopped: { severity: 'medium', text: 'the agent was stopped' },
  host_restarted: { severity: 'medium', text: 'the host was restarted' },
  counters_removed: { severity: 'high', text: "the sensor's pinned counters were removed" },
  queue_overflow: { severity: 'high', text: 'a queue of the kernel was full' },
  frames_unreadable: { severity: 'high', text: 'frames of the sensor could not be read' },
} as const satisfies Record<string, { severity: SeverityName; text: string }>
export type GapCause = keyof typeof gapCauses

/** Unix nanoseconds, half-open. */
type Interval = { readonly fromNs: bigint; readonly toNs: bigint }
type CountsOf = { readonly era: string; readonly counts: SensorCounts }

export type GapInput = Interval & {
  readonly cause: GapCause
  /** Of which site's queue this is told: a frame of its own, that makes this record (docs/formats/event.md, 9.3). */
  readonly site?: Site
  /** null: no sensor has ever been heard before, or none since. */
  readonly before: CountsOf | null
  readonly after: CountsOf | null
  /** null: the counters cannot tell, as when the era changed. */
  readonly lost: Partial<Record<Site, bigint>> | null
  /** Of what happened meanwhile only these saw nothing: but for what is lost, the rest is sealed. Absent: none saw anything. */
  readonly unseen?: readonly Site[]
}

/** `timeNs` is CLOCK_BOOTTIME of the record itself. */
export function gapRecord(timeNs: bigint, gap: GapInput, context: RecordContext): EventDraft<LogEvent> {
  const { severity, text } = gapCauses[gap.cause]
  const lost = gap.lost && perSite((site) => gap.lost?.[site] ?? 0n)
  const known =
    lost === null ? 'what is missing is unknown' : `of what the sensor saw, ${total(lost)} events are missing`
  return record('gap', severity, timeNs, context, {
    message: `${gap.unseen ? 'interval' : 'unknown interval'} of ${seconds(gap)} s: ${text}${went(gap)}; ${known}`,
    unmapped: {
      ...(gap.site && { site: gap.site }),
      gap: {
        cause: gap.cause,
        ...interval(gap),
        era_before: gap.before?.era ?? null,
        era_after: gap.after?.era ?? null,
        before: counters(gap.before),
        after: counters(gap.after),
        lost,
        ...(gap.unseen && { unseen: gap.unseen }),
      },
    },
  })
}

function went({ unseen }: GapInput): string {
  if (unseen === undefined) return ''
  return `, and its programs went on${unseen.length === 0 ? '' : `, but for ${unseen.join(', ')}`}`
}

export type DropInput = Interval & { readonly era: string; readonly dropped: Partial<Record<Site, bigint>> }

/** Events the kernel produced while its ring was full, counted per site since the last such record. */
export function dropRecord(timeNs: bigint, drop: DropInput, context: RecordContext): EventDraft<LogEvent> {
  const dropped = perSite((site) => drop.dropped[site] ?? 0n)
  return record('drop', 'medium', timeNs, context, {
    message: `${total(dropped)} events were dropped in the kernel for want of room`,
    unmapped: { drop: { ...interval(drop), era: drop.era, dropped } },
  })
}

export type ShedInput = Interval & {
  readonly queueDepth: number
  /** Per event code; which may be shed says docs/formats/event.md, 9. */
  readonly shed: PerSite<number>
  /** The same, per site. */
  readonly sites: PerSite<number>
}

/** Events that were left out before sealing for want of room, counted since the last such record. */
export function shedRecord(timeNs: bigint, shed: ShedInput, context: RecordContext): EventDraft<LogEvent> {
  const { queueDepth, shed: codes, sites: bySite } = shed
  return record('shed', 'medium', timeNs, context, {
    message: `${total(codes)} informational events were shed, ${queueDepth} were waiting`,
    unmapped: { shed: { ...interval(shed), queue_depth: queueDepth, shed: codes, sites: bySite } },
  })
}

const sensorLog = { log_name: 'sealwatch sensor', log_type_id: 1, log_type: 'OS' } as const

function record(
  code: Activity<'log'>,
  severity: SeverityName,
  timeNs: bigint,
  context: RecordContext,
  said: Pick<LogEvent, 'message' | 'unmapped'>,
): EventDraft<LogEvent> {
  const event = {
    ...classify('log', code),
    ...severities[severity],
    ...said,
    ...sensorLog,
    time: unixMs(timeNs, context),
    metadata: metadataOf({ code, component: 'agent', timeNs, by: code }, context),
    device: context.device,
    actor: { app_name: 'sealwatch-agent' },
  }
  return draftOf(event, timeNs + context.bootOffsetNs)
}

function interval({ fromNs, toNs }: Interval) {
  return { from: rfc3339(fromNs), to: rfc3339(toNs) }
}

function seconds({ fromNs, toNs }: Interval): string {
  return (Number((toNs - fromNs) / 1_000_000n) / 1000).toFixed(3)
}

// Counters stay far below 2^53: at a million events a second it takes 285 years.
function counters(of: CountsOf | null): PerSite<SiteCounters> | null {
  if (of === null) return null
  const numbers = sites.map((site) => {
    const { produced, dropped, sent } = of.counts[site]
    return [site, { produced: Number(produced), dropped: Number(dropped), sent: Number(sent) }] as const
  })
  return Object.fromEntries(numbers)
}

function perSite(count: (site: Site) => bigint): PerSite<number> {
  return Object.fromEntries(sites.map((site) => [site, Number(count(site))]))
}

function total(counts: PerSite<number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
