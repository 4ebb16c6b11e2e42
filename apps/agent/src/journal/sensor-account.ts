// SPDX-License-Identifier: Apache-2.0

import type { JsonObject } from '@sealwatch/base'
import type { DropInput, GapCause, GapInput } from '../observe/loss.ts'
import {
  type SensorCounts,
  type SensorHello,
  type SensorReport,
  type Site,
  type SiteCounts,
  sites,
} from '../sources/observation.ts'
import type { ShedTally } from './shed-tally.ts'

/**
 * What has been consumed of the sensor's frames, site by site. It is sealed with every batch (the head's `sensor`
 * member), so that after any crash the counters say exactly how many frames are missing: lost = sent - consumed.
 */
export type SensorAccount = {
  /**
   * Unix nanoseconds by the kernel's clock: what happened before was taken in, or is counted. Never the time of the taking:
   * an agent that lags would declare an interval unknown that begins after what it lost.
   */
  readonly at: bigint
  /** `at` when the counters were last read: what they tell of anew happened since. */
  readonly countedAt: bigint
  readonly era: string
  readonly bootId: string
  readonly counts: SensorCounts
  readonly consumed: Readonly<Record<Site, bigint>>
  /** Drops that a record already tells of. */
  readonly toldDropped: Readonly<Record<Site, bigint>>
  /** Of what was consumed, what was shed before sealing and a record tells of. */
  readonly toldShed: Readonly<Record<Site, bigint>>
  /** Set by a clean stop of the agent. */
  readonly stopped: boolean
}

/** Who lived through the time since the last frame; `told`: the agent, and the sensor ended to watch what the server told it. */
export type Since = 'agent_lived' | 'agent_restarted' | 'told'

const perSite = (count: (site: Site) => bigint) =>
  Object.fromEntries(sites.map((site) => [site, count(site)])) as Record<Site, bigint>
const isAny = (counts: Readonly<Record<Site, bigint>>) => sites.some((site) => counts[site] > 0n)
/** Nothing waits between kernel and agent: the frames that the counters tell of precede them on the wire. */
const isAllSent = (counts: SensorCounts) =>
  sites.every((site) => counts[site].produced === counts[site].dropped + counts[site].sent)

/** The account after a hello, and the gap it reveals. `timeNs` is the Unix time of the hello. */
export function openAccount(
  before: SensorAccount | undefined,
  hello: SensorHello,
  { timeNs, bootId, since }: { readonly timeNs: bigint; readonly bootId: string; readonly since: Since },
): { account: SensorAccount; gap: GapInput | undefined } {
  const { era, counts } = hello
  const sameEra = before?.era === era
  // A sensor that lived on may hold frames from before its hello.
  const at = sameEra && !hello.fresh && !isAllSent(counts) ? before.at : timeNs
  const account: SensorAccount = {
    at,
    countedAt: sameEra ? before.countedAt : at,
    era,
    bootId,
    counts,
    consumed: perSite((site) => counts[site].sent),
    toldDropped: sameEra ? before.toldDropped : perSite((site) => counts[site].dropped),
    toldShed: sameEra ? before.toldShed : perSite(() => 0n),
    stopped: false,
  }
  if (before === undefined) return { account, gap: undefined }
  const lost = sameEra ? perSite((site) => counts[site].sent - before.consumed[site]) : null
  // A sensor that lived on kept its programs attached: without loss nothing is unknown.
  if (lost !== null && !hello.fresh && !hello.adopted && !isAny(lost)) return { account, gap: undefined }
  const gap: GapInput = {
    fromNs: before.at,
    toNs: timeNs,
    cause: causeOf(before, hello, { bootId, since }),
    before: { era: before.era, counts: before.counts },
    after: { era, counts },
    lost,
    ...(lost !== null && hello.adopted && { unseen: diedWithIt.filter((site) => hello.attached[site].ok) }),
  }
  return { account, gap }
}

/** What of a sensor no other takes over. */
const diedWithIt: readonly Site[] = ['file_change']

function causeOf(before: SensorAccount, hello: SensorHello, at: { bootId: string; since: Since }): GapCause {
  if (before.bootId !== at.bootId) return 'host_restarted'
  if (before.era !== hello.era) return 'counters_removed'
  if (at.since === 'told') return 'sensor_told'
  if (at.since === 'agent_lived') return 'sensor_died'
  return before.stopped ? 'agent_stopped' : 'agent_died'
}

