// SPDX-License-Identifier: Apache-2.0

import { strictOffPhrase, strictOffSeconds } from '@sealwatch/contract'
import type { Operations } from '@sealwatch/contract/api'
import { apiOptions, withApi } from '../api.ts'
import { command, exit, type Option, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { counted, safe, safeJson, shellWord, toSecond } from '../terminal.ts'

type State = Operations['getStrictSignatures']['answer']

const unitSeconds = { m: 60, h: 3600, d: 86_400 } as const
const { usual, min, max } = strictOffSeconds

const duration = (help: string): Option<number> => ({
  takes: 'TIME',
  help,
  absent: usual,
  read: (given) => {
    const [, amount, unit] = /^(\d{1,5})([mhd])$/.exec(given) ?? []
    const value = Number(amount) * unitSeconds[(unit ?? 'm') as keyof typeof unitSeconds]
    return value >= min && value <= max ? { value } : { mustBe: 'a time as 30m, 2h or 1d, at most 365d' }
  },
})

function told({ strict, off }: State): string {
  if (strict || off === null) return 'Signatures are enforced: rows that fail verification are kept in quarantine.\n'
  return `Signatures are NOT enforced until ${toSecond(off.ends_at)}: rows that fail verification are admitted, and marked.
Switched off at ${toSecond(off.since)} by ${safe(off.by)}${off.manifest === null ? '' : `, by the manifest ${safe(off.manifest)}`}.
Admitted since then without verification: ${counted(off.rows_admitted, 'row')}.\n`
}

export const strictStatus = command({
  name: 'strict status',
  summary: 'Whether rows that fail verification stay out of the ledger',
  about: 'Exit code 1: they are admitted.',
  options: apiOptions,
  examples: ['sudo ./sealwatch strict status --tenant acme'],
  run: async (at, _operands, { io, place, json }) => {
    const state = await withApi({ ...at, io, place }, 'reading whether signatures are enforced', (api) =>
      api.call('getStrictSignatures'),
    )
    io.out(json ? `${safeJson(state)}\n` : told(state))
    return state.strict ? exit.ok : exit.finding
  },
})

export const strictOff = command({
  name: 'strict off',
  summary: 'Admit rows that fail verification, marked, for a time',
  about: `For whoever would rather have rows that nobody has verified than none for a while. They are marked for ever, each of them,
wherever they are seen. It ends by itself. What to weigh before: docs/strict-signatures.md
More than 24 hours of any 7 days take a manifest for just that: ./sealwatch manifest create strict-off --tenant acme --hours 72`,
  options: {
    ...apiOptions,
    for: duration('For how long: 30m, 2h or 1d (default: 1d)'),
    acknowledge: text({ takes: 'TEXT', help: `Word for word: ${strictOffPhrase}` }),
  },
  examples: [`sudo ./sealwatch strict off --tenant acme --for 2h --acknowledge '${strictOffPhrase}'`],
  run: async ({ for: seconds, acknowledge: acknowledgement, ...at }, _operands, { io, place, json }) => {
    const attempted = 'switching strict signatures off'
    if (acknowledgement === undefined) {
      const advice = `Say that you accept it: --acknowledge ${shellWord(strictOffPhrase)}`
      throw cliError('CLI_USAGE', { attempted, advice })
    }
    const answer = await withApi({ ...at, io, place }, attempted, (api) =>
      api.call('switchStrictOff', { body: { seconds, acknowledgement } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : told(answer))
    return exit.ok
  },
})

export const strictOn = command({
  name: 'strict on',
  summary: 'Keep rows that fail verification out again; it counts at once',
  options: apiOptions,
  examples: ['sudo ./sealwatch strict on --tenant acme'],
  run: async (at, _operands, { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, 'switching strict signatures on', (api) =>
      api.call('switchStrictOn'),
    )
    io.out(json ? `${safeJson(answer)}\n` : told(answer))
    return exit.ok
  },
})
