// SPDX-License-Identifier: Apache-2.0
// API-4, DET-2: the commands about rules against a whole server.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run } from '../../apps/cli/src/cli.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { eventually } from '../system/platform.ts'
import { joinHost, type TestHost } from './host.ts'
import { startServer, type TestServer } from './server.ts'

const own = join(import.meta.dirname, '../../rules')
const text = readFileSync(join(own, 'shadow-read.yml'), 'utf8')
const ruleId = /^id: (.*)$/m.exec(text)?.[1] as string
const fires = JSON.parse(readFileSync(join(own, 'shadow-read.fires.json'), 'utf8'))
const quiet = JSON.parse(readFileSync(join(own, 'shadow-read.quiet.json'), 'utf8'))
let server: TestServer
let host: TestHost
let token: string
let dir: string

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-rule-commands-'))
  writeFileSync(join(dir, 'wrong.yml'), 'title: wrong\n')
  const silent = (name: string) => ({
    ...{ rule: name, desc: 'of the cloud', condition: 'ka.verb = delete', output: 'o', priority: 'WARNING' },
    source: 'k8s_audit',
  })
  writeFileSync(join(dir, 'falco.yaml'), ['one', 'two'].map((name) => `- ${JSON.stringify(silent(name))}\n`).join(''))
  server = await startServer({ SEALWATCH_SERVER_RULES_DIR: dir })
  const actions = ['rule:read', 'event:list', 'ledger:read', 'event:reveal']
  token = (await server.root('default').call('createToken', { body: { name: 'r', actions, ttl_seconds: 600 } })).token
  host = await joinHost(server, 'default', 'watched')
  host.see(fires)
  host.see(quiet)
  host.see(fires)
  const alerts = async () => {
    const { items } = await server.root('default').call('listAlerts')
    return items.length === 2 ? items : undefined
  }
  await eventually('two alerts', alerts)
})
after(async () => {
  await host[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true })
})

async function rules(...args: string[]) {
  const io = testIo({ env: { SEALWATCH_TOKEN: token } })
  const code = await run(['rules', ...args, '--server', server.url], io)
  return { code, out: io.said(), err: io.complained() }
}
const json = async (...args: string[]) => JSON.parse((await rules(...args, '--json')).out)

test('DET-2 rules are listed with how often they fired, and what is wrong with which file', async () => {
  const { code, out, err } = await rules('list')
  assert.equal(code, 0, err)
  assert.match(out, new RegExp(`^${ruleId} +high +T1003\\.008 +ours +2 +0 +Password hashes`, 'm'))
  assert.match(out, /^left out: wrong\.yml:1: RULE_SHAPE/m)
  for (const name of ['one', 'two'])
    assert.match(
      out,
      new RegExp(`^falco:${name} +\\S+ +\\S+ +\\S+ +0 +0 +never fires: no event here is one that it is about$`, 'm'),
    )
  assert.match(err, /^\d+ rules in force since \S+ \S+ UTC, digest [0-9a-f]{64}\n$/)
  const listed = await json('list')
  assert.ok(!JSON.stringify(listed).includes(dir), 'where folders lie is the operator’s alone')
})

