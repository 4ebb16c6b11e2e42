// SPDX-License-Identifier: Apache-2.0

import { readSmallFile } from '../small-file.ts'
import { drillFailure } from './failures.ts'
import { differenceOf, type Rule, recordsIn, rulesIn } from './rules-file.ts'

export const alertName = 'SealwatchCanonicalRejectsHigh'
const ruleBytesMax = 1024 * 1024
const intervalMsMax = 60_000

/** What an alert rests on, as far as a drill asks. */
export type AlertSource = {
  /** How the rule was found. Throws DRILL_RULE_MISSING. */
  check(): Promise<string>
  /** Undefined: only a file was given. */
  readonly alerts: Alerts | undefined
}
export type AwaitedAlert = {
  readonly tenant: string
  /** RFC 3339: when what it is to fire for began. One that was active before is of something else. */
  readonly since: string
  readonly signal: AbortSignal
  readonly progress: (text: string) => void
}
export type Alerts = {
  /**
   * Resolves with what was active before `since`, once it is no more; undefined: nothing was. Rejects where the signal fires
   * first, with what is active still.
   */
  earlierOver(awaited: AwaitedAlert): Promise<string | undefined>
  /** Resolves with what fires and became active since then, or without where the signal fires first. */
  fires(awaited: AwaitedAlert): Promise<string | undefined>
}

export const ruleMissing = (received: string, cause?: unknown) =>
  drillFailure('DRILL_RULE_MISSING', { attempted: `looking for the alert rule ${alertName}`, received, cause })

/**
 * In a file: that the rule is there, that it asks for what the one that we ship asks for (`oursPath`), waits no longer and is judged
 * as often as that needs; so are the recording rules that it rests on. It says nothing of who loads the file.
 */
export function ruleFile(path: string, oursPath: string): AlertSource {
  return {
    alerts: undefined,
    check: async () => {
      const [found, ours] = [await readRules(path), await readRules(oursPath)]
      const named = found.filter(isTheAlert)
      if (named.length === 0) throw ruleMissing(`${path}, without it`)
      const faults = named.map((one) => faultOf(one, found, ours))
      // Those that wait longer call somebody else later.
      if (!faults.includes(undefined)) throw ruleMissing(`${path}, where ${faults[0]}`)
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
    throw ruleMissing(`${path} (${(cause as NodeJS.ErrnoException).code})`, cause)
  }
  const rules = await rulesIn(text)
  if (rules === undefined) throw ruleMissing(`${path}, which holds no rules of Prometheus`)
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
