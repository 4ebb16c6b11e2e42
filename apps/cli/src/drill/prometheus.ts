// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import { counted, duration } from '../terminal.ts'
import { drillFailure } from './failures.ts'
import { type AlertSource, type AwaitedAlert, alertName, ruleMissing } from './rule.ts'

const askMsMax = 10_000
const pollMs = 1000

type Rules = { readonly groups?: readonly { readonly rules?: readonly { readonly name?: string }[] }[] }
type Alert = {
  readonly state?: string
  readonly labels?: Readonly<Record<string, string>>
  /** RFC 3339: since when its expression holds, by the clock of Prometheus. */
  readonly activeAt?: string
}

/** A Prometheus that runs: that it has loaded the rule, and when it fires. */
export function prometheusAt(url: string, clock: Clock): AlertSource {
  async function ask<T>(path: string): Promise<T> {
    const answer = await fetch(new URL(`/api/v1/${path}`, url), { signal: AbortSignal.timeout(askMsMax) })
    if (!answer.ok) throw new Error(`status ${answer.status}`)
    return ((await answer.json()) as { data: T }).data
  }

  /** What is active for the tenant, pending or firing; undefined: a Prometheus that is started anew goes on where it was. */
  async function activeFor(tenant: string): Promise<readonly Alert[] | undefined> {
    const answer = await ask<{ readonly alerts?: readonly Alert[] }>('alerts').catch(() => undefined)
    return answer?.alerts?.filter(({ labels }) => labels?.alertname === alertName && labels.tenant === tenant)
  }

  /** `since` by the clock of Prometheus; undefined: it does not answer. */
  async function asTheirs(since: string): Promise<number | undefined> {
    const theirs = await ask<{ readonly result: readonly [number, string] }>('query?query=time()').catch(
      () => undefined,
    )
    return theirs && Date.parse(since) + theirs.result[0] * 1000 - clock.nowMs()
  }

  /** Looks until `found` says so; undefined: the signal fired first. */
  async function until<T extends object>(
    { tenant, since, signal }: AwaitedAlert,
    found: (active: readonly Alert[], isEarlier: (one: Alert) => boolean) => T | undefined,
  ): Promise<T | undefined> {
    let sinceMs: number | undefined
    while (!signal.aborted) {
      sinceMs ??= await asTheirs(since)
      const active = sinceMs === undefined ? undefined : await activeFor(tenant)
      // Whose time is not known is not taken for ours.
      const isEarlier = ({ activeAt = '' }: Alert) => !(Date.parse(activeAt) >= (sinceMs ?? Number.NaN))
      const result = active && found(active, isEarlier)
      if (result !== undefined) return result
      await clock.sleep(pollMs, signal)
    }
    return undefined
  }

  return {
    check: async () => {
      const { groups = [] } = await ask<Rules>('rules').catch((cause: Error) => {
        throw ruleMissing(`${url}: ${cause.message}`, cause)
      })
      const found = groups.flatMap(({ rules = [] }) => rules).filter(({ name }) => name === alertName)
      if (found.length === 0) throw ruleMissing(`${url}, which has not loaded it`)
      return `${url} has loaded ${alertName}: ${counted(found.length, 'rule')}`
    },
    alerts: {
      earlierOver: async (awaited) => {
        const fromMs = clock.nowMs()
        let met = ''
        const over = await until(awaited, (active, isEarlier) => {
          const earlier = active.find(isEarlier)
          if (earlier === undefined) return { met }
          met = `${alertName} was ${earlier.state} for ${awaited.tenant} before, since ${earlier.activeAt}`
          awaited.progress(`${met}: waiting for its end, ${duration(clock.nowMs() - fromMs)}`)
          return undefined
        })
        if (over !== undefined) return over.met || undefined
        throw drillFailure('DRILL_ALERT_SILENT', {
          attempted: `waiting for ${alertName}`,
          received:
            met === '' ? `no answer of ${url}` : `${met}, and is not over: whether it would fire now is not known`,
        })
      },
      fires: async (awaited) => {
        const fromMs = clock.nowMs()
        const fired = await until(awaited, (active, isEarlier) => {
          const ours = active.filter((one) => !isEarlier(one))
          const state = ours.length > 0 ? 'it is pending' : 'nothing is seen yet'
          awaited.progress(`waiting for ${alertName}, ${duration(clock.nowMs() - fromMs)}: ${state}`)
          return ours.find((one) => one.state === 'firing')
        })
        return (
          fired &&
          `${alertName} fires for ${awaited.tenant}, active since ${fired.activeAt}: ${JSON.stringify(fired.labels)}`
        )
      },
    },
  }
}
