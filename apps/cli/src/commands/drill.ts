// SPDX-License-Identifier: Apache-2.0

import { join, resolve } from 'node:path'
import type { RowDrillReport } from '@sealwatch/ledger'
import { apiOptions } from '../api.ts'
import { type Command, type Context, command, exit, integer, text, webUrl } from '../command.ts'
import type { Drilling } from '../drill/drilled.ts'
import { checkPlace, filesOf, putNew, stemOf, verifyCommand } from '../drill/files.ts'
import { runDrill } from '../drill/frame.ts'
import { keyCompromise } from '../drill/key-compromise.ts'
import { pageOf } from '../drill/page.ts'
import { prometheusAt } from '../drill/prometheus.ts'
import { ruleFile } from '../drill/rule.ts'
import { strictSignature } from '../drill/strict-signature.ts'
import { cliError } from '../errors.ts'
import { fileOf } from '../place.ts'
import { safe, safeJson } from '../terminal.ts'

const options = {
  tenant: { ...apiOptions.tenant, help: 'Tenant of the decoy, made where there is none (default: drill)' },
  prometheus: webUrl({ takes: 'URL', help: 'Prometheus: the rule must be loaded, and it is waited until it fires' }),
  rules: text({
    takes: 'FILE',
    help: 'Without --prometheus: the rules that it loads (default: deploy/prometheus/sealwatch.rules.yml)',
  }),
  rows: integer({ takes: 'N', help: 'Rows under each key (default: 100)', min: 1, max: 1000, absent: 100 }),
  rate: integer({ takes: 'N', help: 'Rows a second (default: 50)', min: 2, max: 200, absent: 50 }),
  wait: integer({
    takes: 'SECONDS',
    help: 'How long the alert may take to fire (default: 480)',
    min: 1,
    max: 1200,
    absent: 480,
  }),
  output: text({ takes: 'NAME', short: 'o', help: 'Write NAME.json and NAME.html (default: drill-DRILL-TIME)' }),
} as const

const safety = `The decoy is a service of a tenant of its own; other tenants see nothing of it. It does not begin where it could do harm.
The report is signed by the server and stands in its ledger; it is written into a file, with a page to read beside it.
The exit code is 1 where the drill failed.`

type Matter = { readonly summary: string; readonly about: string; readonly work: (of: Drilling) => Promise<void> }

const drill = (name: RowDrillReport['drill'], { summary, about, work }: Matter): Command =>
  command({
    name: `drill ${name}`,
    summary,
    about: `${about}\n${safety}`,
    options,
    examples: [`sudo ./sealwatch drill ${name}`, `sudo ./sealwatch drill ${name} --prometheus http://127.0.0.1:9090`],
    run: async ({ tenant = 'drill', rules, prometheus, rows, rate, wait, output }, _operands, context) => {
      const { io } = context
      if (rules !== undefined && prometheus !== undefined)
        throw cliError('CLI_USAGE', { attempted: 'running a drill', advice: 'Give --rules FILE or --prometheus URL' })
      const shipped = join(io.root, 'deploy/prometheus/sealwatch.rules.yml')
      const alertSource =
        prometheus === undefined ? ruleFile(rules ?? shipped, shipped) : prometheusAt(prometheus, io.clock)
      const bounds = { rows, perSecond: rate, alertSeconds: wait }
      const stem = output ?? stemOf(name, io)
      checkPlace(stem)
      const done = await runDrill({ name, tenant, bounds, alertSource, work }, context)
      const { report, ledger } = done
      const file = { report: done.text, envelope: done.envelope, ledger }
      await putNew(filesOf(stem).report, `${JSON.stringify(file)}\n`, io)
      const verify = verifyCommand(filesOf(stem).report, fileOf.trust(context.place))
      await putNew(filesOf(stem).page, pageOf(report, verify), io)
      tell(stem, verify, done, context)
      return report.outcome === 'passed' ? exit.ok : exit.finding
    },
  })

function tell(
  stem: string,
  verify: string,
  { report, ledger }: Awaited<ReturnType<typeof runDrill>>,
  { json, io }: Context,
) {
  const { outcome, failure, run, tenant } = report
  const { leaf_index } = ledger
  const files = filesOf(resolve(stem))
  if (json) {
    io.out(`${safeJson({ run, outcome, failure, ...files, leaf_index })}\n`)
    return
  }
  const why =
    failure === null
      ? ''
      : `, at ${failure.step}: ${failure.code}\n  ${failure.rule}; found ${safe(failure.found, 2000)}`
  const place = leaf_index === null ? `in the ledger of ${tenant}` : `at leaf ${leaf_index} of ${tenant}`
  io.out(
    `The drill ${outcome}${why}.\n` +
      `Signed, and ${place}: ${safe(stem)}.json\nTo read: ${safe(stem)}.html\nVerify it, offline: ${safe(verify, 2000)}\n`,
  )
}

export const drillStrictSignature = drill('strict-signature', {
  summary: 'Show on this installation that a key rotated too early loses nothing',
  about: `A decoy rotates its key without telling the server: its rows go to quarantine, the alert is there, the runbook's first checks
work, its new key is added, the rows are replayed, and every one is found in the ledger once.`,
  work: strictSignature,
})

export const drillKeyCompromise = drill('key-compromise', {
  summary: 'Show on this installation that what a leaked key signed is known to the row',
  about: `The key of a decoy leaks, and another process signs rows with it. The key is revoked as compromised since then, the forged rows
are named, the decoy goes on under another key, and everything that the old one ever signed is verified again.`,
  work: keyCompromise,
})
