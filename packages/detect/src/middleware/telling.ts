// SPDX-License-Identifier: Apache-2.0

import { type Clock, messageOf } from '@sealwatch/base'
import type { RequestContext } from '../request/context.ts'
import type { Opinion, ServerJudge, Threat } from './options.ts'

type Waiting = { readonly opinion: Opinion; readonly context: RequestContext; readonly tries: number }
export type TellingOptions = {
  /** Who is to hear of what was judged in this process. */
  readonly ledger: ServerJudge | undefined
  readonly told: (threat: Threat) => void
  readonly waitingMax: number
  readonly notice: (kind: string, text: string) => void
  readonly clock: Clock
}

const triesMax = 10
const restMs = 1_000

/** Brings threats to the server, one after the other, while the service goes on; what cannot be brought is counted and said. */
export function createTelling(options: TellingOptions): { tell(opinion: Opinion, context: RequestContext): void } {
  const { ledger, told, waitingMax, notice, clock } = options
  const waiting: Waiting[] = []
  let untold = 0
  let isTelling = false

  function leave({ opinion, context }: Waiting, why: string): void {
    untold += 1
    notice('untold', `${untold} threats have not reached the ledger: ${why}`)
    told({ opinion, context, alert: undefined })
  }

  async function tellAll(to: ServerJudge): Promise<void> {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const { opinion, context, tries } = one
      try {
        const said = await to.ask(context)
        told({ opinion, context, alert: alertOf(said) })
      } catch (error) {
        if (tries + 1 < triesMax && waiting.length < waitingMax) waiting.push({ opinion, context, tries: tries + 1 })
        else leave(one, messageOf(error))
        await clock.sleep(restMs)
      }
    }
    isTelling = false
  }

  return {
    tell(opinion, context) {
      // The server that judged it has recorded it, or counted it.
      if (ledger === undefined || opinion.isRecorded !== undefined)
        return told({ opinion, context, alert: alertOf(opinion) })
      const one = { opinion, context, tries: 0 }
      if (waiting.length >= waitingMax) return leave(one, `${waitingMax} wait already`)
      waiting.push(one)
      if (isTelling) return
      isTelling = true
      void tellAll(ledger)
    },
  }
}

const alertOf = ({ id, isRecorded }: Opinion) => (isRecorded === true ? id : undefined)
