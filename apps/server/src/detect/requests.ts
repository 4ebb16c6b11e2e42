// SPDX-License-Identifier: Apache-2.0

import type { Clock, Log } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import type { OpenedModel, OpenedRules } from '@sealwatch/detect/open-judge'
import type { Reputation } from '@sealwatch/detect/reputation'
import { contextOfJson, type JsonContext } from '@sealwatch/detect/request'
import { createJudge, detectByReputation, detectorNames, judgeSignals, type Verdict } from '@sealwatch/detect/verdict'
import { type Authorised, nameOf } from '../access/index.ts'
import { alertEvent, type Recorded, type ServerVoice } from '../identity/index.ts'
import type { Outbox, Store } from '../store/index.ts'

/** Judges requests of services. */
export type Requests = {
  /**
   * A threat is an alert in the tenant's ledger when this resolves; a request that is none is counted. Throws CONTEXT_SHAPE,
   * CONTEXT_TOO_LARGE, AUDIT_NOT_RECORDED.
   */
  analyze(
    by: Authorised<'threat:analyze'>,
    given: JsonContext,
  ): Promise<{ readonly verdict: Verdict; readonly recorded: Recorded | undefined }>
  readonly counts: { readonly judged: number; readonly threats: number; readonly failures: number }
  addHealth(health: Pick<Health, 'show' | 'metrics'>): void
}

export type RequestOptions = {
  readonly requestRules: OpenedRules
  readonly requestModel: OpenedModel
  readonly reputation: Pick<Reputation, 'lookup'> | undefined
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly clock: Clock
  readonly log: Log
}

/** ATT&CK: Exploit Public-Facing Application. */
const attacks = [{ technique: { uid: 'T1190', name: 'Exploit Public-Facing Application' } }] as const
const problemsNamed = 20

export function createRequests(options: RequestOptions): Requests {
  const { requestRules, requestModel, reputation, store, outbox, voice, clock, log } = options
  const counts = { judged: 0, threats: 0, failures: 0 }
  const judge = createJudge({
    detectors: {
      rules: requestRules.detector,
      model: requestModel.detector,
      signals: judgeSignals,
      reputation: reputation && detectByReputation(reputation),
    },
    onFailed: (detector, error) => {
      counts.failures += 1
      log.error('a detector of requests failed', { detector, error })
    },
  })
  const absent = detectorNames.filter((name) => !judge.names.includes(name))

  async function record(by: Authorised<'threat:analyze'>, verdict: Verdict, timeNs: bigint): Promise<Recorded> {
    const { tenant, requestId } = by
    const event = threatEvent(voice, { tenant, by: nameOf(by.principal), about: requestId, timeNs, verdict })
    const uid = await store.transaction((tx) => outbox.enqueue(tx, tenant, event))
    outbox.ring()
    return { tenant, leafIndex: await outbox.recorded(uid, 'recording a threat') }
  }

  return {
    counts,
    async analyze(by, given) {
      const timeNs = clock.nowNs()
      const verdict = judge.judge(contextOfJson(given, by.tenant), timeNs)
      counts.judged += 1
      if (!verdict.threat) return { verdict, recorded: undefined }
      counts.threats += 1
      return { verdict, recorded: await record(by, verdict, timeNs) }
    },
    addHealth({ show, metrics }) {
      const { rules, problems, withoutInjection } = requestRules
      const { modelSha256, withoutModel } = requestModel
      const isWhole = problems.length === 0 && withoutInjection === undefined && withoutModel === undefined
      show('requests', () => ({
        level: isWhole && counts.failures === 0 ? 'ok' : 'warning',
        rules,
        model: modelSha256 ?? null,
        absent,
        failures: counts.failures,
        without_model: withoutModel ?? null,
        without_injection: withoutInjection ?? null,
        wrong: problems.length,
        wrong_first: problems.slice(0, problemsNamed).map(({ file, line, reason }) => `${file}:${line}: ${reason}`),
      }))
      metrics.counter(
        { name: 'sealwatch_requests_judged_total', help: 'Requests of services that were judged', labels: ['threat'] },
        () => [
          [['false'], counts.judged - counts.threats],
          [['true'], counts.threats],
        ],
      )
    },
  }
}

type Threat = {
  readonly tenant: string
  readonly by: string
  readonly about: string
  readonly timeNs: bigint
  readonly verdict: Verdict
}

/** Of the request, its sender and its user nothing stands in the line but what the verdict tells, redacted. */
function threatEvent(voice: ServerVoice, { verdict, ...threat }: Threat) {
  const { severity, type, score, confidence, recommended_action, reasons, signals, detectors } = verdict
  const title = `An attack on a service: ${(type ?? 'other').replaceAll('_', ' ')}`
  return alertEvent(voice, {
    ...threat,
    code: 'request_threat',
    component: 'detect',
    severity,
    title,
    message: `${title}, score ${score} of 100`,
    runbook: 'request-threat.md',
    attacks,
    evidence: { type, score, confidence, recommended_action, reasons, signals, detectors },
  })
}
