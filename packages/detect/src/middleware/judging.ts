// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { emitWarning } from 'node:process'
import { isSealwatchError, messageOf } from '@sealwatch/base'
import { idleClock } from '@sealwatch/base/clock'
import type { RequestContext } from '../request/context.ts'
import { headerNamed } from '../request/decode/headers.ts'
import type { Judge } from '../request/verdict/index.ts'
import { type SeenBody, seeBody } from './incoming-body.ts'
import { contextOfIncoming, type From } from './incoming-context.ts'
import { leaksIn } from './leaks.ts'
import { createNotices } from './notices.ts'
import { type JudgingOptions, judgingLimits, type Opinion, type Whose } from './options.ts'
import { type SafeAnswer, type SafeCode, safeAnswer } from './safe-answer.ts'
import { createTelling } from './telling.ts'
import { watchAnswer } from './watch-answer.ts'

/** What becomes of a request. `left`: its client is gone, and nobody waits for an answer. */
export type Outcome =
  | { readonly kind: 'pass'; readonly opinion: Opinion | undefined }
  | { readonly kind: 'refuse'; readonly answer: SafeAnswer; readonly opinion: Opinion | undefined }
  | { readonly kind: 'left' }

/** Who asks for what, as the framework knows it. */
export type Asked<Request> = {
  readonly request: Request
  readonly raw: IncomingMessage
  readonly url: string
  readonly address: string
}

/** Of a request that nobody judged: whether it is refused for that. */
type Said = { readonly opinion?: Opinion; readonly isRefused?: boolean }
type Judged = Said & {
  readonly end: SeenBody['end']
  readonly context: RequestContext | undefined
}

export type Judging<Request> = {
  /** Before the handler; never rejects. What passes has its whole body yet. */
  before(asked: Asked<Request>, response: ServerResponse): Promise<Outcome>
}

/** One that every framework's own part asks. */
export function createJudging<Request>(options: JudgingOptions<Request>): Judging<Request> {
  const { judge, mode = 'block', ifAway = 'pass', behaviour, onThreat, onLeak, clock = idleClock } = options
  const { ifRefused = typeof ifAway === 'object' ? ifAway : 'refuse' } = options
  const limits = { ...judgingLimits, ...options.limits }
  const notice = createNotices(clock, (text) => say(options.onNotice ?? warn, text))
  const telling = createTelling({
    ledger: 'ask' in judge ? judge : options.ledger,
    told: (threat) => void tried(() => onThreat?.(threat)),
    waitingMax: limits.tellingMax,
    notice,
    clock,
  })

  function opinionBy(local: Pick<Judge, 'judge'>, context: RequestContext, timeNs: bigint): Opinion {
    const { threat, recommended_action: action, detectors, ...rest } = local.judge(context, timeNs, options.thresholds)
    return { id: newId(), action, threat: threat ? rest : undefined, detectors }
  }

  async function opinionOn(context: RequestContext, timeNs: bigint): Promise<Said> {
    try {
      return { opinion: 'ask' in judge ? await judge.ask(context) : opinionBy(judge, context, timeNs) }
    } catch (error) {
      const wasThere = isSealwatchError(error, 'JUDGE_REFUSED')
      if (wasThere) notice('refused', `the server does not judge some requests: ${messageOf(error)}`)
      else notice('away', `requests are not judged for now: ${messageOf(error)}`)
      const instead = wasThere ? ifRefused : ifAway
      if (typeof instead === 'string') return { isRefused: instead === 'refuse' }
      return { opinion: opinionBy(instead, context, timeNs) }
    }
  }

  async function judged(context: RequestContext, timeNs: bigint): Promise<Said> {
    try {
      const said = await opinionOn(context, timeNs)
      if (said.opinion?.threat !== undefined) telling.tell(said.opinion, context)
      return said
    } catch (error) {
      failed(error)
      return { isRefused: true }
    }
  }

  async function contextOf({ request, raw, url, address }: Asked<Request>) {
    const reads = tried(() => options.readsBody?.(request)) ?? true
    const body = reads ? await tried(() => seeBody(raw, limits, clock)) : undefined
    if (body?.end === 'taken')
      notice('taken', 'bodies are not judged: put what judges requests before what reads their bodies')
    const whose: Whose = tried(() => options.whose?.(request)) ?? {}
    const from: From = { ...whose, url, address }
    return { end: body?.end ?? 'whole', read: () => contextOfIncoming(raw, body, from) }
  }

  async function look(asked: Asked<Request>, timeNs: bigint): Promise<Judged> {
    const { end, read } = await contextOf(asked)
    const context = end === 'gone' ? undefined : tried(read)
    return { end, context, ...(context && (await judged(context, timeNs))) }
  }

  function watch(response: ServerResponse, looking: Promise<Judged>): void {
    watchAnswer(response, onLeak === undefined ? 0 : limits.answerBytesMax, (beginning) =>
      looking.then(({ context, opinion }) => {
        if (context === undefined) return
        const { statusCode: status } = response
        const agent = headerNamed(context.headers, 'user-agent')
        tried(() => behaviour?.observe({ ...context, agent }, { failed: status >= 400 }, clock.nowNs()))
        const kinds = leaksIn(beginning)
        if (kinds.length > 0) tried(() => onLeak?.({ kinds, status, context, id: opinion?.id }))
      }),
    )
  }

  return {
    async before(asked, response) {
      const looking = look(asked, clock.nowNs())
      if (behaviour !== undefined || onLeak !== undefined) watch(response, looking)
      if (mode === 'observe') return { kind: 'pass', opinion: undefined }
      const found = await looking
      if (found.end === 'gone') return { kind: 'left' }
      const code = mode === 'block' ? codeFor(found) : undefined
      const { opinion } = found
      if (code === undefined) return { kind: 'pass', opinion }
      // What is left of its body goes by unread: whoever sends it is to read the answer.
      asked.raw.resume()
      return { kind: 'refuse', answer: safeAnswer(code, opinion?.id ?? newId()), opinion }
    },
  }

  function codeFor({ end, context, opinion, isRefused }: Judged): SafeCode | undefined {
    if (end === 'late') return 'REQUEST_LATE'
    if (context === undefined || opinion?.action === 'block') return 'REQUEST_BLOCKED'
    return isRefused ? 'JUDGE_AWAY' : undefined
  }

  /** What the service hands over may be asynchronous, whatever its type says: a rejection that nobody hears ends the process. */
  function tried<T>(work: () => T): T | undefined {
    try {
      const made = work()
      if (made instanceof Promise) made.catch(failed)
      return made
    } catch (error) {
      failed(error)
      return undefined
    }
  }
  function failed(error: unknown): void {
    notice('failed', `a part of judging requests failed: ${messageOf(error)}`)
  }
}

const warn = (text: string) => emitWarning(text, { type: 'SealwatchRequests' })
const newId = () => `req_${randomBytes(12).toString('hex')}`

/** Nothing of ours ends a service, and nothing of the service ends the judging. */
function say(to: (text: string) => unknown, text: string): void {
  const failed = (error: unknown) => warn(messageOf(error))
  try {
    const said = to(text)
    if (said instanceof Promise) said.catch(failed)
  } catch (error) {
    failed(error)
  }
}
