// SPDX-License-Identifier: Apache-2.0
// POL-2, API-1: policies of a tenant through the API of a whole server.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type ApiClient, ApiProblem } from '@sealwatch/contract/api'
import { startServer, type TestServer } from './server.ts'

const path = '/api/v1/security/policies'
const vectors = join(import.meta.dirname, '../../vectors/policies')
const network = readFileSync(join(vectors, 'good/network.json'), 'utf8')

let server: TestServer
let admin: string
let acme: ApiClient

before(async () => {
  server = await startServer()
  for (const name of ['acme', 'zeta'])
    await server.root('cluster').call('createTenant', { body: { name, title: name } })
  const root = server.root('acme')
  const actions = ['policy:read', 'policy:write', 'policy:try']
  const made = await root.call('createToken', { body: { name: 'policies', actions, ttl_seconds: 3600 } })
  admin = made.token
  acme = server.by(admin)
})
after(() => server[Symbol.asyncDispose]())

const headers = () => ({ authorization: `Bearer ${admin}`, 'content-type': 'application/json' })
const put = (id: string, body: string, more: Record<string, string> = {}) =>
  server.send({ method: 'PUT', path: `${path}/${id}`, headers: { ...headers(), ...more }, body })
const problemOf = async (work: Promise<unknown>) => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof ApiProblem, String(error))
  return error.problem as typeof error.problem & Record<string, unknown>
}

test('PUT {policy} -> {updated, validation}; what is read may be written back as it is', async () => {
  const { answer, headers: said } = await acme.ask('putPolicy', { params: { id: 'web' }, body: { policy: network } })
  assert.deepEqual([answer.updated, answer.validation], [true, { ok: true, problems: [], omitted: 0 }])
  assert.equal(answer.ledger?.tenant, 'acme')
  assert.equal(said.get('etag'), answer.etag)
  const read = await acme.ask('getPolicy', { params: { id: 'web' } })
  assert.equal(read.headers.get('etag'), answer.etag)
  const policy = read.answer as Record<string, unknown>
  for (const member of [
    'id',
    'name',
    'type',
    'rules',
    'enabled',
    'created_by',
    'updated_at',
    'version',
    'etag',
    'digest',
    'signature',
  ])
    assert.ok(policy[member] !== undefined, member)
  const again = await acme.call('putPolicy', { params: { id: 'web' }, body: { policy } })
  assert.deepEqual([again.updated, again.version, again.ledger], [false, 1, null])
  const changed = await acme.call('putPolicy', {
    params: { id: 'web' },
    body: { policy: { ...policy, enabled: false } },
  })
  assert.deepEqual([changed.updated, changed.version], [true, 2])
})

test('a policy with a typing error is refused with what was meant and where it stands', async () => {
  const typo = JSON.stringify({ policy: readFileSync(join(vectors, 'bad/typo.json'), 'utf8') })
  const { status, text, headers: said } = await put('typo', typo)
  assert.equal(status, 422)
  assert.match(said['content-type'] ?? '', /^application\/problem\+json/)
  const problem = JSON.parse(text)
  assert.deepEqual([problem.code, problem.updated, problem.validation.ok], ['POLICY_INVALID', false, false])
  const [first] = problem.validation.problems
  assert.deepEqual([first.path, first.line, first.column, first.value], ['/enabeld', 4, 3, '"enabeld"'])
  assert.match(first.suggestion, /"enabled"/)
  assert.equal((await problemOf(acme.call('getPolicy', { params: { id: 'typo' } }))).status, 404)
})

test('bad input is refused, clearly and cheaply', async () => {
  const rules = (text: string) => `{"policy":{"type":"process","name":"x","rules":${text}}}`
  const rows: [string, string, number, string][] = [
    ['a member twice', rules('[],"rules":[]'), 400, 'REQUEST_INVALID'],
    [
      'a text with a member twice',
      JSON.stringify({ policy: '{"type":"process","type":"file","name":"x","rules":[]}' }),
      422,
      'duplicate_member',
    ],
    [
      'half a megabyte',
      JSON.stringify({ policy: { type: 'process', name: 'x', description: 'x'.repeat(500_000), rules: [] } }),
      422,
      'too_large',
    ],
    ['more than a megabyte', JSON.stringify({ policy: 'x'.repeat(1_200_000) }), 413, 'REQUEST_TOO_LARGE'],
    ['a hundred thousand levels', rules('['.repeat(100_000) + ']'.repeat(100_000)), 413, 'REQUEST_TOO_LARGE'],
    ['ten thousand levels', rules('['.repeat(10_000) + ']'.repeat(10_000)), 400, 'REQUEST_INVALID'],
    ['forty levels', rules('['.repeat(40) + ']'.repeat(40)), 422, 'too_deep'],
    ['a look-alike', '{"policy":{"type":"process","name":"P\\u0430yroll","rules":[]}}', 422, 'look_alike'],
    [
      'lists in a circle',
      `{"policy":${readFileSync(join(vectors, 'bad/cyclic-lists.json'), 'utf8')}}`,
      422,
      'cyclic_list',
    ],
    [
      'contradictory rules',
      `{"policy":${readFileSync(join(vectors, 'bad/contradictory.json'), 'utf8')}}`,
      422,
      'contradiction',
    ],
    ['no policy', '{}', 400, 'REQUEST_INVALID'],
    ['a number', '{"policy":7}', 400, 'REQUEST_INVALID'],
    ['no JSON', '{"policy":', 400, 'REQUEST_INVALID'],
  ]
  for (const [name, body, due, code] of rows) {
    const { status, text } = await put('bad', body)
    assert.equal(status, due, `${name}: ${text.slice(0, 300)}`)
    assert.ok(text.includes(code), `${name}: ${text.slice(0, 300)}`)
    assert.ok(text.length < 50_000, name)
  }
  for (const id of ['Web', 'a%20b', 'a%00', 'dry-run', `a${'b'.repeat(64)}`])
    assert.equal((await put(id, JSON.stringify({ policy: network }))).status, 400, id)
})

