// SPDX-License-Identifier: Apache-2.0

import { isUnenforced } from '@sealwatch/contract'
import type { Operations } from '@sealwatch/contract/api'
import { absolute, several } from './words.ts'

type Host = Operations['listHosts']['answer']['items'][number]
type Sensor = Host['sensor']
type Incident = NonNullable<Host['presence']>['incidents'][number]

export const sensorWords: Readonly<Record<Sensor['mode'], { readonly text: string; readonly tone: string }>> = {
  full: { text: 'sees everything', tone: 'good' },
  partial: { text: 'sees in part', tone: 'warn' },
  none: { text: 'sees nothing', tone: 'bad' },
  lost: { text: 'sensor lost', tone: 'bad' },
  stopped: { text: 'stopped', tone: 'warn' },
  unknown: { text: 'not told yet', tone: '' },
}

/** What watches a host where that is not BPF alone (docs/fallbacks.md); empty: BPF does, or nobody has said. */
export function watchedBy({ modes, unseen }: Sensor): string {
  if (modes === null || unseen.length === 0) return ''
  return `processes by ${modes.process}, files by ${modes.file}, network by ${modes.network}`
}

/** Whether a site sees. */
export function attachedWords({ attached, reason, stands_by }: Sensor['sites'][number]): string {
  if (stands_by) return 'source stands by'
  return attached === null ? 'unknown' : attached ? ['yes', reason ?? ''].filter(Boolean).join(', ') : (reason ?? 'no')
}

/** What is wrong with a host now (docs/runbooks/host-blind.md). */
export const incidentWords: Readonly<Record<Incident, string>> = {
  silent: 'silent',
  stopped: 'stopped, and not back',
  sensor_gone: 'sensor gone',
  sites_closed: 'sees less than before',
  withholds: 'sends nothing of what it seals',
  cannot_seal: 'cannot seal what it sees',
  clock_off: 'its clock is off',
  certificate_ending: 'its certificate is not renewed',
  policy_not_enforced: 'a policy is not enforced',
}

const gaps: Readonly<Record<string, string>> = {
  sensor_died: 'its sensor ended unexpectedly',
  sensor_told: 'its sensor began anew, to watch what the server told it',
  agent_died: 'its agent ended unexpectedly',
  agent_stopped: 'its agent was stopped',
  host_restarted: 'it was restarted',
  counters_removed: 'the counters of its sensor were removed',
  frames_unreadable: 'frames of its sensor could not be read',
}
/** Why nobody knows what happened for a while (docs/formats/event.md, 7.2). */
export const gapWords = (cause: string): string => gaps[cause] ?? cause

const daysTold = 7
const dayMs = 86_400_000

/** From when on gaps are told: of seven days, or of fewer where there are many. */
export const toldSince = (sinceMs: number, nowMs: number): string =>
  nowMs - sinceMs > (daysTold - 1) * dayMs ? `in the last ${daysTold} days` : `since ${absolute(sinceMs)}`

/** What was dropped, at all sites that say so. */
export const lossOf = (sites: Sensor['sites']): bigint =>
  sites.reduce((sum, { dropped }) => sum + BigInt(dropped ?? 0), 0n)

/** What was left out before sealing, at all sites that say so. */
export const shedOf = (sites: Sensor['sites']): bigint => sites.reduce((sum, { shed }) => sum + BigInt(shed ?? 0), 0n)

/** One that should have been renewed is due. */
export const dueIn = (leftMs: number, isEnding: boolean): '' | 'due' | 'over' =>
  leftMs <= 0 ? 'over' : isEnding ? 'due' : ''

/** Which version of what it was told is in force, and why not the newest. */
export function configWords({ desired, reported, drifts }: Host['config']): string {
  if (desired === null) return 'nothing was told'
  if (reported === null) return `version ${desired.version} waits for it`
  const has = `version ${reported.version}${reported.on_trial ? ', on trial' : ''}`
  if (!drifts) return has
  const why = reported.refused_why === '' ? '' : `: ${reported.refused_why}`
  return `${has}, and not ${desired.version}${why}`
}

/** What its hands may do, and until when; what they hold, where that is something else. */
export function handsWords(hands: Host['hands'], nowMs: number): string {
  if (hands === null) return 'may do nothing'
  const { steps, version, expires_at, held } = hands
  const endMs = Date.parse(expires_at)
  const until = `${absolute(endMs)}${endMs <= nowMs ? ' (over)' : ''}`
  const may =
    steps.length === 0 ? 'may do nothing: withdrawn' : `may ${steps.join(' and ').replaceAll('_', ' ')} until ${until}`
  if (held.version === version && held.refused_why === '') return may
  return `${may}; ${held.refused_why === '' ? 'not taken yet' : held.refused_why}`
}

/** How many policies of a host are followed, and how many of those that are to be enforced are not. */
export function policiesWords({ reported }: Host['config']): string {
  if (reported === null || reported.policies === null) return 'not said'
  const { policies } = reported
  if (policies.length === 0) return 'none'
  const kernel = policies.filter(({ means }) => means === 'kernel').length
  const wrong = policies.filter(isUnenforced).length
  const parts = [
    several(policies.length, 'policy', 'policies'),
    ...(kernel > 0 ? [`${kernel} enforced by the kernel`] : []),
  ]
  return [...parts, ...(wrong > 0 ? [`${wrong} not enforced`] : [])].join(', ')
}
