// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { apiOptions, withApi } from '../api.ts'
import { command, exit, form } from '../command.ts'
import { cliError } from '../errors.ts'
import { columns, safe, safeJson, toSecond } from '../terminal.ts'
import { because, becauseOf } from './until.ts'

type Settings = Operations['setThreatSettings']['answer']['settings']

const score = (name: string) =>
  form({
    takes: 'SCORE',
    help: `From which score on, of 100, a request is ${name}`,
    form: /^(?:[1-9]\d?|100)$/,
    mustBe: 'a score from 1 to 100',
  })

export const detectSettings = command({
  name: 'detect settings',
  summary: 'What becomes of a request by its score, and who said so',
  options: apiOptions,
  examples: ['sudo ./sealwatch detect settings --tenant acme'],
  run: async (at, _operands, { io, place, json }) => {
    const settings = await withApi({ ...at, io, place }, 'reading how requests are judged', (api) =>
      api.call('getThreatSettings'),
    )
    if (json) {
      io.out(`${safeJson(settings)}\n`)
      return exit.ok
    }
    io.out(told(settings))
    const rows = [settings, ...settings.earlier].flatMap((one) => (one.version === 0 ? [] : [rowOf(one)]))
    if (rows.length > 0) io.out(`\n${columns([['VERSION', 'SET', 'BY', 'MODE', 'SCORES', 'BECAUSE'], ...rows])}`)
    return exit.ok
  },
})

export const detectSettingsSet = command({
  name: 'detect settings set',
  summary: 'Change what becomes of a request by its score',
  about: `What is not given stays. In the mode observe, which is the first, nothing is blocked: each verdict says what would have been.
Look at what the scores of your own traffic are before you block.`,
  options: {
    ...apiOptions,
    mode: form({
      takes: 'MODE',
      help: 'observe, or block: services are told to do what the score is worth',
      form: /^(?:observe|block)$/,
      mustBe: 'observe or block',
    }),
    observe: score('a threat, and observed'),
    challenge: score('challenged'),
    block: score('blocked'),
    because,
  },
  examples: [
    "sudo ./sealwatch detect settings set --mode block --block 95 --because 'two weeks without a false alarm'",
  ],
  run: async ({ mode, observe, challenge, block, because: cause, ...at }, _operands, { io, place, json }) => {
    const attempted = 'changing how requests are judged'
    const scores = Object.entries({ observe, challenge, block }).filter(([, given]) => given !== undefined)
    if (mode === undefined && scores.length === 0)
      throw cliError('CLI_USAGE', { attempted, advice: 'Say what: --mode block, or a score as --block 95' })
    const body = {
      ...(mode !== undefined && { mode: mode as Settings['mode'] }),
      thresholds: Object.fromEntries(scores.map(([name, given]) => [name, Number(given)])),
      reason: becauseOf(cause, attempted, 'two weeks without a false alarm'),
    }
    const made = await withApi({ ...at, io, place }, attempted, (api) => api.call('setThreatSettings', { body }))
    io.out(json ? `${safeJson(made)}\n` : told(made.settings))
    return exit.ok
  },
})

const told = ({ mode, thresholds: { observe, challenge, block } }: Settings): string =>
  `${mode === 'block' ? 'Attacks are blocked' : 'Nothing is blocked: verdicts say what would have been'}. Of 100, a score from ${observe} on is a threat, and observed; from ${challenge} challenged; from ${block} blocked.\n`

const rowOf = ({ version, mode, thresholds, changed_at, changed_by, reason }: Settings): string[] => [
  String(version),
  toSecond(changed_at ?? ''),
  safe(changed_by ?? ''),
  mode,
  Object.values(thresholds).join(' '),
  safe(reason ?? ''),
]