/**
 * The account after a report, with the drops and the unreadable frames that nobody has been told of. `timeNs` is the Unix
 * time of the report.
 */
export function updateAccount(
  before: SensorAccount,
  report: SensorReport,
  timeNs: bigint,
): { account: SensorAccount; drop: DropInput | undefined; gap: GapInput | undefined } {
  const { counts, era } = report
  const dropped = perSite((site) => counts[site].dropped - before.toldDropped[site])
  const lost = perSite((site) => counts[site].sent - before.consumed[site])
  const at = isAllSent(counts) ? timeNs : before.at
  const account: SensorAccount = {
    ...before,
    at,
    countedAt: at,
    counts,
    consumed: perSite((site) => counts[site].sent),
    toldDropped: perSite((site) => counts[site].dropped),
  }
  const interval = { fromNs: before.countedAt, toNs: timeNs }
  const known = { era, counts: before.counts }
  return {
    account,
    drop: isAny(dropped) ? { ...interval, era, dropped } : undefined,
    gap: isAny(lost)
      ? { ...interval, cause: 'frames_unreadable', before: known, after: { era, counts }, lost }
      : undefined,
  }
}

/** `timeNs` is the Unix time of the event, of the last of `times`. */
export function consume(account: SensorAccount, site: Site, timeNs: bigint, times = 1): SensorAccount {
  return { ...account, at: timeNs, consumed: { ...account.consumed, [site]: account.consumed[site] + BigInt(times) } }
}

/** A record of what was shed is about to be sealed. */
export function tellShed(account: SensorAccount, shed: (site: Site) => number): SensorAccount {
  return { ...account, toldShed: perSite((site) => account.toldShed[site] + BigInt(shed(site))) }
}

/**
 * As the head of a batch carries it: decimal strings, sites without counts left out. What was shed and is in no record yet
 * counts as not consumed: after a crash it is missing, as it should be, from its own time on.
 */
export function formatAccount(account: SensorAccount, shed?: Pick<ShedTally, 'untold' | 'untoldFromNs'>): JsonObject {
  const { countedAt, era, bootId, counts, consumed, toldDropped, toldShed, stopped } = account
  const rows = sites.map((site) => {
    const { produced, dropped, sent, repeated } = counts[site]
    return [
      site,
      [
        produced,
        dropped,
        sent,
        consumed[site] - BigInt(shed?.untold(era, site) ?? 0),
        toldDropped[site],
        toldShed[site],
        repeated,
      ],
    ] as const
  })
  const untoldFromNs = shed?.untoldFromNs ?? account.at
  const at = untoldFromNs < account.at ? untoldFromNs : account.at
  const shown = rows.filter(([, numbers]) => numbers.some((number) => number > 0n))
  return {
    at: String(at),
    counted_at: String(countedAt),
    boot_id: bootId,
    era,
    sites: Object.fromEntries(shown.map(([site, numbers]) => [site, numbers.map(String)])),
    ...(stopped && { stopped }),
  }
}

/** The inverse; undefined for anything else, for a damaged account is no account. */
export function parseAccount(value: JsonObject | undefined): SensorAccount | undefined {
  if (value === undefined) return undefined
  const { at, counted_at, boot_id, era, sites: rows, stopped } = value
  const isFormed =
    typeof at === 'string' &&
    typeof counted_at === 'string' &&
    typeof boot_id === 'string' &&
    typeof era === 'string' &&
    typeof rows === 'object' &&
    rows !== null
  if (!isFormed) return undefined
  try {
    const numbers = (site: Site): bigint[] => {
      const row = (rows as JsonObject)[site]
      return Array.isArray(row) ? row.map((text) => BigInt(text as string)) : []
    }
    const at0 = (site: Site, i: number) => numbers(site)[i] ?? 0n
    const counts = (site: Site): SiteCounts => ({
      produced: at0(site, 0),
      dropped: at0(site, 1),
      sent: at0(site, 2),
      repeated: at0(site, 6),
    })
    return {
      at: BigInt(at),
      countedAt: BigInt(counted_at),
      era,
      bootId: boot_id,
      counts: Object.fromEntries(sites.map((site) => [site, counts(site)])) as SensorCounts,
      consumed: perSite((site) => at0(site, 3)),
      toldDropped: perSite((site) => at0(site, 4)),
      toldShed: perSite((site) => at0(site, 5)),
      stopped: stopped === true,
    }
  } catch {
    return undefined
  }
}
