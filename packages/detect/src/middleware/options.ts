// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import type { Behaviour } from '../request/behaviour/index.ts'
import type { RequestContext } from '../request/context.ts'
import { decodeLimits } from '../request/limits.ts'
import type { Judge, RecommendedAction, Thresholds, Verdict } from '../request/verdict/index.ts'
import type { LeakKind } from './leaks.ts'

/** What was made of a request: `request.sealwatch`. For the service and for security; its client is shown the id alone. */
export type Opinion = {
  readonly id: string
  readonly action: RecommendedAction
  /** Undefined: it is none. */
  readonly threat: Pick<Verdict, 'type' | 'severity' | 'score' | 'confidence' | 'reasons' | 'signals'> | undefined
  readonly detectors: Verdict['detectors']
  /** Of a server that was asked: whether an alert of this id is in the ledger. Undefined: it was judged in this process. */
  readonly isRecorded?: boolean | undefined
}

/** The server, asked over the network; a threat is an alert in the ledger then, by the id of the opinion. Throws JUDGE_AWAY, JUDGE_REFUSED, JUDGE_TOKEN. */
export type ServerJudge = { ask(context: RequestContext): Promise<Opinion> }

/** `block`: what is to be blocked is refused. `tag`: nothing is, and the handler finds the opinion. `observe`: nothing waits. */
export type Mode = 'block' | 'tag' | 'observe'

/** Of whom the service knows more than the request says. */
export type Whose = {
  readonly user?: string | undefined
  readonly route?: string | undefined
  readonly tenant?: string | undefined
}

/** What becomes of a request that the server does not judge: it passes, is refused with 503, or is judged in this process. */
export type Instead = 'pass' | 'refuse' | Pick<Judge, 'judge'>

export type JudgingOptions<Request> = {
  /** `openJudge(…)` in this process, or `askServer(…)`. */
  readonly judge: Pick<Judge, 'judge'> | ServerJudge
  readonly mode?: Mode | undefined
  /** Of a judge in this process. */
  readonly thresholds?: Thresholds | undefined
  /** `askServer(…)`: it is told of threats that the judge in this process finds, judges them too, and puts them into the ledger. */
  readonly ledger?: ServerJudge | undefined
  /** While the server cannot be asked; by default `pass`. */
  readonly ifAway?: Instead | undefined
  /**
   * Where it is there and does not judge this one, for it is asked too much, or does not read it: strangers can bring that about. By
   * default the judge that `ifAway` names, else `refuse`.
   */
  readonly ifRefused?: Instead | undefined
  readonly whose?: ((request: Request) => Whose) | undefined
  /** False for what reads its body as a stream that may take its time. */
  readonly readsBody?: ((request: Request) => boolean) | undefined
  /** Learns how requests ended; the one that the judge was opened with. */
  readonly behaviour?: Pick<Behaviour, 'observe'> | undefined
  readonly onThreat?: ((threat: Threat) => void) | undefined
  readonly onLeak?: ((leak: Leak) => void) | undefined
  /** What a person should know. By default a warning of the process. */
  readonly onNotice?: ((text: string) => void) | undefined
  readonly limits?: { readonly [name in keyof typeof judgingLimits]?: number } | undefined
  readonly clock?: Clock | undefined
}

export type Threat = {
  readonly opinion: Opinion
  readonly context: RequestContext
  /** The id of the alert in the ledger; undefined where the server was not asked, could not be, or found no threat. */
  readonly alert: string | undefined
}
export type Leak = {
  readonly kinds: readonly LeakKind[]
  readonly status: number
  readonly context: RequestContext
  readonly id: string | undefined
}

export const judgingLimits = {
  /** Of a body that are waited for and judged: more is told as `oversize`, and goes on unseen. */
  bodyBytesMax: decodeLimits.headBytesMax + decodeLimits.searchedBytesMax + decodeLimits.tailBytesMax,
  /** How long for. */
  bodyMsMax: 30_000,
  /** Of an answer. */
  answerBytesMax: 16 * 1024,
  /** Threats on their way to the ledger; those beyond are counted. */
  tellingMax: 64,
} as const
