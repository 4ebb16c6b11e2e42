// SPDX-License-Identifier: Apache-2.0

import { type Clock, createRate, createTurns, type Log } from '@sealwatch/base'
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
import { type Authorised, nameOf } from '../../access/index.ts'
import { alertEvent, type Recorded, type ServerVoice } from '../../identity/index.ts'
import type { Outbox, Store } from '../../store/index.ts'
import { ruleError } from '../errors.ts'
import type { Exceptions } from '../exceptions.ts'
import { threatCode } from './feedback.ts'
import type { Habits } from './habits.ts'
import type { ScoreBook } from './score-book.ts'
import type { RequestSettings } from './settings.ts'

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
  /** A turn for a request that a proxy asks about; to be called when it is answered. Throws REQUESTS_LIMITED. */
  enter(tenant: string): () => void
  /**
   * Judges a request of somebody whom nobody knows, for a proxy that waits. A threat is written down when this resolves, and enters the
   * ledger then; those beyond `requestLimits` are counted in the next one's line. What cannot be written down is judged all the same.
   */
  judge(by: Authorised<'threat:analyze'>, context: RequestContext): Promise<Pick<JudgedRequest, 'verdict' | 'action'>>
  readonly counts: {
    readonly judged: number
    readonly threats: number
    /** Threats without a line of their own. */
    readonly unwritten: number
    readonly failures: number
  }
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

/** Of one tenant's proxies, which strangers keep busy. */
const requestLimits = {
  perSecond: 2_000,
  atOnceMax: 256,
  linesPerSecond: 10,
  linesBurst: 100,
  tenantsMax: 10_000,
} as const
const beforeNextMs = 1_000

export function createRequests(options: RequestOptions): Requests {
  const { requestRules, requestModel, reputation, habits, settings, exceptions, scores } = options
  const { store, outbox, voice, clock, log } = options
  const counts = { judged: 0, threats: 0, unwritten: 0, failures: 0 }
  const { perSecond, atOnceMax, linesPerSecond, linesBurst, tenantsMax: keysMax } = requestLimits
  const asked = createRate(clock, { perSecond, burst: perSecond, keysMax })
  const lines = createRate(clock, { perSecond: linesPerSecond, burst: linesBurst, keysMax })
  const turns = createTurns()
  /** By tenant, since its last line. */
  const unwritten = new Map<string, number>()
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
  function look({ tenant }: Authorised<'threat:analyze'>, context: RequestContext, outcome?: Outcome): Judged {
    const timeNs = clock.nowNs()
    const { mode, thresholds } = settings.of(tenant)
    const verdict = judge.judge(context, timeNs, thresholds, exceptions.ofRequest(tenant, context))
    counts.judged += 1
    scores.count(tenant, verdict)
    if (verdict.threat) counts.threats += 1
    // Attacks teach nothing: what is usual is what harmless requests are like.
    else habits.learn(context, outcome?.status, timeNs)
    return { verdict, action: actionIn(mode, verdict.recommended_action), timeNs, asked: context }
  }

  async function writeDown(by: Authorised<'threat:analyze'>, judged: Judged): Promise<string> {
    const { tenant, requestId } = by
    const unwrittenBefore = unwritten.get(tenant) ?? 0
    unwritten.delete(tenant)
    const threat = { tenant, by: nameOf(by.principal), about: requestId, unwrittenBefore, ...judged }
    const uid = await store.transaction((tx) => outbox.enqueue(tx, tenant, threatEvent(voice, threat)))
    outbox.ring()
    return uid
  }

  return {
    counts,
    async analyze(by, given, outcome) {
      const { tenant } = by
      const judged = look(by, contextOfJson(given, tenant), outcome)
      const { verdict, action } = judged
      if (!verdict.threat) return { verdict, action, recorded: undefined }
      const leafIndex = await outbox.recorded(await writeDown(by, judged), 'recording a threat')
      return { verdict, action, recorded: { tenant, leafIndex } }
    },
    enter(tenant) {
      const leave = turns.enter(tenant, atOnceMax)
      const waitMs = leave === undefined ? beforeNextMs : asked.take(tenant)
      if (leave !== undefined && waitMs === 0) return leave
      leave?.()
      throw ruleError('REQUESTS_LIMITED', { attempted: 'judging a request that a proxy holds', waitMs })
    },
    async judge(by, context) {
      const judged = look(by, context)
      if (!judged.verdict.threat) return judged
      if (lines.take(by.tenant) > 0) {
        counts.unwritten += 1
        unwritten.set(by.tenant, (unwritten.get(by.tenant) ?? 0) + 1)
        return judged
      }
      await writeDown(by, judged).catch((error: unknown) => {
        counts.failures += 1
        log.error('a threat could not be written down', { request_id: by.requestId, error })
      })
      return judged
    },
    addHealth({ show, metrics }) {
      const { rules, problems, notRun, withoutInjection } = requestRules
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
        not_run: notRun.length,
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
      metrics.counter(
        {
          name: 'sealwatch_request_threats_unwritten_total',
          help: 'Threats in requests that proxies held, beyond 10 a second of a tenant: the next line of one says how many',
        },
        () => counts.unwritten,
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
  readonly unwrittenBefore: number
}

/**
 * Of the request, its sender and its user nothing stands in the line but what the verdict tells, redacted, and what the service
 * itself calls its route: a path may name somebody.
 */
function threatEvent(voice: ServerVoice, { verdict, action, asked, unwrittenBefore, ...threat }: Threat) {
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
      ...(unwrittenBefore > 0 && { unwritten_before: unwrittenBefore }),
    },
  })
}
