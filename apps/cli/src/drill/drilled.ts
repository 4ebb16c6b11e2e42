// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, messageOf, rfc3339 } from '@sealwatch/base'
import type { ApiClient } from '@sealwatch/contract/api'
import type {
  AffectedRange,
  DrillReport,
  DrillRowCounts,
  DrillStep,
  ReportedSubmission,
  TypedCommand,
} from '@sealwatch/ledger'
import { type Context, exit } from '../command.ts'
import { parse } from '../parse.ts'
import { paint, progressLine, safe, shellWord } from '../terminal.ts'
import { drillFailure, drillFailureErrors } from './failures.ts'
import { askUntilThere } from './lasting.ts'
import type { AlertSource } from './rule.ts'
import type { ServerFacts } from './server.ts'

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
type Note = (line: string) => void

/** A drill under way: what it may ask, and where it notes what it finds. */
export type Drilling = DrillAt &
  Pick<Context, 'io' | 'place'> & {
    readonly sent: ReportedSubmission[]
    /** Does a step and notes how it went; what it throws ends the drill. */
    step<T>(name: string, work: (note: Note) => Promise<T>): Promise<T>
    /**
     * Runs one of our commands as somebody would type it, and keeps what it says. Resolves with that; where `may` says so, that
     * something is not there (`miss`) is an answer, too, or that it found something (`find`).
     */
    type(words: readonly string[], may?: 'miss' | 'find'): Promise<string>
    /** What was looked up otherwise, as somebody would type it. */
    looked(checked: TypedCommand): void
    /** Shown to whoever watches, in the place of what was shown before. */
    progress(text: string): void
    alert(how: DrillReport['alert']): void
    counted(counts: DrillRowCounts): void
    affected(ranges: readonly AffectedRange[]): void
    readonly seen: () => Pick<DrillReport, 'alert' | 'counts' | 'affected' | 'steps' | 'sent' | 'failure'>
    warn(text: string): void
  }

const outputCharsMax = 8000

export function drilled(at: DrillAt, { io, place, table, json }: Context): Drilling {
  const steps: DrillStep[] = []
  const sent: ReportedSubmission[] = []
  const line = progressLine(io)
  let commands: TypedCommand[] = []
  let isUnderWay = false
  let alert: DrillReport['alert'] = 'not reached'
  let counts: DrillRowCounts | null = null
  let affected: readonly AffectedRange[] = []
  let failure: DrillReport['failure'] = null
  const say = (text: string) => {
    line.end()
    if (!json) io.err(text)
  }
  const looked = ({ command, output }: TypedCommand) =>
    void commands.push({ command, output: output.slice(0, outputCharsMax) })

  async function run(words: readonly string[]): Promise<{ readonly output: string; readonly code: number }> {
    const { command, options, operands } = parse(words, table)
    let output = ''
    const take = (text: string) => {
      output += text
    }
    const quiet = { ...io, out: take, err: take, outTty: false, errTty: false, color: false }
    const code = await askUntilThere(
      () => {
        output = ''
        return command.run(options, operands, { io: quiet, place, json: false, table })
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
    step: async (name, work) => {
      const found: string[] = []
      commands = []
      const from = rfc3339(io.clock.nowNs())
      const fromNs = io.clock.monotonicNs()
      const end = (outcome: DrillStep['outcome']) => {
        isUnderWay = false
        const took_ms = Number((io.clock.monotonicNs() - fromNs) / 1_000_000n)
        steps.push({ name, outcome, from, took_ms, found, commands })
        const mark = outcome === 'passed' ? paint(io, 'green', 'ok') : paint(io, ['red', 'bold'], 'failed')
        say(`${name}: ${mark}\n${found.map((one) => `  ${safe(one)}\n`).join('')}`)
      }
      try {
        isUnderWay = true
        line.show(`${name} …`)
        if (io.stop.aborted) throw interrupted(name)
        const result = await work((told) => void found.push(told))
        if (io.stop.aborted) throw interrupted(name)
        end('passed')
        return result
      } catch (thrown) {
        const { code, rule, received } = named(io.stop.aborted ? interrupted(name) : thrown, name)
        failure ??= { code, step: name, rule, found: received ?? '' }
        found.push(`${code}: ${received ?? rule}`)
        end('failed')
        throw thrown
      }
    },
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
    looked,
    progress: (text) => {
      // What a step began may still be told when it is over.
      if (isUnderWay) line.show(text)
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
    seen: () => ({ alert, counts, affected, steps, sent, failure }),
    warn: (text) => say(`${safe(text)}\n`),
  }
}

/** What they say is about other tenants, too. */
const isOfAll = ([name]: readonly string[]) => name === 'status'

const interrupted = (attempted: string) => drillFailure('DRILL_INTERRUPTED', { attempted, received: 'a signal to end' })

/** A failure of the drill by its name; of what else is thrown the name stands in what was found. */
function named(error: unknown, attempted: string) {
  if (isSealwatchError(error) && error.code in drillFailureErrors) return error
  return drillFailure('DRILL_BROKEN', { attempted, received: messageOf(error), cause: error })
}