test('If-Match: of two who change the same version the second is told what the first did', async () => {
  const shells = (more: object) => ({
    type: 'process',
    name: 'Shells',
    rules: [{ id: 'sh', action: 'deny', executables: ['/bin/sh'] }],
    ...more,
  })
  const create = { 'if-none-match': '*' }
  const first = await acme.call('putPolicy', {
    params: { id: 'shells' },
    body: { policy: shells({}) },
    headers: create,
  })
  const mine = { 'if-match': first.etag }
  await acme.call('putPolicy', {
    params: { id: 'shells' },
    body: { policy: shells({ default: 'deny' }) },
    headers: mine,
  })
  const problem = await problemOf(
    acme.call('putPolicy', { params: { id: 'shells' }, body: { policy: shells({ name: 'Mine' }) }, headers: mine }),
  )
  assert.deepEqual(
    [problem.status, problem.code, problem.title],
    [412, 'POLICY_CHANGED_MEANWHILE', 'Changed meanwhile'],
  )
  assert.deepEqual(problem.changes, [{ sign: '~', text: 'default "allow" -> "deny"' }])
  assert.equal((problem.current as { version: number }).version, 2)
  assert.equal(
    (
      await problemOf(
        acme.call('putPolicy', { params: { id: 'shells' }, body: { policy: shells({}) }, headers: create }),
      )
    ).status,
    412,
  )
  assert.equal((await problemOf(acme.call('deletePolicy', { params: { id: 'shells' }, headers: mine }))).status, 412)
})

test('versions, differences, the signed form, and a deletion', async () => {
  const params = { id: 'web' }
  const all = await acme.call('listPolicyVersions', { params, query: { limit: 1 } })
  assert.deepEqual([all.items.map(({ version }) => version), all.next], [[2], '2'])
  const more = await acme.call('listPolicyVersions', { params, query: { limit: 1, cursor: Number(all.next) } })
  assert.deepEqual([more.items.map(({ version, change }) => [version, change]), more.next], [[[1, 'created']], null])
  const { patch, text } = await acme.call('diffPolicy', { params })
  assert.deepEqual(patch, [{ op: 'replace', path: '/enabled', value: false }])
  assert.deepEqual(text, [{ sign: '~', text: 'enabled true -> false' }])
  const signed = await acme.call('getSignedPolicy', { params, query: { version: 1 } })
  assert.equal(JSON.parse(signed.document ?? '').name, JSON.parse(network).name)
  const { items } = await acme.call('listPolicies', { query: { type: 'network' } })
  assert.deepEqual(
    items.map(({ id, rule_count, enabled }) => [id, rule_count, enabled]),
    [['web', 4, false]],
  )
  const gone = await acme.call('deletePolicy', { params })
  assert.equal(gone.version, 3)
  assert.equal((await problemOf(acme.call('getPolicy', { params }))).code, 'POLICY_UNKNOWN')
  assert.equal((await acme.call('getSignedPolicy', { params })).document, null)
})

test('a policy is tried, sent or there already; whoever waits may ask how far it is', async () => {
  const retention = readFileSync(join(vectors, 'good/retention.json'), 'utf8')
  const report = await acme.call('dryRunPolicy', { body: { policy: retention, days: 1 } })
  assert.deepEqual([report.days, report.stopped], [1, null])
  // The lines about this test's own acts.
  const evidence = report.rules.find(({ rule }) => rule === 'evidence')
  assert.ok((evidence?.effects.keep ?? 0) > 5)
  const there = await acme.call('dryRunPolicy', { body: { id: 'shells', days: 1 } })
  assert.match(there.notices.join(), /No event of the class Process Activity/)
  assert.deepEqual(await acme.call('getDryRun'), { running: null })
  assert.equal((await problemOf(acme.call('dryRunPolicy', { body: { policy: '{}', days: 1 } }))).code, 'POLICY_INVALID')
  assert.equal(
    (await problemOf(acme.call('dryRunPolicy', { body: { id: 'nothing', days: 1 } }))).code,
    'POLICY_UNKNOWN',
  )
  assert.equal(
    (await problemOf(acme.call('dryRunPolicy', { body: { id: 'shells', days: 91 } }))).code,
    'REQUEST_INVALID',
  )
})

test('who may read may not write, and who may write in one tenant does nothing in another', async () => {
  const root = server.root('zeta')
  const made = await root.call('createToken', { body: { name: 'r', actions: ['policy:read'], ttl_seconds: 600 } })
  const reader = server.by(made.token)
  assert.deepEqual((await reader.call('listPolicies')).items, [])
  assert.equal((await problemOf(reader.call('getPolicy', { params: { id: 'shells' } }))).status, 404)
  for (const denied of [
    reader.call('putPolicy', { params: { id: 'shells' }, body: { policy: network } }),
    reader.call('deletePolicy', { params: { id: 'shells' } }),
    reader.call('dryRunPolicy', { body: { id: 'shells', days: 1 } }),
  ])
    assert.equal((await problemOf(denied)).code, 'ACCESS_DENIED')
})
