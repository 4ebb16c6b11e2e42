// SPDX-License-Identifier: Apache-2.0

import { createReadStream, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { evaluate, type LoadedRules, loadRules, type RuleFile } from '@sealwatch/detect'
import { command, exit, text } from '../command.ts'
import { cliError } from '../errors.ts'
import type { Io } from '../io.ts'
import { createFirings, type Firings } from '../rules/firings.ts'
import { type ProblemJson, problemJson, renderFirings, renderProblem } from '../rules/render-rules.ts'
import { readRules } from '../rules/rule-files.ts'
import { runSamples, type Sample } from '../rules/samples.ts'
import { counted, paint, progressLine, safe, safeJson } from '../terminal.ts'

const examplesMax = 3
const lineCharsMax = 1024 * 1024
const progressEvery = 10_000

type Told = { readonly firings: Firings; readonly events: number; readonly unreadable: number }

export const rulesTest = command({
  name: 'rules test',
  summary: 'Check rules in files, and run their samples, without a server',
  about: `Each FILE is a rule, or a folder of such. What keeps one out of force is told with its place: an id that a rule of the program has
is such, too. Beside NAME.yml may lie NAME.fires.json and NAME.quiet.json, an event or a list of events each, for which the rule
must fire, or must not. With --events the rules judge a file of events, one a line, as \`sealwatch events --json\` prints them.
The exit code is 1 where something is wrong, or a sample flipped.`,
  operands: [{ name: 'FILE', required: true, most: 64 }],
  options: { events: text({ takes: 'FILE', help: 'Judge these events, too, and tell what fires' }) },
  examples: [
    './sealwatch rules test mine.yml',
    './sealwatch rules test /etc/sealwatch/rules --json',
    './sealwatch rules test mine.yml --events yesterday.ndjson',
  ],
  run: async ({ events }, paths, { io, json }) => {
    const files = readRules(paths)
    const loaded = loadRules([...ownRules(files, io), ...files])
    const named = new Map(files.map((file) => [file.path, file]))
    const problems = loaded.problems.filter(({ path }) => named.has(path)).map(problemJson)
    const notices = loaded.notices.filter(({ path }) => named.has(path))
    const rules = loaded.ruleset.rules.flatMap((rule) => {
      const file = named.get(rule.path)
      return file === undefined ? [] : [{ rule, samples: runSamples(file) }]
    })
    const correlations = loaded.ruleset.correlations.filter(({ path }) => named.has(path)).length
    const told = events === undefined ? undefined : await judge(events, files, io)
    const firings = told && loaded.ruleset.rules.map((rule) => ({ rule, ...told.firings.of(rule.id) }))
    const flipped = rules.flatMap(({ samples }) => samples).filter((sample) => sample.flipped.length > 0)
    const isRight = problems.length === 0 && flipped.length === 0
    if (json)
      io.out(
        `${safeJson({
          ok: isRight,
          problems,
          notices,
          rules: rules.map(({ rule, samples }) => ({ path: rule.path, rule_id: rule.id, title: rule.title, samples })),
          events: told && {
            events: told.events,
            unreadable: told.unreadable,
            rules: firings?.flatMap(({ rule, ...of }) => (of.fired === 0 ? [] : [{ rule_id: rule.id, ...of }])),
          },
        })}\n`,
      )
    else {
      io.out(problems.map((problem) => renderProblem(problem, io)).join(''))
      io.out(
        notices
          .map(
            ({ path, line, text: what }) =>
              `${safe(path)}:${line ?? 1}: ${paint(io, 'yellow', 'notice')}: ${safe(what)}\n`,
          )
          .join(''),
      )
      io.out(rules.map(({ rule, samples }) => renderSamples(rule.path, samples, io)).join(''))
      if (told !== undefined) {
        io.out(
          `\n${counted(told.events, 'event')} judged${told.unreadable === 0 ? '' : `, ${told.unreadable} unreadable`}\n`,
        )
        for (const { rule, ...of } of firings ?? []) if (of.fired > 0) io.out(renderFirings(rule, of, 'line', io))
      }
      io.err(paint(io, 'dim', `${summary(rules.length + correlations, problems, flipped)}\n`))
    }
    return isRight ? exit.ok : exit.finding
  },
})

/** Those of the program, which count first: unless they are what is tested. */
function ownRules(files: readonly RuleFile[], io: Io): readonly RuleFile[] {
  const own = join(io.root, 'rules')
  const isOwn = files.some(({ path }) => realpathSync(path).startsWith(`${realpathSync(own)}/`))
  return isOwn ? [] : readRules([own])
}

function renderSamples(path: string, samples: readonly Sample[], io: Io): string {
  if (samples.length === 0) return `${safe(path)}: ${paint(io, 'yellow', 'no samples')}\n`
  return samples
    .map(({ path: at, expected, events, flipped }) => {
      if (flipped.length === 0) return `${safe(at)}: ${paint(io, 'green', expected)} for ${counted(events, 'event')}\n`
      const does = expected === 'fires' ? 'is quiet' : 'fires'
      const which = events === 1 ? '' : ` for event ${flipped.join(', ')} of ${events}`
      return `${safe(at)}: ${paint(io, 'red', 'FLIPPED')}: it ${does}${which}\n`
    })
    .join('')
}

function summary(rules: number, problems: readonly ProblemJson[], flipped: readonly Sample[]): string {
  const wrong = problems.length === 0 ? '' : `, ${problems.length} left out`
  return `${counted(rules, 'rule')} right${wrong}${flipped.length === 0 ? '' : `, ${counted(flipped.length, 'sample')} flipped`}`
}

/** Line by line, however long the file. */
async function judge(path: string, files: readonly RuleFile[], io: Io): Promise<Told> {
  const { ruleset }: LoadedRules = loadRules(files)
  const firings = createFirings(examplesMax)
  const progress = progressLine(io)
  let [line, events, unreadable] = [0, 0, 0]
  try {
    const input = createReadStream(path, { encoding: 'utf8' })
    const opened = Promise.withResolvers<void>()
    input.once('open', () => opened.resolve()).once('error', opened.reject)
    await opened.promise
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      line += 1
      if (io.stop.aborted) break
      if (text.trim() === '') continue
      const event = eventIn(text)
      if (event === undefined) unreadable += 1
      else {
        events += 1
        for (const match of evaluate(ruleset, event)) firings.add(match.rule.id, { at: line, ...shownOf(event) })
      }
      if (line % progressEvery === 0) progress.show(`judging ${path}: ${counted(line, 'line')}`)
    }
  } catch (cause) {
    const received = (cause as NodeJS.ErrnoException).code
    throw cliError('CLI_FILE', { attempted: `reading ${path}`, received, cause })
  } finally {
    progress.end()
  }
  return { firings, events, unreadable }
}

function eventIn(text: string): { readonly type_uid: number } | undefined {
  if (text.length > lineCharsMax) return undefined
  try {
    const event = JSON.parse(text) as { readonly type_uid?: unknown } | null
    return typeof event?.type_uid === 'number' ? (event as { readonly type_uid: number }) : undefined
  } catch {
    return undefined
  }
}

function shownOf(event: object) {
  const { time, device, message } = event as {
    time?: unknown
    device?: { hostname?: unknown } | null
    message?: unknown
  }
  const isTime = typeof time === 'number' && Math.abs(time) < 8.64e15
  return {
    time: isTime ? new Date(time).toISOString() : '',
    host: String(device?.hostname ?? ''),
    message: String(message ?? ''),
  }
}
