// SPDX-License-Identifier: Apache-2.0

import { type Clock, type Log, rfc3339 } from '@sealwatch/base'
import type { RecommendedAction } from '@sealwatch/detect/verdict'
import { type Act, actEvent, type RecordOptions } from '../../identity/index.ts'

/** A threat has a line of its own with its reasons. Of all verdicts each tenant's ledger has their number, every hour that had any. */
export type VerdictCounts = {
  /** `worth`: what the verdict recommends; `told`: what the service was told to do. Never throws and never waits. */
  note(tenant: string, worth: RecommendedAction, told: RecommendedAction): void
  /** Brings them into the ledgers, until the signal fires and a last time then. What a killed server had counted is lost. */
  run(signal: AbortSignal): Promise<void>
  forgetTenant(tenant: string): void
}

type ByAction = Record<RecommendedAction, number>
type Counted = { readonly sinceNs: bigint; judged: number; readonly worth: ByAction; readonly told: ByAction }

const everyMs = 3_600_000
const none = (): ByAction => ({ allow: 0, observe: 0, challenge: 0, block: 0 })

export function createVerdictCounts(
  options: RecordOptions & { readonly clock: Clock; readonly log: Log },
): VerdictCounts {
  const { store, outbox, voice, clock, log } = options
  const byTenant = new Map<string, Counted>()

  async function write(tenant: string, counted: Counted): Promise<void> {
    byTenant.delete(tenant)
    const event = actEvent(voice, countedAct(tenant, counted, clock.nowNs()))
    try {
      await store.transaction((tx) => outbox.enqueue(tx, tenant, event))
      outbox.ring()
    } catch (error) {
      const since = byTenant.get(tenant)
      byTenant.set(tenant, since === undefined ? counted : joined(counted, since))
      log.error('how requests were judged could not be recorded: it is with the next hour', { tenant, error })
    }
  }
  const writeAll = async () => {
    for (const [tenant, counted] of [...byTenant]) await write(tenant, counted)
  }

  return {
    note: (tenant, worth, told) => {
      const counted = byTenant.get(tenant) ?? { sinceNs: clock.nowNs(), judged: 0, worth: none(), told: none() }
      byTenant.set(tenant, counted)
      counted.judged += 1
      counted.worth[worth] += 1
      counted.told[told] += 1
    },
    run: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(everyMs, signal)
        await writeAll()
      }
    },
    forgetTenant: (tenant) => void byTenant.delete(tenant),
  }
}

const joined = (one: Counted, other: Counted): Counted => ({
  sinceNs: one.sinceNs,
  judged: one.judged + other.judged,
  worth: sum(one.worth, other.worth),
  told: sum(one.told, other.told),
})
const sum = (one: ByAction, other: ByAction): ByAction => ({
  allow: one.allow + other.allow,
  observe: one.observe + other.observe,
  challenge: one.challenge + other.challenge,
  block: one.block + other.block,
})

function countedAct(tenant: string, { sinceNs, judged, worth, told }: Counted, timeNs: bigint): Act {
  const since = rfc3339(sinceNs)
  const threats = judged - worth.allow
  return {
    code: 'requests_counted',
    component: 'detect',
    tenant,
    timeNs,
    by: { name: 'server:requests', requestId: since },
    verb: 'read',
    severity: 'informational',
    message: `requests of services were judged: ${judged}, threats among them: ${threats}, told to block: ${told.block}`,
    entity: { type: 'Request Verdicts', uid: tenant },
    details: { request_verdicts: { since, until: rfc3339(timeNs), judged, worth, told } },
  }
}
