// SPDX-License-Identifier: Apache-2.0
// DET-1: exceptions from what requests are judged by, against a whole server, by command and by API.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ApiProblem } from '@sealwatch/contract/api'
import { run } from '../../apps/cli/src/cli.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { eventually } from '../system/platform.ts'
import { startServer, type TestServer } from './server.ts'

const attackAt = (path: string) => ({
  method: 'GET',
  url: `${path}?q=1%27%3B%20DROP%20TABLE%20users%3B%20--`,
  headers: [['Host', 'shop.example']],
  address: '198.51.100.23',
})
let dir: string
let server: TestServer

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-threat-exceptions-'))
  server = await startServer({}, undefined, { dir })
  for (const name of ['acme', 'zeta']) await server.root('cluster').call('createTenant', { body: { name } })
})
after(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true })
})

const tokenOf = async (tenant: string, ...actions: string[]) =>
  (await server.root(tenant).call('createToken', { body: { name: 'e', actions, ttl_seconds: 600 } })).token

async function except(token: string, ...args: string[]) {
  const io = testIo({ env: { SEALWATCH_TOKEN: token } })
  const code = await run(['detect', 'except', ...args, '--server', server.url], io)
  return { code, out: io.said(), err: io.complained() }
}
const judged = (tenant: string, path: string) =>
  server.root(tenant).call('analyzeThreat', { body: { request_context: attackAt(path) } })

