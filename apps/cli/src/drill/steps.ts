// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, messageOf, rfc3339 } from '@sealwatch/base'
import type { DrillReport, DrillStep, TypedCommand } from '@sealwatch/ledger'
import type { Context } from '../command.ts'
import { paint, progressLine, safe } from '../terminal.ts'
import { drillFailure, drillFailureErrors } from './failures.ts'

export type Note = (line: string) => void

/** The steps of a drill: what each found is noted, and shown to whoever watches. */
export type Steps = {
  /** Does a step and notes how it went; what it throws ends the drill. */
  step<T>(name: string, work: (note: Note) => Promise<T>): Promise<T>
  /** What was looked up, as somebody would type it: of the step that is under way. */
  looked(checked: TypedCommand): void
  /** Shown to whoever watches, in the place of what was shown before. */
  progress(text: string): void
  /** Shown, and stays. */
  say(text: string): void
  warn(text: string): void
  readonly seen: () => Pick<DrillReport, 'steps' | 'failure'>
}

const outputCharsMax = 8000

export function createSteps({ io, json }: Pick<Context, 'io' | 'json'>): Steps {
  const steps: DrillStep[] = []
  const line = progressLine(io)
  let commands: TypedCommand[] = []
  let isUnderWay = false
  let failure: DrillReport['failure'] = null
  const say = (text: string) => {
    line.end()
    if (!json) io.err(text)
  }
  return {
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
    looked: ({ command, output }) => void commands.push({ command, output: output.slice(0, outputCharsMax) }),
    progress: (text) => {
      // What a step began may still be told when it is over.
      if (isUnderWay) line.show(text)
    },
    say,
    warn: (text) => say(`${safe(text)}\n`),
    seen: () => ({ steps, failure }),
  }
}

const interrupted = (attempted: string) => drillFailure('DRILL_INTERRUPTED', { attempted, received: 'a signal to end' })

/** A failure of the drill by its name; of what else is thrown the name stands in what was found. */
function named(error: unknown, attempted: string) {
  if (isSealwatchError(error) && error.code in drillFailureErrors) return error
  return drillFailure('DRILL_BROKEN', { attempted, received: messageOf(error), cause: error })
}
