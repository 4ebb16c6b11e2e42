// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import { readSmallFile } from '../small-file.ts'
import { counted, duration } from '../terminal.ts'
import { drillFailure } from './failures.ts'
import { differenceOf, type Rule, recordsIn, rulesIn } from './rules-file.ts'

export const alertName = 'SealwatchCanonicalRejectsHigh'
const ruleBytesMax = 1024 * 1024
const askMsMax = 10_000
const pollMs = 1000
const intervalMsMax = 60_000

/** What an alert rests on, as far as a drill asks. */
export type AlertSource = {
  /** How the rule was found. Throws DRILL_RULE_MISSING. */
  check(): Promise<string>
  /** Resolves with what fires for a tenant, or without where the signal fires first; undefined: only a file was given. */
  readonly fires:
    | ((tenant: string, signal: AbortSignal, progress: (text: string) => void) => Promise<string | undefined>)
    | undefined
}

const missing = (received: string, cause?: unknown) =>
  drillFailure('DRILL_RULE_MISSING', { attempted: `looking for the alert rule ${alertName}`, received, cause })

/**
 * In a file: that the rule is there, that it asks for what the one that we ship asks for (`oursPath`), waits no longer and is judged
 * as often as that needs; so are the recording rules that it rests on. It says nothing of who loads the file.
 */
export function ruleFile(path: string, oursPath: string): AlertSource {
  return {
    fires: undefined,
    check: async () => {
      const [found, ours] = [await readRules(path), await readRules(oursPath)]
      const named = found.filter(isTheAlert)
      if (named.length === 0) throw missing(`${path}, without it`)
      const faults = named.map((one) => faultOf(one, found, ours))
      // Those that wait longer call somebody else later.
      if (!faults.includes(undefined)) throw missing(`${path}, where ${faults[0]}`)
      return `${path} has ${alertName}, which asks for what ours does`
    },
  }
}

const isTheAlert = ({ kind, name }: Rule) => kind === 'alert' && name === alertName

async function readRules(path: string): Promise<readonly Rule[]> {
  let text: string
  try {
    text = readSmallFile(path, ruleBytesMax)
  } catch (cause) {
    throw missing(`${path} (${(cause as NodeJS.ErrnoException).code})`, cause)
  }
  const rules = await rulesIn(text)
  if (rules === undefined) throw missing(`${path}, which holds no rules of Prometheus`)
  return rules
}

/** Why a rule may not fire where the one of that name that we ship does. */
function faultOf(rule: Rule, found: readonly Rule[], ours: readonly Rule[]): string | undefined {
  const { name, kind, expr, waitsMs, intervalMs } = rule
  const due = ours.filter((one) => one.kind === kind && one.name === name)
  const shortestMs = Math.min(...due.map((one) => one.waitsMs))
  const difference = due.map((one) => differenceOf(expr, one.expr)).find((one) => one !== undefined)
  if (difference !== undefined) return `${name} ${difference}`
  if (waitsMs > shortestMs) return `${name} waits for ${waitsMs / 60_000} minutes`
  if (intervalMs > intervalMsMax) return `${name} is judged in an interval of ${intervalMs / 60_000} minutes`
  for (const record of recordsIn(expr)) {
    const resting = found.filter((one) => one.kind === 'record' && one.name === record)
    if (resting.length === 0) return `the rule ${record} is not there`
    for (const one of resting) {
      const fault = faultOf(one, found, ours)
      if (fault !== undefined) return fault
    }
  }
  return undefined
}

type Rules = { readonly groups?: readonly { readonly rules?: readonly { readonly name?: string }[] }[] }
type Alerts = {
  readonly alerts?: readonly { readonly state?: string; readonly labels?: Readonly<Record<string, string>> }[]
}

/** A Prometheus that runs: that it has loaded the rule, and when it fires. */
export function prometheusAt(url: string, clock: Clock): AlertSource {
  async function ask<T>(path: string): Promise<T> {
    const answer = await fetch(new URL(`/api/v1/${path}`, url), { signal: AbortSignal.timeout(askMsMax) })
    if (!answer.ok) throw new Error(`status ${answer.status}`)
    return ((await answer.json()) as { data: T }).data
  }
  return {
    check: async () => {
      const { groups = [] } = await ask<Rules>('rules').catch((cause: Error) => {
        throw missing(`${url}: ${cause.message}`, cause)
      })
      const found = groups.flatMap(({ rules = [] }) => rules).filter(({ name }) => name === alertName)
      if (found.length === 0) throw missing(`${url}, which has not loaded it`)
      return `${url} has loaded ${alertName}: ${counted(found.length, 'rule')}`
    },
    fires: async (tenant, signal, progress) => {
      const fromMs = clock.nowMs()
      while (!signal.aborted) {
        // A Prometheus that is started anew goes on where it was.
        const { alerts = [] } = await ask<Alerts>('alerts').catch((): Alerts => ({}))
        const mine = alerts.filter(({ labels }) => labels?.alertname === alertName && labels.tenant === tenant)
        const firing = mine.find(({ state }) => state === 'firing')
        if (firing !== undefined) return `${alertName} fires for ${tenant}: ${JSON.stringify(firing.labels)}`
        const state = mine.length > 0 ? 'it is pending' : 'nothing is seen yet'
        progress(`waiting for ${alertName}, ${duration(clock.nowMs() - fromMs)}: ${state}`)
        await clock.sleep(pollMs, signal)
      }
      return undefined
    },
  }
}
