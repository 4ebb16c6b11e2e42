// SPDX-License-Identifier: Apache-2.0

import { thresholdFor } from '@sealwatch/detect/verdict'
import { type ApiPlace, apiOptions, commandAt, withApi } from '../api.ts'
import { command, exit, integer, type Option, text } from '../command.ts'
import { calibrationText, exceptionsText, type Judged, suggestionText } from '../detect/calibration.ts'
import { judgeRecorded } from '../detect/recorded-requests.ts'
import type { Io } from '../io.ts'
import { counted, safe, safeJson } from '../terminal.ts'

const share: Option<number | undefined> = {
  takes: 'PERCENT',
  help: 'Say which threshold keeps to this share of the requests, as 0.1%',
  absent: undefined,
  read: (given) => {
    const value = /^\d{1,3}(?:\.\d{1,6})?%?$/.test(given) ? Number.parseFloat(given) : Number.NaN
    return value <= 100 ? { value: value / 100 } : { mustBe: 'a share in percent, as 0.1%' }
  },
}

export const detectCalibrate = command({
  name: 'detect calibrate',
  summary: 'Which scores your own requests have, and what each threshold means for them',
  about: `The server counts the scores of what it judged, by day, and keeps 30 days. With --file the requests of a file are judged here, and nothing is
sent: one JSON object a line, with method, url, address and, where there are any, headers, body or body_base64, user, route.
Nothing is changed: a threshold is set by detect settings set.`,
  options: {
    ...apiOptions,
    days: integer({
      takes: 'N',
      help: 'Over so many days, this one included (default: 14)',
      min: 1,
      max: 30,
      absent: 14,
    }),
    'false-positives': share,
    file: text({ takes: 'FILE', help: 'Requests that were recorded, in place of those that the server judged' }),
    rules: text({
      takes: 'DIR',
      help: 'With --file: folder of a core rule set, with its crs-setup.conf, to judge by besides the basic rules',
    }),
  },
  examples: [
    'sudo ./sealwatch detect calibrate --tenant acme --days 7',
    './sealwatch detect calibrate --file requests.jsonl --rules /usr/share/modsecurity-crs --false-positives 0.1%',
  ],
  run: async ({ days, file, rules, 'false-positives': wanted, ...at }, _operands, { io, place, json }) => {
    const { judged, suggestions } =
      file === undefined
        ? await judgedBefore({ ...at, io, place }, days)
        : { judged: await judgedHere(file, rules, io), suggestions: [] }
    const suggested = wanted === undefined ? {} : { block_suggested: thresholdFor(judged.scores, wanted) ?? null }
    if (json) {
      io.out(`${safeJson({ ...judged, ...suggested })}\n`)
      return exit.ok
    }
    const command = (words: string) => commandAt({ ...at, place }, words)
    const exceptions = exceptionsText(suggestions, command)
    const threshold = wanted === undefined ? '' : suggestionText(judged, wanted, command)
    io.out([calibrationText(judged), exceptions, threshold].filter((text) => text !== '').join('\n'))
    return exit.ok
  },
})

async function judgedBefore(at: ApiPlace, days: number) {
  const judged = await withApi(at, 'reading the scores of requests', (api) =>
    api.call('getThreatCalibration', { query: { days } }),
  )
  return { judged, suggestions: judged.suggestions }
}

async function judgedHere(file: string, rules: string | undefined, io: Io): Promise<Judged> {
  const onNotice = (text: string) => io.err(`${safe(text, 1_000)}\n`)
  const { judged, wrong, wrongFirst } = await judgeRecorded(file, { rules, timeNs: io.clock.nowNs(), onNotice })
  if (wrong > 0) io.err(`${counted(wrong, 'line')} left out, the first for ${safe(wrongFirst ?? '')}\n`)
  return judged
}