test('DET-3 an event is explained line by line: what held, what did not, and what is there', async () => {
  const { items } = await server
    .root('default')
    .call('listEvents', { query: { filter: 'source=host', order: 'oldest' } })
  const [yes, no] = items.map(({ leaf_index }) => String(leaf_index))
  const held = await rules('explain', ruleId, '--event', String(yes))
  assert.match(held.out, /^yes +WatchedFile: \/etc\/shadow.* \/event\/unmapped\/watched is "\/etc\/shadow"/m)
  assert.match(held.out, /It fires for this event\.\n$/)
  assert.match((await rules('explain', ruleId, '--event', String(no))).out, /It does not fire for this event\.\n$/)
  const { items: alerts } = await server.root('default').call('listAlerts')
  const ofAlert = await rules('explain', ruleId, '--event', String(alerts.at(-1)?.leaf_index))
  assert.equal(ofAlert.out, held.out, 'an alert is the event that it is about')
  const ofFalco = await rules('explain', 'falco:one', '--event', String(yes))
  assert.equal(ofFalco.code, 0, ofFalco.err)
  assert.match(ofFalco.out, /\n\? +ka\.verb =: delete\n\nIt does not look at events of this type\.\n$/)
  const together = await rules('explain', 'fb85fc18-b798-551d-9c99-0d29ecc89a78', '--event', String(yes))
  assert.match(together.out, /^value_count within 1m of one HostId, LogonId: field Image, gte 7$/m, together.err)
  assert.match(together.out, /^ {4}A program was started that tells about users, rights or the network/m)
  const { err, code } = await rules('explain', '00000000-0000-0000-0000-000000000000')
  assert.equal(code, 1)
  assert.match(err, /RULE_UNKNOWN.*\n(.*\n)*.*sealwatch rules list/)
})

test('DET-2 a backtest tells what would have fired, and writes nothing', async () => {
  const [, leaf] = (await server.root('default').call('listEvents', { query: { filter: 'source=host' } })).items
  assert.ok(leaf)
  const before = await server.root('default').call('getLedger')
  const mine = join(dir, '.mine.yml')
  writeFileSync(mine, text.replace(/^id: ./m, 'id: 0').replace(/^title: .*/m, 'title: of mine'))
  const { code, out, err } = await rules('backtest', mine, '--since', '1h')
  assert.equal(code, 0, err)
  assert.match(
    out,
    /^of mine {2}2 times {2}watched 2\n( {4}\S+ \S+ UTC {2}watched {2}.* {2}leaf \d+\n){2}0 rules would not have fired\.\n$/,
  )
  const inForce = await json('backtest')
  assert.equal(inForce.events, 3)
  assert.deepEqual(
    inForce.rules.flatMap((row: { rule_id: string; fired: number }) =>
      row.fired > 0 ? [[row.rule_id, row.fired]] : [],
    ),
    [[ruleId, 2]],
  )
  const after = await server.root('default').call('getLedger')
  assert.equal(after.size, before.size)
  assert.equal((await server.root('default').call('listAlerts')).items.length, 2)
  const wrong = await rules('backtest', join(dir, 'wrong.yml'))
  assert.match(wrong.err, /wrong\.yml:1: RULE_SHAPE(.*\n)*.*CLI_RULES/)
})

test('DET-2 what comes together is found by a backtest, too, and by no rule that is for a correlation alone', async () => {
  const together = join(dir, '.together.yml')
  const rule = text.replace(/^id: ./m, 'id: 0').replace(/^title: .*/m, 'title: one read\nname: one_read')
  writeFileSync(
    together,
    `${rule}\n---\n${JSON.stringify({
      title: 'two reads',
      id: '33333333-3333-3333-3333-333333333333',
      correlation: { type: 'event_count', rules: ['one_read'], timespan: '1h', condition: { gte: 2 } },
      level: 'high',
    })}\n`,
  )
  const { out, err, code } = await rules('backtest', together)
  assert.equal(code, 0, err)
  assert.match(out, /^two reads {2}1 time {2}watched 1\n {4}.*leaf \d+\n1 rule would not have fired\.\n$/)
})

test('DET-2 LOG-5 of events in which a rule looks at a personal value that is not shown, a backtest says how many', async () => {
  const byName = join(dir, '.name.yml')
  const { category } = { category: 'file_access' }
  writeFileSync(
    byName,
    JSON.stringify({
      title: 'by name',
      id: '22222222-2222-2222-2222-222222222222',
      logsource: { category },
      detection: { selection: { User: fires.actor.user?.name ?? 'root' }, condition: 'selection' },
    }),
  )
  const hidden = await json('backtest', byName)
  assert.deepEqual([hidden.undecided > 0, hidden.rules[0].fired], [true, 0])
  const shown = await json('backtest', byName, '--reveal')
  assert.deepEqual([shown.undecided, shown.rules[0].fired > 0], [0, true])
})
