// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { withAdmin } from '../admin.ts'
import { apiOptions } from '../api.ts'
import { type Context, command, exit, integer, text } from '../command.ts'
import { checkPlace, filesOf, putNew, stemOf, verifyCommand } from '../drill/files.ts'
import { type PlayedDrill, runKeyTheft } from '../drill/key-theft/run.ts'
import { servedLine } from '../drill/key-theft/show.ts'
import { attackWays } from '../drill/key-theft/ways.ts'
import { pageOf } from '../drill/page.ts'
import { fileError } from '../errors.ts'
import { fileOf } from '../place.ts'
import { paint, safe, safeJson, shellWord } from '../terminal.ts'
import { writeBundleFile } from './audit-export.ts'

const bundleOf = (stem: string) => `${stem}.bundle`

export const drillKeyTheft = command({
  name: 'drill key-theft',
  summary: 'Attack a decoy in a dozen ways, and show that each is seen, its attacker killed, and the keys are changed',
  about: `Starts a small service that holds keys of its own, and processes that reach for its memory, each in another way and under a false
name: ${attackWays.map(({ does }) => does).join(', ')}. Shows of each after what time the guard saw it and the attacker was killed, how much
it had read, how the keys changed, and that the service served on.
Nothing else is touched: the decoy and the attackers are processes of this command, and end with it. That attackers are killed, also where
the guard only says what it would do, is a permission of this decoy alone, signed by the server, in its ledger, and over in five minutes.
The signed report, a page to read, and a bundle with the lines of the ledger and their proofs are written into files. The exit code is 1 where
anything was missed.`,
  options: {
    tenant: { ...apiOptions.tenant, help: 'Tenant that this host belongs to (default: default)' },
    wait: integer({
      takes: 'SECONDS',
      help: 'How long an attack may take to be answered (default: 20)',
      min: 1,
      max: 120,
      absent: 20,
    }),
    output: text({
      takes: 'NAME',
      short: 'o',
      help: 'Write NAME.json, NAME.html and NAME.bundle (default: drill-key-theft-TIME)',
    }),
  },
  examples: ['sudo ./sealwatch drill key-theft', 'sudo ./sealwatch drill key-theft --json -o /root/key-theft'],
  run: async ({ tenant = 'default', wait, output }, _operands, context) => {
    const { io, place } = context
    const stem = output ?? stemOf('key-theft', io)
    checkPlace(stem)
    if (existsSync(bundleOf(stem)))
      throw fileError(bundleOf(stem), Object.assign(new Error('it exists'), { code: 'EEXIST' }))
    const since = new Date(io.clock.nowMs()).toISOString()
    const done = await runKeyTheft({ tenant, patienceMs: wait * 1000 }, context)
    const { report, envelope, ledger } = done
    await putNew(filesOf(stem).report, `${JSON.stringify({ report: done.text, envelope, ledger })}\n`, io)
    const verify = verifyCommand(filesOf(stem).report, fileOf.trust(place))
    await putNew(filesOf(stem).page, pageOf(report, verify), io)
    const request = { tenant, what: { case: 'since' as const, value: since }, reveal: false }
    await withAdmin(place, 'exporting the bundle of the drill', (admin) =>
      writeBundleFile(bundleOf(stem), () => admin.export(request, { signal: io.kill }), io),
    )
    tell(stem, verify, done, context)
    return report.outcome === 'passed' ? exit.ok : exit.finding
  },
})

function tell(stem: string, verify: string, { report, ledger }: PlayedDrill, { json, io, place }: Context): void {
  const { outcome, failure, run, tenant, attacks, requests } = report
  const files = { ...filesOf(resolve(stem)), bundle: resolve(bundleOf(stem)) }
  if (json) {
    io.out(`${safeJson({ run, outcome, failure, ...files, leaf_index: ledger.leaf_index, attacks, requests })}\n`)
    return
  }
  const passed = attacks.filter((one) => one.outcome === 'passed')
  const last = attacks.at(-1)
  const verdict =
    failure === null
      ? paint(
          io,
          ['green', 'bold'],
          `${passed.length} attacks, ${passed.length} seen, ${passed.length} attackers killed`,
        )
      : paint(io, ['red', 'bold'], `${passed.length} of ${attackWays.length} attacks seen and answered in full`)
  const keys = last === undefined ? '' : `; master key v${attacks[0]?.key_before} -> v${last.key_after}`
  io.out(`${verdict}${keys}\n${requests === null ? '' : `${servedLine(requests)}\n`}`)
  if (failure !== null)
    io.out(`${failure.code} at ${failure.step}: ${failure.rule}; found ${safe(failure.found, 2000)}\n`)
  const trust = shellWord(fileOf.trust(place))
  io.out(
    `\nThe drill ${outcome}. Signed, and ${ledger.leaf_index === null ? 'in the ledger' : `at leaf ${ledger.leaf_index}`} of ${tenant}: ${safe(stem)}.json; to read: ${safe(stem)}.html\n` +
      `Verify it, offline: ${safe(verify, 2000)}\n` +
      `The lines it rests on: ./sealwatch audit verify ${shellWord(bundleOf(stem))} --trust ${trust}\n`,
  )
}
