// SPDX-License-Identifier: Apache-2.0

import { apiOptions, withApi } from '../api.ts'
import { command, exit } from '../command.ts'
import { cliError } from '../errors.ts'
import { safeJson } from '../terminal.ts'
import { because } from './until.ts'

const words = { 'false-alarm': 'false_alarm', right: 'right' } as const

export const detectFeedback = command({
  name: 'detect feedback',
  summary: 'Say whether a threat was one: false-alarm, or right',
  about: `LINE is where its alert stands in the ledger of the tenant, as the dashboard and the answer of analyze have it. It is an act in the
ledger. Calibration takes false alarms for harmless requests and leaves out what was right; what is a false alarm twice becomes a suggested
exception (detect calibrate). Who says something else later is believed.`,
  operands: [
    { name: 'LINE', required: true },
    { name: 'WORD', required: true },
  ],
  options: { ...apiOptions, because: { ...because, required: false } },
  examples: [
    "sudo ./sealwatch detect feedback 4711 false-alarm --because 'people search for SQL' --tenant acme",
    'sudo ./sealwatch detect feedback 4712 right --tenant acme',
  ],
  run: async ({ because: reason = '', ...at }, [line = '', word = ''], { io, place, json }) => {
    const attempted = 'telling what became of a threat'
    if (!Object.hasOwn(words, word) || !/^\d{1,15}$/.test(line))
      throw cliError('CLI_USAGE', {
        attempted,
        received: `${line} ${word}`,
        advice: 'As: detect feedback 4711 false-alarm',
      })
    const body = { verdict: words[word as keyof typeof words], reason }
    const answer = await withApi({ ...at, io, place }, attempted, (api) =>
      api.call('giveThreatFeedback', { params: { leaf: Number(line) }, body }),
    )
    io.out(
      json
        ? `${safeJson(answer)}\n`
        : `The threat in line ${line} was ${word === 'right' ? 'one' : 'a false alarm'}.\n`,
    )
    return exit.ok
  },
})
