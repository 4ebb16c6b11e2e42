// SPDX-License-Identifier: Apache-2.0
// DET-2: exceptions from rules against a whole server, by command and by API.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { run } from '../../apps/cli/src/cli.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { eventually } from '../system/platform.ts'
import { joinHost, type TestHost } from './host.ts'
import { startServer, type TestServer } from './server.ts'

const own = join(import.meta.dirname, '../../rules')
const ruleId = /^id: (.*)$/m.exec(readFileSync(join(own, 'shadow-read.yml'), 'utf8'))?.[1] as string
const fires = JSON.parse(readFileSync(join(own, 'shadow-read.fires.json'), 'utf8'))
const image: string = fires.actor.process.file.path
let dir: string
let server: TestServer
let hosts: readonly TestHost[]

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-rule-exceptions-'))
  server = await startServer({}, undefined, { dir })
  await server.root('cluster').call('createTenant', { body: { name: 'acme' } })
  hosts = [await joinHost(server, 'default', 'one'), await joinHost(server, 'acme', 'two')]
})
after(async () => {
  for (const host of hosts) await host[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true })
})

const tokenOf = async (tenant: string, ...actions: string[]) =>
  (await server.root(tenant).call('createToken', { body: { name: 'e', actions, ttl_seconds: 600 } })).token

async function except(token: string, ...args: string[]) {
  const io = testIo({ env: { SEALWATCH_TOKEN: token } })
  const code = await run(['rules', 'except', ...args, '--server', server.url], io)
  return { code, out: io.said(), err: io.complained() }
}

/** How often the rule fired, and was kept quiet, in a tenant. */
async function counted(tenant: string) {
  const { fired, excepted } = await server.root(tenant).call('getRule', { params: { rule_id: ruleId } })
  return `${fired} ${excepted}`
}
const until = (tenant: string, counts: string) =>
  eventually(`${counts} in ${tenant}`, async () => ((await counted(tenant)) === counts ? true : undefined))

test('a match that is excepted makes no alert in its tenant alone, is counted, and is an act in the ledger', async () => {
  const token = await tokenOf('default', 'rule:read', 'rule:except')
  const added = await except(
    token,
    'add',
    ruleId,
    '--where',
    `Image: ${image}`,
    '--until',
    '2d',
    '--because',
    'the backup',
  )
  assert.equal(added.code, 0, added.err)
  const [, id = ''] = /^(exc_[0-9a-f]{20}) keeps/.exec(added.out) ?? []
  for (const host of hosts) host.see(fires)
  await until('acme', '1 0')
  await until('default', '0 1')
  assert.equal((await server.root('default').call('listAlerts')).items.length, 0)
  const listed = await except(token, 'list')
  assert.match(
    listed.out,
    new RegExp(
      `^${id} +${ruleId} +\\S+ \\S+ UTC \\(soon\\) +machine:\\S+ +1 since \\S+ \\S+ UTC +\\{"Image":".*"\\} +the backup$`,
      'm',
    ),
  )
  assert.match((await except(await tokenOf('acme', 'rule:read'), 'list')).err, /There is none/)

  const { items } = await server.root('default').call('listActs', { query: { order: 'oldest' } })
  const acts = items.map(
    ({ line }) => line.event as { metadata: { event_code: string }; unmapped: Record<string, unknown> },
  )
  const act = acts.find(({ metadata }) => metadata.event_code === 'rule_exception_added')
  assert.deepEqual([act?.unmapped.rule_exception, act?.unmapped.change_cause], [id, 'the backup'])
  assert.ok(!JSON.stringify(act).includes(image), 'what it names may be a person: it is not in the ledger')

  const removed = await except(token, 'remove', id)
  assert.match(removed.out, /is removed/)
  hosts[0]?.see(fires)
  await until('default', '1 1')
  assert.equal((await except(token, 'remove', id)).code, 1)
})

test('an exception that is wrong, too long, or nobody’s to make is refused, and says what to do', async () => {
  const token = await tokenOf('default', 'rule:read', 'rule:except')
  const add = (...args: string[]) => except(token, 'add', ...args, '--because', 'x')
  assert.match((await add(ruleId, '--where', 'Imag: x', '--until', '1d')).err, /EXCEPTION_INVALID(.*\n)*.*Write Image/)
  assert.match((await add(ruleId, '--all', '--until', '91d')).err, /more than 90 days/)
  assert.match((await add('nobodys', '--all', '--until', '1d')).err, /RULE_UNKNOWN/)
  assert.equal((await add(ruleId, '--until', '1d')).code, 2)
  assert.equal((await add(ruleId, '--all')).code, 2)
  const reader = await tokenOf('default', 'rule:read')
  assert.match((await except(reader, 'add', ruleId, '--all', '--until', '1d', '--because', 'x')).err, /ACCESS_DENIED/)
})

test('one that is about to end is told once; after a start the ledger’s word counts, and no row that somebody wrote', async () => {
  const body = { tag: 'attack.t1003.008', selection: null, reason: 'a test' }
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString()
  const root = server.root('acme')
  const { exception } = await root.call('addRuleException', { body: { ...body, expires_at: inDays(60) } })
  await root.call('addRuleException', { body: { ...body, expires_at: inDays(1) } })
  await server[Symbol.asyncDispose]()
  const database = new DatabaseSync(join(dir, 'index.sqlite'))
  database.exec(`INSERT INTO rule_exceptions SELECT tenant, 'exc_00000000000000000000', rule_id, tag, selection, reason, owner, created_at, expires_at, 0, request
     FROM rule_exceptions WHERE exception_id = '${exception.exception_id}'`)
  database.close()
  server = await startServer({}, undefined, { dir })
  const codes = async () => {
    const events = (await server.root('acme').call('listEvents', { query: { filter: 'source=server', limit: 500 } }))
      .items
    return events.map(({ line }) => (line.event as { metadata: { event_code: string } }).metadata.event_code)
  }
  await eventually('the end is told', async () =>
    (await codes()).includes('rule_exception_ending') ? true : undefined,
  )
  assert.equal((await codes()).filter((code) => code === 'rule_exception_ending').length, 1)
  assert.ok((await codes()).includes('row_unvouched'))
  const { items } = await server.root('acme').call('listRuleExceptions')
  assert.deepEqual(
    items.map(({ state, tag }) => [state, tag]),
    [
      ['standing', 'attack.t1003.008'],
      ['ending', 'attack.t1003.008'],
    ],
  )
})
