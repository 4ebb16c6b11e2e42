// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { evaluate, judged, loadRules, type RuleFile } from '@sealwatch/detect'
import { cliError } from '../errors.ts'
import { readSmallFile } from '../small-file.ts'
import { readable } from './rule-files.ts'

/** A sample beside a rule: an event, or a list of such, for which it fires, or for which it is quiet; a correlation for all of them together. */
export type Sample = {
  readonly path: string
  readonly expected: 'fires' | 'quiet'
  readonly events: number
  /** Those, from 1 on, for which it does the other. */
  readonly flipped: readonly number[]
}

const sampleBytesMax = 8 * 1024 * 1024

/** Runs `NAME.fires.json` and `NAME.quiet.json` beside `NAME.yml`, as far as they are there. Throws CLI_FILE. */
export function runSamples(file: RuleFile): Sample[] {
  const { ruleset } = loadRules([file])
  const stem = file.path.replace(/\.ya?ml$/, '')
  return (['fires', 'quiet'] as const).flatMap((expected) => {
    const path = `${stem}.${expected}.json`
    if (!existsSync(path)) return []
    const events = eventsIn(path)
    const isWrong = (found: readonly unknown[]) => found.length > 0 !== (expected === 'fires')
    // What comes together is in the whole list or is not.
    const flipped =
      ruleset.correlations.length > 0
        ? [events.length].filter(() => isWrong(judged(ruleset, events.map(asJudged))))
        : events.flatMap((event, i) => (isWrong(evaluate(ruleset, event as never)) ? [i + 1] : []))
    return [{ path, expected, events: events.length, flipped }]
  })
}

const asJudged = (event: object) => ({ event: event as { readonly type_uid: number } })

function eventsIn(path: string): readonly object[] {
  const text = readable(path, () => readSmallFile(path, sampleBytesMax))
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw cliError('CLI_FILE', { attempted: `reading ${path}`, received: 'what is no JSON', cause })
  }
  const events = Array.isArray(value) ? value : [value]
  if (events.length > 0 && events.every((event) => typeof event === 'object' && event !== null)) return events
  throw cliError('CLI_FILE', { attempted: `reading ${path}`, received: 'neither an event nor a list of events' })
}
