// SPDX-License-Identifier: Apache-2.0
// POL-1, LOG-8: a tenant tries to reach another, by every route, parameter and role there is. What it is answered about the
// other's objects must be what it is answered about objects that nobody has.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { ApiClient } from '@sealwatch/contract/api'
import { certificateRequest, generateSigner, newTlsKey } from '@sealwatch/keys'
import { eventually } from '../system/platform.ts'
import { joinHost, type TestHost } from './host.ts'
import { type Asked, startServer, type TestServer } from './server.ts'

type Parameter = { readonly name: string; readonly in: string; readonly required: boolean }
type Operation = {
  readonly operationId: string
  readonly description: string
  readonly 'x-action'?: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: unknown
}
type Row = { readonly method: string; readonly path: string; readonly operation: Operation }

/** Words that stand in the other tenant's objects alone. */
const marks = [
  'zeta',
  'theirrole',
  'their token',
  'usr_theirs',
  'theirpolicy',
  'theirservice',
  'theirgroup',
  'theirincident',
  'theirvault',
  'theirreason',
  'theirroute',
] as const

let server: TestServer
let host: TestHost
let forger: TestHost
let rows: readonly Row[]
/** For each parameter of a path: what the other tenant has, and what nobody has, of one form. */
let samples: Readonly<Record<string, { readonly theirs: string; readonly nobodys: string }>>
/** What an attacker may be: every role of its own tenant, as a token of the same actions. */
const attackers = new Map<string, string>()

