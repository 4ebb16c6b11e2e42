// SPDX-License-Identifier: Apache-2.0

import { openJudge } from '@sealwatch/detect/open-judge'
import type { Verdict } from '@sealwatch/detect/verdict'
import { command, exit, text } from '../command.ts'
import { readRequest } from '../detect/read-request.ts'
import type { Io } from '../io.ts'
import { counted, paint, safe, safeJson } from '../terminal.ts'

const charsMax = 1_000

export const detectAnalyze = command({
  name: 'detect analyze',
  summary: 'Judge a request that lies in a file: is it an attack, of which kind, and why',
  about: `FILE is a request as HTTP writes it, or as JSON with method, url, address and, where there are any, headers (pairs), body or
body_base64, body_is_cut, user, route. Nothing is sent anywhere. The request model of this release judges, a few basic rules, and
those of --rules: the core rule set, as Debian's modsecurity-crs or its own archive has it, knows far more.
A rule that does not load is named with its file and line, in --json as \`wrong_rules\`. The exit code is 1 where it is a threat.`,
  operands: [{ name: 'FILE', required: true }],
  options: {
    rules: text({
      takes: 'DIR',
      help: 'Folder of a core rule set, with its crs-setup.conf, to judge by besides the basic rules',
    }),
    address: text({ takes: 'ADDRESS', help: 'Of the client, where the file does not say it (default: 192.0.2.1)' }),
  },
  examples: [
    './sealwatch detect analyze request.http',
    './sealwatch detect analyze request.json --rules /usr/share/modsecurity-crs --json',
  ],
  run: async ({ rules, address = '192.0.2.1' }, [path = ''], { io, json }) => {
    const request = readRequest(path, address)
    const failures: unknown[] = []
    const judge = openJudge({
      rules,
      onFailed: (_, error) => failures.push(error),
      onNotice: (text) => io.err(`${safe(text, charsMax)}\n`),
    })
    const verdict = judge.judge(request, io.clock.nowNs())
    if (failures.length > 0) throw failures[0]
    const others = judge.notRun.map(({ id }) => id)
    if (others.length > 0)
      io.err(`${counted(others.length, 'rule')} not run, for they ask other services: ${others.join(', ')}\n`)
    io.out(json ? `${safeJson({ ...verdict, wrong_rules: judge.problems })}\n` : verdictText(verdict, io))
    return verdict.threat ? exit.finding : exit.ok
  },
})

function verdictText(
  { threat, score, severity, type, confidence, recommended_action, ...rest }: Verdict,
  io: Io,
): string {
  const word = threat ? paint(io, 'red', 'THREAT') : paint(io, 'green', 'NO THREAT')
  const kind = threat && type !== null ? ` ${type.replaceAll('_', ' ')}, ${severity},` : ''
  const first = `${word}${kind} score ${score} of 100, confidence ${confidence}: ${recommended_action}\n`
  const reasons = rest.reasons.map(({ detector, what, where, matched, weight }) => {
    const at = where === undefined ? '' : ` in ${where}`
    const seen = matched === undefined ? '' : `: ${matched}`
    return `  ${detector} +${weight} ${safe(`${what}${at}${seen}`, charsMax)}\n`
  })
  const absent = rest.detectors.absent.length === 0 ? '' : `Did not judge: ${rest.detectors.absent.join(', ')}\n`
  const cut = rest.detectors.cut.length === 0 ? '' : `Gave up at their limits: ${rest.detectors.cut.join(', ')}\n`
  return `${first}${reasons.join('')}${absent}${cut}`
}
