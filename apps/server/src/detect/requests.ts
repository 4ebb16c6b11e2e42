// SPDX-License-Identifier: Apache-2.0

import type { Clock, Log } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import type { OpenedModel, OpenedRules } from '@sealwatch/detect/open-judge'
import type { Reputation } from '@sealwatch/detect/reputation'
import { contextOfJson, type JsonContext, type RequestContext } from '@sealwatch/detect/request'
import {
  actionIn,
  createJudge,
  detectByBehaviour,
  detectByReputation,
  detectorNames,
  judgeSignals,
  type RecommendedAction,
  type Verdict,
} from '@sealwatch/detect/verdict'
import { type Authorised, nameOf } from '../access/index.ts'
import { alertEvent, type Recorded, type ServerVoice } from '../identity/index.ts'
import type { Outbox, Store } from '../store/index.ts'
import type { Exceptions } from './exceptions.ts'
import type { Habits } from './habits.ts'
import { threatCode } from './request-feedback.ts'
import type { RequestSettings } from './request-settings.ts'
import type { ScoreBook } from './score-book.ts'

/** What the service knows of the answer already. */
export type Outcome = { readonly status: number }

export type JudgedRequest = {
  readonly verdict: Verdict
  /** What the service is to do now: what the verdict recommends, where its tenant blocks at all. */
  readonly action: RecommendedAction
  readonly recorded: Recorded | undefined
}

/** Judges requests of services. */
export type Requests = {
  /**
   * A threat is an alert in the tenant's ledger when this resolves; a request that is none is counted. Throws CONTEXT_SHAPE,
   * CONTEXT_TOO_LARGE, AUDIT_NOT_RECORDED.
   */
  analyze(by: Authorised<'threat:analyze'>, given: JsonContext, outcome?: Outcome): Promise<JudgedRequest>
  readonly counts: { readonly judged: number; readonly threats: number; readonly failures: number }
  addHealth(health: Pick<Health, 'show' | 'metrics'>): void
}

export type RequestOptions = {
  readonly requestRules: OpenedRules
  readonly requestModel: OpenedModel
  readonly reputation: Pick<Reputation, 'lookup'> | undefined
  readonly habits: Pick<Habits, 'judge' | 'learn' | 'counts'>
  readonly settings: Pick<RequestSettings, 'of'>
  readonly exceptions: Pick<Exceptions, 'ofRequest'>
  readonly scores: Pick<ScoreBook, 'count'>
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
  const { requestRules, requestModel, reputation, habits, settings, exceptions, scores } = options
  const { store, outbox, voice, clock, log } = options
  const counts = { judged: 0, threats: 0, failures: 0 }
  const judge = createJudge({
    detectors: {
      rules: requestRules.detector,
      model: requestModel.detector,
      signals: judgeSignals,
      reputation: reputation && detectByReputation(reputation),
      behaviour: detectByBehaviour(habits),
    },
    onFailed: (detector, error) => {
      counts.failures += 1
      log.error('a detector of requests failed', { detector, error })
    },
  })
  const absent = detectorNames.filter((name) => !judge.names.includes(name))

  type Judged = Omit<JudgedRequest, 'recorded'> & Pick<Threat, 'timeNs' | 'asked'>
  async function record(by: Authorised<'threat:analyze'>, judged: Judged): Promise<Recorded> {
    const { tenant, requestId } = by
    const event = threatEvent(voice, { tenant, by: nameOf(by.principal), about: requestId, ...judged })
    const uid = await store.transaction((tx) => outbox.enqueue(tx, tenant, event))
    outbox.ring()
    return { tenant, leafIndex: await outbox.recorded(uid, 'recording a threat') }
  }

  return {
    counts,
    async analyze(by, given, outcome) {
      const timeNs = clock.nowNs()
      const { mode, thresholds } = settings.of(by.tenant)
      const context = contextOfJson(given, by.tenant)
      const verdict = judge.judge(context, timeNs, thresholds, exceptions.ofRequest(by.tenant, context))
      const action = actionIn(mode, verdict.recommended_action)
      counts.judged += 1
      scores.count(by.tenant, verdict)
      if (!verdict.threat) {
        // Attacks teach nothing: what is usual is what harmless requests are like.
        habits.learn(context, outcome?.status, timeNs)
        return { verdict, action, recorded: undefined }
      }
      counts.threats += 1
      return { verdict, action, recorded: await record(by, { verdict, action, timeNs, asked: context }) }
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
        users: habits.counts.users,
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
  readonly action: RecommendedAction
  readonly asked: Pick<RequestContext, 'method' | 'route'>
}

/**
 * Of the request, its sender and its user nothing stands in the line but what the verdict tells, redacted, and what the service
 * itself calls its route: a path may name somebody.
 */
function threatEvent(voice: ServerVoice, { verdict, action, asked, ...threat }: Threat) {
  const { severity, type, score, confidence, recommended_action, reasons, excepted, signals, detectors } = verdict
  const title = `An attack on a service: ${(type ?? 'other').replaceAll('_', ' ')}`
  return alertEvent(voice, {
    ...threat,
    code: threatCode,
    component: 'detect',
    severity,
    title,
    message: `${title}, score ${score} of 100`,
    runbook: 'request-threat.md',
    attacks,
    evidence: {
      ...(/^[A-Z]{1,32}$/.test(asked.method) && { method: asked.method }),
      ...(asked.route !== undefined && { route: asked.route }),
      ...{ type, score, confidence, recommended_action, action, reasons, excepted, signals, detectors },
    },
  })
}
