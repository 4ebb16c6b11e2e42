// SPDX-License-Identifier: Apache-2.0

import type { ApiClient } from '@sealwatch/contract/api'
import { describeDifference, patchBetween } from '@sealwatch/contract/policy'
import { apiOptions, withApi } from '../api.ts'
import { type Context, command, exit, integer, text } from '../command.ts'
import { comparedOf } from '../compared.ts'
import { cliError } from '../errors.ts'
import { readGoodPolicy } from '../policy/policy-file.ts'
import { renderDifference } from '../policy/render-difference.ts'
import { renderReport } from '../policy/render-report.ts'
import { bar, counted, progressLine, safeJson } from '../terminal.ts'

const versionMax = Number.MAX_SAFE_INTEGER

export const policyDiff = command({
  name: 'policy diff',
  summary: 'What differs between two versions of a policy, or between the newest and a file',
  about: `In words: + is new, - is gone, ~ is otherwise, > stands elsewhere. With --json also as a patch (RFC 6902). The exit code is 1 where
something differs.`,
  operands: [
    { name: 'ID', required: true },
    { name: 'FILE|VERSION', required: false },
    { name: 'VERSION', required: false },
  ],
  options: {
    ...apiOptions,
    from: integer({
      takes: 'N',
      help: 'Version (default: the one before the other)',
      min: 1,
      max: versionMax,
      absent: 0,
    }),
    to: integer({ takes: 'N', help: 'Version (default: the newest)', min: 1, max: versionMax, absent: 0 }),
  },
  examples: [
    'sudo ./sealwatch policy diff web',
    'sudo ./sealwatch policy diff web 3 7',
    'sudo ./sealwatch policy diff web --from 3',
    'sudo ./sealwatch policy diff web web.json',
  ],
  run: async (options, [id = '', first, second], { io, place, json }) => {
    const attempted = `comparing the policy ${id}`
    const { from, to, path, ...at } = comparedOf(options, [first, second], attempted, 'policy diff web')
    const file = path === undefined ? undefined : readGoodPolicy(path, io)
    const params = { id }
    const answer = await withApi({ ...at, io, place }, attempted, async (api) => {
      if (file === undefined)
        return api.call('diffPolicy', { params, query: { ...(from > 0 && { from }), ...(to > 0 && { to }) } })
      const { document } = await api.call('getSignedPolicy', { params, query: from > 0 ? { version: from } : {} })
      const before = JSON.parse(document ?? 'null') as Record<string, unknown> | null
      return { patch: patchBetween(before, file.policy), text: describeDifference(before, file.policy) }
    })
    if (json) io.out(`${safeJson(answer)}\n`)
    else io.out(answer.text.length === 0 ? 'Nothing differs.\n' : renderDifference(answer.text, io))
    return answer.text.length === 0 ? exit.ok : exit.finding
  },
})

export const policyDryRun = command({
  name: 'policy dry-run',
  summary: 'What a policy would have done in the last days',
  about: `Judges the events of the ledger by the policy, one that there is or one in a file, and tells for each rule how often it would
have fired, with the first few times and why. Nothing is changed. What an event does not say leaves a rule undecided: that is
counted apart, and is not taken for a no.`,
  operands: [{ name: 'ID', required: false }],
  options: {
    ...apiOptions,
    file: text({ takes: 'FILE', help: 'Of a policy that is in a file, in the place of ID' }),
    days: integer({ takes: 'N', help: 'How far back (default: 7)', min: 1, max: 90, absent: 7 }),
  },
  examples: [
    'sudo ./sealwatch policy dry-run web --days 30',
    'sudo ./sealwatch policy dry-run --file web.json --tenant acme',
  ],
  run: async ({ file: path, days, ...at }, [id], context) => {
    const { io, place, json } = context
    const attempted = 'trying a policy'
    if ((id === undefined) === (path === undefined))
      throw cliError('CLI_USAGE', { attempted, advice: 'Name a policy that there is, or give --file FILE' })
    const of = path === undefined ? { id: id as string } : { policy: readGoodPolicy(path, io).text }
    const report = await withApi({ ...at, io, place }, attempted, (api) =>
      watched(api, context, api.call('dryRunPolicy', { body: { ...of, days } })),
    )
    io.out(json ? `${safeJson(report)}\n` : renderReport(report, io))
    return exit.ok
  },
})

const askEveryMs = 400

/** Shows how far the server is while it is at it. */
async function watched<T>(api: ApiClient, { io, json }: Context, work: Promise<T>): Promise<T> {
  const over = new AbortController()
  const progress = progressLine(io)
  const watching = (async () => {
    while (!over.signal.aborted && !json && io.errTty) {
      await io.clock.sleep(askEveryMs, over.signal)
      if (over.signal.aborted) return
      const { running } = await api.call('getDryRun')
      if (running !== null)
        progress.show(`${bar(running.done, running.total)} ${running.done} of ${counted(running.total, 'event')}`)
    }
  })().catch(() => undefined)
  try {
    return await work
  } finally {
    over.abort()
    await watching
    progress.end()
  }
}