test('DET-1 what is excepted of a route does not count there, in its tenant alone, and the verdict says so', async () => {
  const token = await tokenOf('acme', 'rule:read', 'rule:except')
  const reasons = (await judged('acme', '/search')).threat?.reasons ?? []
  const rules = reasons.filter(({ detector }) => detector === 'rules')
  assert.equal(rules[0]?.id, '7000110')
  const of = ['--route', '/search/**', '--method', 'GET', '--where', 'ARGS_GET:q', '--until', '2d']
  const added = await except(token, 'add', 'rules', ...of, '--because', 'people search for SQL')
  assert.equal((await except(token, 'add', 'model', ...of, '--because', 'of the model, too')).code, 0)
  assert.equal(added.code, 0, added.err)
  assert.match(added.out, /End it before: \.\/sealwatch detect except remove exc_\w+ --server 'http:\S+\n$/)
  const [, id = ''] = /^(exc_[0-9a-f]{20}) keeps rules from counting/.exec(added.out) ?? []
  const quiet = await judged('acme', '/search/books')
  assert.deepEqual([quiet.threat_detected, quiet.excepted.length], [false, reasons.length])
  assert.deepEqual(
    quiet.excepted.filter(({ exception }) => exception === id).map((one) => one.id),
    rules.map((one) => one.id),
  )
  for (const [tenant, path] of [
    ['acme', '/orders'],
    ['acme', '/search/../orders'],
    ['zeta', '/search/books'],
  ] as const) {
    const told = await judged(tenant, path)
    assert.deepEqual([told.threat_detected, told.excepted], [true, []], `${tenant} ${path}`)
  }
  assert.match(
    (await except(token, 'list')).out,
    new RegExp(
      `^${id} +rules +GET /search/\\*\\* +ARGS_GET:q +\\S+ \\S+ UTC \\(soon\\) +machine:\\S+ +${rules.length} since \\S+ \\S+ UTC +people search`,
      'm',
    ),
  )
  assert.match((await except(await tokenOf('zeta', 'rule:read'), 'list')).err, /There is none/)
  assert.deepEqual((await server.root('acme').call('listRuleExceptions')).items, [])
})

test('DET-1 an exception is an act in the ledger without its route, stands after a start, and ends when it is removed', async () => {
  const { items } = await server.root('acme').call('listActs', { query: { order: 'oldest' } })
  const act = items
    .map(({ line }) => line.event as { metadata: { event_code: string }; unmapped: Record<string, unknown> })
    .find(({ metadata }) => metadata.event_code === 'rule_exception_added')
  assert.deepEqual([act?.unmapped.rule_exception_of, act?.unmapped.change_cause], ['rules', 'people search for SQL'])
  assert.ok(!JSON.stringify(act).includes('/search'))
  await server[Symbol.asyncDispose]()
  server = await startServer({}, undefined, { dir })
  assert.equal((await judged('acme', '/search/books')).threat_detected, false)
  const counted = await eventually('what was judged to be counted in the ledger', async () => {
    const acts = (await server.root('acme').call('listActs', { query: { order: 'oldest' } })).items
    const events = acts.map(({ line }) => line.event as NonNullable<typeof act>)
    return events.find(({ metadata }) => metadata.event_code === 'requests_counted')
  })
  assert.partialDeepStrictEqual(counted.unmapped.request_verdicts, {
    ...{ judged: 4, worth: { allow: 1, observe: 0, challenge: 0, block: 3 } },
    told: { allow: 1, observe: 3, challenge: 0, block: 0 },
  })
  const token = await tokenOf('acme', 'rule:read', 'rule:except')
  const id = String(act?.unmapped.rule_exception)
  const otherWay = server.root('acme').call('removeRuleException', { params: { exception_id: id } })
  await assert.rejects(otherWay, (error) => error instanceof ApiProblem && error.problem.code === 'EXCEPTION_UNKNOWN')
  assert.match((await except(token, 'remove', id)).out, /is removed/)
  assert.equal((await judged('acme', '/search/books')).threat_detected, true)
})

test('POL-1 an exception that is wrong, too long, or nobody’s to make is refused, and says what to do', async () => {
  const token = await tokenOf('acme', 'rule:read', 'rule:except')
  const add = (...args: string[]) => except(token, 'add', ...args, '--because', 'x')
  assert.match(
    (await add('rules:7000110', '--route', 'search', '--until', '1d')).err,
    /EXCEPTION_INVALID(.*\n)*.*Write \/search/,
  )
  const tooLong = (await add('rules:7000110', '--route', '/', '--until', '91d')).err
  assert.match(tooLong, /more than 90 days"\n.*Let it end within 90 days, and make it anew.*--until 90d/)
  assert.doesNotMatch(tooLong, /See the fields of the rule/)
  const ofNothing = (await add('rules:700011', '--route', '/', '--until', '1d')).err
  assert.match(ofNothing, /EXCEPTION_INVALID(.*\n)*.*rules:700011, which there is not among the rules that are loaded/)
  assert.match(ofNothing, /The nearest is rules:70001\d\d\. Name what a reason of a verdict has/)
  assert.match(
    (await add('signals:double-encode', '--route', '/', '--until', '1d')).err,
    /The nearest is signals:double-encoded\./,
  )
  for (const [what, advice] of [
    ['behaviour:rates', 'The nearest is behaviour:rate. Name'],
    ['behaviour:zzzzzzzzzz', 'There is rate, errors, routes, hour, network, agent, route. Name'],
    ['reputation:tor', 'No id is known of it. To except all that it says, name reputation alone'],
    ['model:x', 'No id is known of it. To except all that it says, name model alone'],
  ] as const)
    assert.match((await add(what, '--route', '/', '--until', '1d')).err, new RegExp(`${what}(.*\\n)*.*${advice}`))
  assert.equal((await add('behaviour:rate', '--route', '/quick', '--until', '1d')).code, 0)
  assert.equal((await add('rulez:1', '--route', '/', '--until', '1d')).code, 2)
  assert.equal((await add('rules:1', '--route', '/')).code, 2)
  const reader = await tokenOf('acme', 'rule:read')
  const denied = await except(reader, 'add', 'rules:7000110', '--route', '/', '--until', '1d', '--because', 'x')
  assert.match(denied.err, /ACCESS_DENIED/)
})