before(async () => {
  server = await startServer()
  for (const name of ['acme', 'zeta']) await server.root('cluster').call('createTenant', { body: { name } })
  const document = JSON.parse((await server.send({ method: 'GET', path: '/api/v1/openapi.json' })).text) as {
    paths: Record<string, Record<string, Operation>>
  }
  rows = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
  const theirs = server.root('zeta')
  await theirs.call('putRole', { params: { name: 'theirrole' }, body: { actions: ['alert:list'] } })
  await theirs.call('grantRole', { params: { person_id: 'usr_theirs', role: 'custom/theirrole' } })
  const rules = [{ id: 'theirs', action: 'deny', executables: ['/bin/sh'] }]
  const policy = { type: 'process', name: 'of zeta alone', rules }
  await theirs.call('putPolicy', { params: { id: 'theirpolicy' }, body: { policy } })
  await theirs.call('setHostGroupConfig', { params: { group: 'theirgroup' }, body: { config: {}, cause: 'zeta' } })
  const until = new Date(Date.now() + 3_600_000).toISOString()
  const lets = { group: 'theirgroup', exe: '/usr/bin/gdb', target: 'theirvault', until, cause: 'zeta' }
  const { allowance } = await theirs.call('giveAllowance', { body: lets })
  await theirs.call('addProducer', { body: { producer: 'theirservice' } })
  const { run } = await theirs.call('beginDrill', { body: { drill: 'key-compromise' } })
  await theirs.call('addSigningKey', {
    params: { producer: 'theirservice' },
    body: { key_id: 'their-key/2026', algorithm: 'ed25519', public_key: generateSigner().publicKey.toBase64() },
  })
  const signer = server.by(
    (await theirs.call('createToken', { body: { name: 'signs off', actions: ['signoff:write'], ttl_seconds: 3600 } }))
      .token,
  )
  const { signoff } = await signer.call('addSignoff', {
    body: { name: 'zeta.signoff', checklist: { digest: '0a'.repeat(32) }, commit: '0b'.repeat(20) },
  })
  const certified = await theirs.call('certifyProducer', {
    params: { producer: 'theirservice' },
    body: { request: requestPem() },
  })
  const token = await theirs.call('createToken', {
    body: { name: 'their token', actions: ['alert:list'], ttl_seconds: 3600 },
  })
  host = await joinHost(server, 'zeta', 'host-of-zeta')
  // So many lines that none of ours will stand where their last one does.
  for (let n = 0; n < 400; n += 1) host.see({ class_uid: 1007, n, message: 'seen by zeta' })
  const attempt = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../vectors/events/guard-incident-opened.json'), 'utf8'),
  )
  attempt.unmapped.guard_incident = {
    ...attempt.unmapped.guard_incident,
    incident: 'inc_theirs',
    name: 'theirincident',
  }
  host.see(attempt)
  const seen = async () =>
    (await theirs.call('listEvents', { query: { filter: 'class=process', limit: 400 } })).items[399]
  await eventually('what zeta saw', seen)
  // It signs by another key than its own: what it sends is kept aside.
  forger = await joinHost(server, 'zeta', 'forger-of-zeta', ({ keyId }) => ({ ...generateSigner(), keyId }))
  forger.see({ class_uid: 1007, message: 'kept aside of zeta' })
  const waiting = async () => (await theirs.call('listQuarantine', { query: { state: 'waiting', limit: 1 } })).items[0]
  const aside = await eventually('what is kept aside', waiting)
  await theirs.call('invitePerson', { body: { name: 'their guest', role: 'viewer' } })
  const [invitation] = (await theirs.call('listInvitations')).items
  assert.ok(invitation)
  const { size } = await theirs.call('getLedger')
  const { channel } = await theirs.call('createNotificationChannel', {
    body: { name: 'of zeta', target: 'https://zeta.example/' },
  })
  // The ledger is told of those that are about to end.
  const farAhead = new Date(Date.now() + 60 * 86_400_000).toISOString()
  const { exception } = await theirs.call('addRuleException', {
    body: {
      tag: 'attack.t1003.008',
      selection: null,
      reason: 'theirreason',
      expires_at: farAhead,
    },
  })
  await theirs.call('addThreatException', {
    body: { detector: 'rules', route: '/theirroute', reason: 'x', expires_at: farAhead },
  })
  samples = {
    tenant_name: { theirs: 'zeta', nobodys: 'unheard-of' },
    exception_id: { theirs: exception.exception_id, nobodys: 'exc_00000000000000000000' },
    // Rules are the deployment's: of each tenant alone is how often they fired.
    rule_id: { theirs: '11111111-1111-1111-1111-111111111111', nobodys: '22222222-2222-2222-2222-222222222222' },
    leaf_index: { theirs: String(aside.leaf_index), nobodys: String(10 * size) },
    leaf: { theirs: String(size - 1), nobodys: String(10 * size) },
    group: { theirs: 'theirgroup', nobodys: 'nobodysgroup' },
    host_id: { theirs: host.hostId, nobodys: '0'.repeat(32) },
    person_id: { theirs: 'usr_theirs', nobodys: 'usr_nobody' },
    role: { theirs: 'custom/theirrole', nobodys: 'custom/nobodys' },
    name: { theirs: 'theirrole', nobodys: 'nobodys' },
    run: { theirs: run, nobodys: '00000000-0000-4000-8000-000000000000' },
    token_id: { theirs: token.info.token_id, nobodys: `tok_${'0'.repeat(20)}` },
    invitation_id: { theirs: invitation.id, nobodys: '0'.repeat(12) },
    id: { theirs: 'theirpolicy', nobodys: 'nothing' },
    allowance: { theirs: allowance.id, nobodys: 'alw_000000000000' },
    incident: { theirs: 'inc_theirs', nobodys: 'inc_nobodys' },
    producer: { theirs: 'theirservice', nobodys: 'unheard-service' },
    signoff: { theirs: signoff.id, nobodys: '5c'.repeat(32) },
    key_id: { theirs: 'their-key/2026', nobodys: 'unheard-key' },
    channel_id: { theirs: channel.channel_id, nobodys: `ntf_${'0'.repeat(20)}` },
    certificate_id: { theirs: certified.certificate.certificate_id, nobodys: `crt_${'0'.repeat(20)}` },
  }
  const ours = server.root('acme')
  const { items, grantable_actions } = await ours.call('listRoles')
  for (const role of [...items, { name: 'everything', actions: grantable_actions }]) {
    const actions = role.actions.filter((action) => action !== 'rows:write')
    const body = { name: `as ${role.name}`, actions, ttl_seconds: 3600 }
    attackers.set(role.name, (await ours.call('createToken', { body })).token)
  }
  // What brings rows of a service has that alone.
  await ours.call('addProducer', { body: { producer: 'ourservice' } })
  const body = { name: 'as a service', actions: ['rows:write'], service: 'ourservice', ttl_seconds: 3600 }
  attackers.set('a service', (await ours.call('createToken', { body })).token)
})
after(async () => {
  await forger[Symbol.asyncDispose]()
  await host[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const requestPem = () =>
  `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(certificateRequest(newTlsKey())).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`

/** All that a tenant's reading routes tell root of it. */
async function stateOf(tenant: string): Promise<string> {
  const root = server.root(tenant) as ApiClient & { call(id: string): Promise<unknown> }
  const read = rows.filter(
    ({ method, path, operation }) =>
      method === 'GET' &&
      !path.includes('{') &&
      /in the tenant\.$/.test(operation.description) &&
      // How far it is proven goes on by itself.
      !['getLedger', 'getCheckpoint'].includes(operation.operationId),
  )
  const told: string[] = []
  for (const { operation } of read)
    told.push(JSON.stringify(await root.call(operation.operationId as never).catch(String)))
  return told.join('\n').replaceAll(/req_[0-9a-f]+|"(last_used_at|proof|since|heard_at)":"[^"]*"/g, '')
}

function filled(path: string, which: 'theirs' | 'nobodys'): string {
  return path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => {
    const sample = samples[name]
    assert.ok(sample !== undefined, `the walk knows no sample of the parameter ${name}: add one of the other tenant`)
    return encodeURIComponent(sample[which])
  })
}

/** An answer without what differs between any two requests, and without what was asked for. */
function plain({ status, text, headers }: Asked): unknown {
  let body = text.replaceAll(/req_[0-9a-f]+/g, '')
  // The number of a leaf may stand in an id by chance: the longest go first.
  const asked = Object.values(samples).flatMap(({ theirs, nobodys }) => [theirs, nobodys])
  for (const name of asked.toSorted((a, b) => b.length - a.length)) body = body.replaceAll(name, '?')
  body = body.replaceAll(/"leaf_index":\d+/g, '')
  const names = Object.keys(headers).filter((name) => !['date', 'content-length', 'x-request-id'].includes(name))
  return { status, body, names }
}

const bodies = [
  {},
  { actions: ['alert:list'] },
  { name: 'x', actions: ['alert:list'], ttl_seconds: 60 },
  { tenant: 'zeta' },
]

test('what the other tenant has, and what nobody has, are one to an attacker, whatever its role', async (t) => {
  const before = await stateOf('zeta')
  assert.ok(
    marks.slice(1).every((mark) => before.includes(mark)),
    'root sees what is to be found',
  )
  // What they write under the other's names is theirs then, and is found: so all read first.
  for (const writes of [false, true])
    for (const [role, token] of attackers)
      await t.test(`${role} ${writes ? 'writes' : 'reads'}`, () => walk(role, token, writes))
  assert.equal(await stateOf('zeta'), before, 'nothing of the other tenant has changed')
})

async function walk(role: string, token: string, writes: boolean): Promise<void> {
  const headers = { authorization: `Bearer ${token}` }
  for (const { method, path, operation } of rows) {
    if (operation['x-action'] === undefined || (method !== 'GET') !== writes) continue
    for (const body of operation.requestBody === undefined ? [undefined] : bodies) {
      const ask = (which: 'theirs' | 'nobodys') =>
        server.send({
          method,
          path: filled(path, which),
          ...(body === undefined
            ? { headers }
            : { headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) }),
        })
      const theirs = await ask('theirs')
      const said = `${role}: ${method} ${path} -> ${theirs.status} ${theirs.text.slice(0, 200)}`
      assert.ok(theirs.status !== 500, said)
      if (path.includes('{')) assert.deepEqual(plain(theirs), plain(await ask('nobodys')), said)
      for (const mark of writes ? [] : marks)
        assert.ok(
          !theirs.text.includes(mark) ||
            filled(path, 'theirs').includes(encodeURIComponent(mark)) ||
            JSON.stringify(body ?? '').includes(mark),
          `${mark} in ${said}`,
        )
    }
  }
}

test('naming the other tenant, or one that is not there, is one', async () => {
  const token = attackers.get('everything') as string
  for (const { method, path, operation } of rows) {
    if (operation['x-action'] === undefined) continue
    const ask = async (tenant: string) =>
      plain(
        await server.send({
          method,
          path: filled(path, 'theirs'),
          headers: { authorization: `Bearer ${token}`, 'sealwatch-tenant': tenant },
        }),
      ) as { status: number; body: string }
    const [theirs, nobodys] = [await ask('zeta'), await ask('zero')]
    assert.equal(theirs.status, nobodys.status)
    assert.equal(theirs.body, nobodys.body.replaceAll('zero', '?'))
    assert.ok(theirs.status >= 400, `${method} ${path}`)
  }
})

test('no filter, order, cursor or limit leads over the border', async () => {
  const token = attackers.get('everything') as string
  const tries = [
    'tenant=zeta',
    'filter=tenant=zeta',
    'cursor=zeta',
    "cursor=' OR 1=1 --",
    'sort=tenant',
    'limit=100000',
    'filter=*',
    'tenant[]=zeta',
    'cursor=eyJ0ZW5hbnQiOiJ6ZXRhIn0',
    'fields=tenant',
  ]
  for (const { method, path, operation } of rows) {
    if (method !== 'GET' || operation['x-action'] === undefined) continue
    for (const query of tries) {
      const answer = await server.send({
        method,
        path: `${filled(path, 'nobodys')}?${encodeURI(query)}`,
        headers: { authorization: `Bearer ${token}` },
      })
      assert.ok(answer.status !== 500, `${path}?${query}: ${answer.text}`)
      const shown = answer.text.replaceAll(query, '').replaceAll(/received[^"]*"/g, '')
      for (const mark of marks)
        assert.ok(!shown.includes(mark) || query.includes(mark), `${mark} in ${path}?${query}: ${answer.text}`)
    }
  }
})

test("the log names no secret, and what is denied is in the ledger of the attacker's tenant alone", async () => {
  const said = server.log.join('\n')
  for (const token of attackers.values()) assert.ok(!said.includes(token.slice(4, 40)), 'a token in the log')
  assert.ok(!said.includes('their token'))
})
