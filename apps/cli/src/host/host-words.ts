// SPDX-License-Identifier: Apache-2.0

import { isUnenforced, standingWords } from '@sealwatch/contract'
import type { Io } from '../io.ts'
import { paint, safe, toSecond } from '../terminal.ts'
import type { Host } from './host-meant.ts'

/** Whether it lives, and what is wrong with it. */
export function stateOf({ revoked_at, presence }: Host, io: Io): string {
  if (revoked_at !== null) return paint(io, 'dim', 'revoked')
  if (presence === null) return 'never came'
  const { life, incidents } = presence
  const wrong = incidents.filter((one) => one !== life).map((one) => one.replaceAll('_', ' '))
  const state = [life, ...wrong].join(', ')
  return incidents.length > 0 ? paint(io, 'red', state) : state
}

/** Attached of all; and what they lost, where they did. */
export function sitesOf({ sensor: { sites, mode } }: Host): string {
  const wanted = sites.filter(({ stands_by }) => !stands_by)
  if (wanted.length === 0) return mode
  return `${wanted.filter(({ attached }) => attached === true).length}/${wanted.length}`
}

/** What watches each domain; yellow where it is not BPF. */
export function modesOf({ sensor: { modes, unseen } }: Host, io: Io): string {
  if (modes === null) return 'not said'
  const text = safe(`processes by ${modes.process}, files by ${modes.file}, the network by ${modes.network}`)
  return unseen.length === 0 ? text : paint(io, 'yellow', `WARN ${text} (docs/fallbacks.md)`)
}

const sumOf = (sites: Host['sensor']['sites'], of: 'dropped' | 'shed'): bigint =>
  sites.reduce((sum, site) => sum + BigInt(site[of] ?? 0), 0n)
export const lossOf = ({ sensor: { sites } }: Host) => ({
  dropped: sumOf(sites, 'dropped'),
  shed: sumOf(sites, 'shed'),
})

/** One that should have been renewed stands out. */
export function certificateOf({ certificate: { expires_at, ending }, revoked_at }: Host, io: Io): string {
  const leftMs = Date.parse(expires_at) - io.clock.nowMs()
  const text = toSecond(expires_at)
  if (revoked_at !== null || (leftMs > 0 && !ending)) return text
  return paint(io, leftMs <= 0 ? 'red' : 'yellow', leftMs <= 0 ? `${text} (over)` : text)
}

export const heardOf = ({ presence }: Host): string =>
  presence === null || presence.heard_at === null ? '-' : toSecond(presence.heard_at)

export const nameOf = ({ hostname }: Host): string => safe(hostname, 64)

/** With what it was called before. */
export const namesOf = (host: Host): string =>
  host.renamed === null ? nameOf(host) : `${nameOf(host)} (was ${safe(host.renamed.from, 64)})`

/** The version in force; with what it should be, where it has another. */
export function configOf({ config: { desired, reported, drifts } }: Host, io: Io): string {
  if (desired === null) return '-'
  const has = reported === null ? 'not said' : `${reported.version}${reported.on_trial ? ' on trial' : ''}`
  return drifts ? paint(io, 'yellow', `${has}, not ${desired.version}`) : has
}

/** What its hands may do and until when; what they hold, where that is something else. */
export function handsOf({ hands, revoked_at }: Host, io: Io): string {
  if (hands === null) return 'may do nothing'
  const { steps, version, expires_at, held } = hands
  const isOver = Date.parse(expires_at) <= io.clock.nowMs()
  const until = `${toSecond(expires_at)}${isOver ? ' (over)' : revoked_at === null ? '' : ' (not renewed)'}`
  const may =
    steps.length === 0 ? 'may do nothing: withdrawn' : `may ${steps.join(', ').replaceAll('_', ' ')} until ${until}`
  if (held.version === version && held.refused_why === '') return isOver ? paint(io, 'red', may) : may
  return paint(io, 'yellow', safe(`${may}; ${held.refused_why || 'not taken yet'}`, 400))
}

/** What its guard does, by its own words; what is not on is told loudly. */
export function guardOf({ guard }: Host, io: Io): string {
  if (guard === null) return 'not said'
  const { mode, by, tier, responses, since } = guard
  const steps = Object.entries(responses).map(([step, how]) => `${step} ${how ?? 'unknown'}`)
  const text = `${mode}, by ${safe(by)}; sees by ${safe(tier)}; ${steps.join(', ')}; since ${toSecond(since)}`
  return mode === 'on' && tier !== 'none' ? text : paint(io, 'yellow', `WARN ${text}`)
}

type Standing = NonNullable<NonNullable<Host['config']['reported']>['policies']>[number]

/** How a policy is followed on a host, and why not as it asks. */
export const standingOf = (standing: Standing, io: Io): string =>
  isUnenforced(standing) ? paint(io, 'red', safe(standingWords(standing))) : safe(standingWords(standing))
