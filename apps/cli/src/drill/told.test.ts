// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sampleReport } from '@sealwatch/ledger/test/drill-report'
import { allCommands } from '../commands/table.ts'
import { parse } from '../parse.ts'
import { verifyCommand } from './files.ts'
import { pageOf } from './page.ts'
import { firstChecksIn } from './runbook.ts'

test('OPS-2 the command that a drill prints to verify its report names the trust, and is one that there is', async () => {
  const printed = verifyCommand('drill-one.json', '/srv/sealwatch/trust.json')
  assert.equal(printed, './sealwatch drill verify drill-one.json --trust /srv/sealwatch/trust.json')
  const { options, operands } = parse(printed.split(' ').slice(1), await allCommands())
  assert.deepEqual([operands, options.trust], [['drill-one.json'], '/srv/sealwatch/trust.json'])
  assert.match(verifyCommand('a b.json', '/srv/x y/trust.json'), / 'a b\.json' --trust '\/srv\/x y\/trust\.json'$/)
  assert.ok(pageOf(sampleReport, printed).includes(`<pre>${printed}</pre>`), 'the page says it, too')
})

test('OPS-2 the report of a drill names the server that was asked, and not that of the example', () => {
  const runbook = readFileSync(join(import.meta.dirname, '../../../../docs/runbooks/rejects-high.md'), 'utf8')
  const meant = { tenant: 'drill', key: 'decoy-2', since: '2026-12-01T00:00:00Z', health: 'http://127.0.0.1:19464' }
  const checks = firstChecksIn(runbook, meant)
  assert.match(
    checks.find(({ kind }) => kind === 'metrics')?.text ?? '',
    /^curl -s http:\/\/127\.0\.0\.1:19464\/metrics /,
  )
  assert.doesNotMatch(checks.map(({ text }) => text).join('\n'), /acme|billing-2026-11|127\.0\.0\.1:9464/)
})
