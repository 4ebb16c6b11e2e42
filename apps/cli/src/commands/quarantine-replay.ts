// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base'
import { type ApiClient, ApiProblem, type Operations } from '@sealwatch/contract/api'
import { apiOptions, withApi } from '../api.ts'
import { type Context, command, exit, flag } from '../command.ts'
import { askUntilThere } from '../drill/lasting.ts'
import { toldIfInterrupted } from '../interrupted.ts'
import { filterOf, filterOptions, pages } from '../quarantine/filter.ts'
import { bar, columns, counted, progressLine, safe, safeJson } from '../terminal.ts'
import { errorTold, toldIn } from '../told.ts'

type Body = NonNullable<Operations['replayQuarantine']['body']>
type Outcome = Operations['replayQuarantine']['answer']['items'][number]

const attempted = 'replaying the quarantine'

const awayCodes: readonly string[] = ['CLI_SERVER_FAILED', 'CLI_NOT_RUNNING']

const stays: { readonly [K in Outcome['outcome']]?: string } = {
  release: 'needs a release: ',
  taken: 'its id is taken: ',
}

async function countsOf(api: ApiClient): Promise<{ readonly waiting: number; readonly admitted: number }> {
  const { items } = await api.call('countQuarantine', {})
  const of = (wanted: string) => items.filter(({ state }) => state === wanted).reduce((sum, row) => sum + row.items, 0)
  return { waiting: of('waiting'), admitted: of('admitted') }
}

type Replayed = {
  readonly outcomes: readonly Outcome[]
  /** Items admitted in pages whose answers were lost: the server ended meanwhile. */
  readonly unheard: number
}

/** Outlives a server that is killed and started anew: what is asked again was done once. */
async function replayAll(api: ApiClient, body: Body, outcomes: Outcome[], { io }: Context): Promise<Replayed> {
  const progress = progressLine(io)
  let wasAway = false
  const ask = <T>(call: () => Promise<T>): Promise<T> => {
    let tries = 0
    const again = () => {
      tries += 1
      if (tries > 1 && !wasAway) {
        progress.end()
        io.err('The server does not answer: waiting for it, and going on from there.\n')
        wasAway = true
      }
      return call().catch((cause: unknown) => {
        // It answered: what it refuses, it would refuse again.
        const isAnswer = cause instanceof ApiProblem && cause.problem.code !== 'NOT_THE_API'
        throw isAnswer ? errorTold(toldIn(cause.problem), attempted, cause) : cause
      })
    }
    return askUntilThere(again, io.clock, io.stop)
  }
  try {
    const before = await countsOf(api)
    const show = () => {
      const done = outcomes.length
      // While producers go on, more come than waited at the beginning.
      const total = Math.max(before.waiting, done)
      progress.show(`${bar(done, total)} ${done} of ${counted(total, 'item')}`)
    }
    show()
    const read = (cursor: number | undefined) =>
      ask(() => api.call('replayQuarantine', { body: cursor === undefined ? body : { ...body, cursor } }))
    for await (const page of pages(read)) {
      outcomes.push(...page)
      show()
    }
    if (!wasAway || body.dry_run) return { outcomes, unheard: 0 }
    const after = await ask(() => countsOf(api))
    return { outcomes, unheard: Math.max(0, after.admitted - before.admitted - of(outcomes, 'admitted').length) }
  } finally {
    progress.end()
  }
}

const of = (outcomes: readonly Outcome[], wanted: Outcome['outcome']) =>
  outcomes.filter(({ outcome }) => outcome === wanted)

const lines = (rows: readonly Outcome[]) =>
  counted(
    rows.reduce((sum, row) => sum + row.lines, 0),
    'line',
  )

/** What is told of one that did not come to its end. */
function adviceOf(outcomes: readonly Outcome[], dryRun: boolean): { readonly stay: string; readonly again: string } {
  const stay = dryRun
    ? 'Nothing was admitted, and nothing was to be'
    : `${counted(of(outcomes, 'admitted').length, 'item')} or more are admitted, and stay so`
  return { stay, again: `${stay}; run the same again once the server answers` }
}

export const quarantineReplay = command({
  name: 'quarantine replay',
  summary: 'Judge again what waits, and admit what holds now',
  about: `Without --yes nothing is admitted: it says what would be. Each item is judged as of its receipt, by the keys as they are
known now, and admitted at most once, however often this is run or interrupted. What has no valid signature needs a release.`,
  options: { ...apiOptions, ...filterOptions, yes: flag('Admit what holds') },
  examples: ['sudo ./sealwatch quarantine replay', 'sudo ./sealwatch quarantine replay --reason unknown_key --yes'],
  run: async ({ server, tenant, yes, ...filter }, _operands, context) => {
    const { io, place, json } = context
    const told: Outcome[] = []
    const body = { ...filterOf(filter, io.clock.nowMs()), limit: 100, dry_run: !yes }
    const { outcomes, unheard } = await withApi({ io, place, server, tenant }, attempted, (api) =>
      replayAll(api, body, told, context),
    ).catch((error: unknown) => {
      const { stay, again } = adviceOf(told, !yes)
      const known = toldIfInterrupted(error, io, `${stay}; run it again for the rest`)
      const isAway = isSealwatchError(known) && awayCodes.includes(known.code)
      if (!isAway || told.length === 0) throw known
      const { code, kind, rule, received } = known
      const parts = { code, kind, rule, advice: again, ...(received !== undefined && { received }) }
      throw errorTold(parts, attempted, known)
    })
    const left = (['waiting', 'release', 'taken', 'altered'] as const).flatMap((one) => of(outcomes, one))
    if (json) io.out(`${safeJson({ dry_run: !yes, items: outcomes, unheard })}\n`)
    else {
      const [admitted, known] = [of(outcomes, 'admitted'), of(outcomes, 'already')]
      const verb = yes ? 'admitted' : 'would be admitted'
      io.out(
        `${counted(admitted.length, 'item')} (${lines(admitted)}) ${verb}; ${left.length} (${lines(left)}) stay.\n`,
      )
      if (unheard > 0)
        io.out(`${counted(unheard, 'item')} more came in just as the server went away: quarantine list --admitted\n`)
      if (known.length > 0) io.out(`${counted(known.length, 'item')} (${lines(known)}) in the ledger already.\n`)
      io.out(reasonsOf(left))
      if (!yes && admitted.length > 0) io.err('Nothing was done. With --yes it is.\n')
    }
    return of(outcomes, 'altered').length > 0 ? exit.finding : exit.ok
  },
})

function reasonsOf(left: readonly Outcome[]): string {
  const causes = Map.groupBy(left, (row) => `${stays[row.outcome] ?? ''}${row.reason ?? row.outcome}`)
  return columns(
    Array.from(causes, ([cause, rows]) => [
      `  ${safe(cause)}`,
      counted(rows.length, 'item'),
      lines(rows),
      safe(rows[0]?.detail ?? ''),
    ]),
  )
}
