// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import { readSmallFile } from '../small-file.ts'
import { duration } from '../terminal.ts'
import { drillFailure } from './failures.ts'

export const alertName = 'SealwatchCanonicalRejectsHigh'
const ruleBytesMax = 1024 * 1024
const askMsMax = 10_000
const pollMs = 1000

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

/** In a file: that the rule is there, with an expression over rows that are rejected. It says nothing of who loads it. */
export function ruleFile(path: string): AlertSource {
  return {
    fires: undefined,
    check: async () => {
      let text: string
      try {
        text = readSmallFile(path, ruleBytesMax)
      } catch (cause) {
        throw missing(`${path} (${(cause as NodeJS.ErrnoException).code})`, cause)
      }
      const rules = text.split(/^\s*-\s+(?=alert:|record:)/m).filter((one) => isNamed.test(one))
      if (!rules.some((one) => /^\s*expr:.*(?:rejected_rows|rows_quarantined_total)/m.test(one)))
        throw missing(rules.length === 0 ? `${path}, without it` : `${path}, where it asks for no rejected rows`)
      return `${path} has ${alertName}, ${rules.length} times`
    },
  }
}

const isNamed = new RegExp(`^alert:\\s*${alertName}\\s*$`, 'm')

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
      return `${url} has loaded ${alertName}, ${found.length} times`
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
