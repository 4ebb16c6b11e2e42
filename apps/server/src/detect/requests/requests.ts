// SPDX-License-Identifier: Apache-2.0

import type { Clock, Log } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import { type OpenedModel, problemsNamed } from '@sealwatch/detect/open-judge'
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
import { type Authorised, nameOf } from '../../access/index.ts'
import type { Recorded, ServerVoice } from '../../identity/index.ts'
import type { Outbox, Store } from '../../store/index.ts'
import type { Exceptions } from '../exceptions.ts'
import { createBounds, type Door } from './bounds.ts'
import type { Habits } from './habits.ts'
import type { RequestRules } from './request-rules.ts'
import type { ScoreBook } from './score-book.ts'
import type { RequestSettings } from './settings.ts'
import type { Threat } from './threat-event.ts'
import { createThreatLines, type Unwritten } from './threat-lines.ts'
import type { VerdictCounts } from './verdict-counts.ts'

/** What the service knows of the answer already. */
export type Outcome = { readonly status: number }

export type JudgedRequest = {
  readonly verdict: Verdict
  /** What the service is to do now: what the verdict recommends, where its tenant blocks at all. */
  readonly action: RecommendedAction
  readonly recorded?: Recorded
  /** Why a threat has no line of its own. */
  readonly unwritten?: Unwritten
}

/**
 * Judges requests of services. A threat is an alert in the tenant's ledger, or waits for it durably, when a verdict resolves; what cannot
 * be written down is judged all the same, counted, and told by a later line (docs/adr/2026-11-24-verdicts-without-a-line.md).
 */
export type Requests = {
  /** Throws CONTEXT_SHAPE, CONTEXT_TOO_LARGE. */
  analyze(by: Authorised<'threat:analyze'>, given: JsonContext, outcome?: Outcome): Promise<JudgedRequest>
  /** A turn for a request of so many bytes; to be called when it is answered. Throws REQUESTS_LIMITED. */
  enter(tenant: string, door: Door, bytes?: number): () => void
  /** Judges a request of somebody whom nobody knows, for a proxy that waits. */
  judge(by: Authorised<'threat:analyze'>, context: RequestContext): Promise<JudgedRequest>
  /** Tells of threats that have no lines, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
  forgetTenant(tenant: string): void
  /** What of the rules is not in force as somebody wrote it, each in a line for people. */
  readonly wrongRules: readonly string[]
  addHealth(health: Pick<Health, 'show' | 'metrics'>): void
}

export type RequestOptions = {
  readonly requestRules: RequestRules
  readonly requestModel: OpenedModel
  readonly reputation: Pick<Reputation, 'lookup'> | undefined
  readonly habits: Pick<Habits, 'judge' | 'learn' | 'counts' | 'lost'>
  readonly settings: Pick<RequestSettings, 'of'>
  readonly exceptions: Pick<Exceptions, 'ofRequest' | 'noteExcepted'>
  readonly scores: Pick<ScoreBook, 'count'>
  readonly verdicts: Pick<VerdictCounts, 'note'>
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly clock: Clock
  readonly log: Log
}

/** Who asks waits so long for the place of a line, which is kept by then; a verdict is of use at once or never. */
const placeMsMax = 1_000

export function createRequests(options: RequestOptions): Requests {
  const { requestRules, requestModel, reputation, habits, settings, exceptions, scores, verdicts } = options
  const { outbox, clock, log } = options
  const counts = { judged: 0, threats: 0, failures: 0 }
  const bounds = createBounds(clock)
  const lines = createThreatLines(options)
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
  for (const what of requestRules.wrong) log.error('a rule over requests is left out', { what })
  const absent = detectorNames.filter((name) => !judge.names.includes(name))

  function look(by: Authorised<'threat:analyze'>, context: RequestContext, outcome?: Outcome): Threat {
    const { tenant, principal, requestId } = by
    const timeNs = clock.nowNs()
    const { mode, thresholds } = settings.of(tenant)
    const verdict = judge.judge(context, timeNs, thresholds, exceptions.ofRequest(tenant, context))
    exceptions.noteExcepted(tenant, verdict.excepted)
    counts.judged += 1
    scores.count(tenant, verdict)
    if (verdict.threat) counts.threats += 1
    // Attacks teach nothing: what is usual is what harmless requests are like.
    else habits.learn(context, outcome?.status, timeNs)
    const action = actionIn(mode, verdict.recommended_action)
    verdicts.note(tenant, verdict.recommended_action, action)
    return { tenant, by: nameOf(principal), about: requestId, timeNs, verdict, action, asked: context }
  }

  async function placeOf(uid: string): Promise<number | undefined> {
    try {
      return await outbox.recorded(uid, 'recording a threat', placeMsMax)
    } catch (error) {
      log.warn('where the line of a threat stands could not be read', { error })
      return undefined
    }
  }

  return {
    enter: bounds.enter,
    run: lines.run,
    forgetTenant: lines.forgetTenant,
    wrongRules: requestRules.wrong,
    async analyze(by, given, outcome) {
      const { tenant } = by
      const judged = look(by, contextOfJson(given, tenant), outcome)
      if (!judged.verdict.threat) return judged
      const written = await lines.write('service', judged)
      return 'uid' in written
        ? { ...judged, recorded: { tenant, leafIndex: await placeOf(written.uid) } }
        : { ...judged, ...written }
    },
    async judge(by, context) {
      const judged = look(by, context)
      if (judged.verdict.threat) await lines.write('proxy', judged)
      return judged
    },
    addHealth({ show, metrics }) {
      const { rules, wrong, notRun, withoutInjection } = requestRules
      const { modelSha256, withoutModel } = requestModel
      const isWhole = wrong.length === 0 && withoutInjection === undefined && withoutModel === undefined
      const isWell = () => isWhole && counts.failures === 0 && !lines.isFailing && habits.lost === undefined
      show('requests', () => ({
        level: isWell() ? 'ok' : 'warning',
        rules,
        model: modelSha256 ?? null,
        absent,
        failures: counts.failures,
        without_model: withoutModel ?? null,
        untold: lines.untold,
        users: habits.counts.users,
        users_lost: habits.lost ?? null,
        without_injection: withoutInjection ?? null,
        not_run: notRun.length,
        wrong: wrong.length,
        wrong_first: wrong.slice(0, problemsNamed),
      }))
      metrics.counter(
        { name: 'sealwatch_requests_judged_total', help: 'Requests of services that were judged', labels: ['threat'] },
        () => [
          [['false'], counts.judged - counts.threats],
          [['true'], counts.threats],
        ],
      )
      metrics.counter(
        {
          name: 'sealwatch_request_threats_unwritten_total',
          help: 'Threats without a line of their own: many, beyond 10 a second of a tenant; failed, not taken by the disk. A later line says how many',
          labels: ['why'],
        },
        () => Object.entries(lines.unwritten).map(([why, times]) => [[why], times]),
      )
      metrics.counter(
        {
          name: 'sealwatch_requests_limited_total',
          help: 'Requests that were not judged, for a tenant asked about more than it may',
          labels: ['from'],
        },
        () => Object.entries(bounds.limited).map(([door, times]) => [[door], times]),
      )
    },
  }
}
