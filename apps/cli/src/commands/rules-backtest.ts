// SPDX-License-Identifier: Apache-2.0

import { loadRules } from '@sealwatch/detect'
import { apiOptions, withApi } from '../api.ts'
import { command, exit, flag, integer } from '../command.ts'
import { instant } from '../entries/since.ts'
import { cliError } from '../errors.ts'
import { backtest, rulesInForce } from '../rules/backtest.ts'
import { problemJson, renderFirings, renderProblem } from '../rules/render-rules.ts'
import { readRules } from '../rules/rule-files.ts'
import { bar, counted, duration, paint, progressLine, safeJson, toSecond } from '../terminal.ts'

const weekMs = 7 * 86_400_000

export const rulesBacktest = command({
  name: 'rules backtest',
  summary: 'What rules would have found in the last days',
  about: `Reads the events of the ledger and judges them here, by the rules in the files, or those in force: nothing is written, and no alert is
made. Personal values are not shown to it; of events in which a rule looks at one it says how many there were. With --reveal it is shown
them, page by page, and each page is told in the ledger; erased ones stay erased.`,
  operands: [{ name: 'FILE', required: false, most: 64 }],
  options: {
    ...apiOptions,
    since: instant('From then on (default: 7d)'),
    examples: integer({ takes: 'N', help: 'So many of each rule are shown (default: 3)', min: 0, max: 100, absent: 3 }),
    reveal: flag('With personal values, for whoever may see them'),
  },
  examples: [
    'sudo ./sealwatch rules backtest mine.yml --since 7d',
    'sudo ./sealwatch rules backtest --since 30d --tenant acme --json',
  ],
  run: async ({ since, examples, reveal, ...at }, paths, { io, place, json }) => {
    const attempted = 'trying rules against the ledger'
    const given = paths.length === 0 ? undefined : readRules(paths)
    const nowMs = io.clock.nowMs()
    const from = since?.(nowMs) ?? new Date(nowMs - weekMs).toISOString()
    const beganNs = io.clock.monotonicNs()
    const progress = progressLine(io)
    const { ruleset, found } = await withApi({ ...at, io, place }, attempted, async (api) => {
      const loaded = loadRules(given ?? (await rulesInForce(api)))
      if (given !== undefined && loaded.problems.length > 0) {
        for (const problem of loaded.problems) io.err(renderProblem(problemJson(problem), io))
        const received = counted(loaded.problems.length, 'rule')
        throw cliError('CLI_RULES', { attempted, received })
      }
      const query = {
        since: from,
        examplesMax: examples,
        reveal,
        stop: io.stop,
        onProgress: (done: number, total: number, events: number) =>
          progress.show(`${bar(done, total)} ${counted(events, 'event')}`),
      }
      return { ruleset: loaded.ruleset, found: await backtest(api, loaded.ruleset, query) }
    }).finally(progress.end)
    const elapsedMs = Number((io.clock.monotonicNs() - beganNs) / 1_000_000n)
    const { firings, events, undecided, isBroken } = found
    const rules = [...ruleset.rules, ...ruleset.correlations]
      .map((rule) => ({ rule, ...firings.of(rule.id) }))
      .toSorted((a, b) => b.fired - a.fired)
    const fired = rules.filter((row) => row.fired > 0)
    if (json) {
      const rows = rules.map(({ rule: { id, title, severity, path }, ...of }) => ({
        rule_id: id,
        title,
        severity,
        path,
        ...of,
      }))
      io.out(
        `${safeJson({ since: from, events, undecided, broken_off: isBroken, elapsed_ms: elapsedMs, rules: rows })}\n`,
      )
      return exit.ok
    }
    for (const { rule, ...of } of fired) io.out(renderFirings(rule, of, 'leaf', io))
    const silent = rules.length - fired.length
    io.out(`${counted(silent, 'rule')} would not have fired.\n`)
    io.err(
      paint(
        io,
        'dim',
        `${counted(events, 'event')} of hosts since ${toSecond(from)}, in ${duration(elapsedMs)}; nothing was written\n`,
      ),
    )
    if (undecided > 0)
      io.err(
        paint(
          io,
          'yellow',
          `Of ${counted(undecided, 'event')} (${((100 * undecided) / events).toFixed(1)} %) a rule looked at a personal value that ${reveal ? 'is erased' : 'was not shown (--reveal)'}: of those it may be wrong.\n`,
        ),
      )
    if (isBroken) io.err(paint(io, 'yellow', 'It was ended before the newest events were reached.\n'))
    return exit.ok
  },
})
