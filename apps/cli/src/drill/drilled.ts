// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base'
import type { ApiClient } from '@sealwatch/contract/api'
import type { AffectedRange, DrillRowCounts, ReportedSubmission, RowDrillReport } from '@sealwatch/ledger'
import { type Context, exit } from '../command.ts'
import { commandsFor } from '../commands/table.ts'
import { parse } from '../parse.ts'
import { shellWord } from '../terminal.ts'
import { drillFailure } from './failures.ts'
import { askUntilThere } from './lasting.ts'
import type { AlertSource } from './rule.ts'
import type { ServerFacts } from './server.ts'
import { createSteps, type Steps } from './steps.ts'

/** What a drill may cost: rows of each key, how fast they come, and how long an alert is waited for. */
export type DrillBounds = { readonly rows: number; readonly perSecond: number; readonly alertSeconds: number }

/** Who drills what, and where. */
export type DrillAt = {
  /** Asked until it answers. */
  readonly api: ApiClient
  readonly server: ServerFacts
  /** What the server shows at /metrics; asked until it answers. */
  readonly metrics: () => Promise<string>
  readonly tenant: string
  readonly producer: string
  /** RFC 3339. */
  readonly startedAt: string
  readonly alertSource: AlertSource
  readonly bounds: DrillBounds
}

/** A drill under way: what it may ask, and where it notes what it finds. */
export type Drilling = DrillAt &
  Pick<Context, 'io' | 'place'> &
  Pick<Steps, 'step' | 'looked' | 'progress' | 'warn'> & {
    readonly sent: ReportedSubmission[]
    /**
     * Runs one of our commands as somebody would type it, and keeps what it says. Resolves with that; where `may` says so, that
     * something is not there (`miss`) is an answer, too, or that it found something (`find`).
     */
    type(words: readonly string[], may?: 'miss' | 'find'): Promise<string>
    alert(how: RowDrillReport['alert']): void
    counted(counts: DrillRowCounts): void
    affected(ranges: readonly AffectedRange[]): void
    readonly seen: () => Pick<RowDrillReport, 'alert' | 'counts' | 'affected' | 'steps' | 'sent' | 'failure'>
  }

export function drilled(at: DrillAt, { io, place, json }: Context): Drilling {
  const { step, looked, progress, warn, seen } = createSteps({ io, json })
  const sent: ReportedSubmission[] = []
  let alert: RowDrillReport['alert'] = 'not reached'
  let counts: DrillRowCounts | null = null
  let affected: readonly AffectedRange[] = []

  async function run(words: readonly string[]): Promise<{ readonly output: string; readonly code: number }> {
    const { command, options, operands } = parse(words, await commandsFor(words))
    let output = ''
    const take = (text: string) => {
      output += text
    }
    const quiet = { ...io, out: take, err: take, outTty: false, errTty: false, color: false }
    const code = await askUntilThere(
      () => {
        output = ''
        return command.run(options, operands, { io: quiet, place, json: false })
      },
      io.clock,
      io.stop,
    )
    return { output, code }
  }

  return {
    ...at,
    io,
    place,
    sent,
    ...{ step, looked, progress, warn },
    type: async (words, may) => {
      const command = `sealwatch ${words.map(shellWord).join(' ')}`
      try {
        const { output, code } = await run(words)
        looked({ command, output: isOfAll(words) ? '(of the whole deployment: not kept)' : output })
        if (code === exit.ok || (code === exit.finding && may === 'find')) return output
        throw drillFailure('DRILL_CHECK_FAILED', { attempted: command, received: `it ended with ${code}: ${output}` })
      } catch (cause) {
        if (!isSealwatchError(cause) || cause.code === 'DRILL_CHECK_FAILED') throw cause
        const output = `${cause.code}: ${cause.rule}; found ${cause.received ?? 'nothing'}`
        looked({ command, output })
        if (may === 'miss' && cause.kind === 'not_found') return output
        throw drillFailure('DRILL_CHECK_FAILED', { attempted: command, received: output, cause })
      }
    },
    alert: (how) => {
      alert = how
    },
    counted: (told) => {
      counts = told
    },
    affected: (ranges) => {
      affected = ranges
    },
    seen: () => ({ ...seen(), alert, counts, affected, sent }),
  }
}

/** What they say is about other tenants, too. */
const isOfAll = ([name]: readonly string[]) => name === 'status'
