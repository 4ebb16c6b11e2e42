// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import {
  openNote,
  parseCheckpoint,
  parseLine,
  parseVkey,
  sha256,
  verifyBundle,
  verifyInclusion,
} from '@sealwatch/ledger'
import fc from 'fast-check'
import { dataApp } from '../../../../test/data-app.ts'
import { type DataRoom, openDataRoom, type TestHost } from '../../../../test/data-room.ts'
import { entryOf } from '../../data/entry.ts'
import { ancestryOf, reasonOf } from '../../data/event-detail.ts'
import { eventRoutes } from './events.ts'
import { exportRoutes } from './exports.ts'
import { ledgerRoutes } from './ledger.ts'

let room: DataRoom
let host: TestHost
let app: ReturnType<typeof dataApp>
let leaves: number[]

const shadow: JsonObject = {
  activity_id: 2,
  class_uid: 1001,
  severity_id: 2,
  actor: {
    process: {
      pid: 9,
      uid: '9:1',
      name: 'cat',
      cmd_line: 'cat /etc/shadow',
      created_time: 1_767_225_600_000,
      file: { path: '/usr/bin/cat', name: 'cat' },
      parent_process: { pid: 8, name: 'bash', cmd_line: 'bash -i', user: { uid: '0' } },
      ancestry: [
        { pid: 8, name: 'bash', path: '/usr/bin/bash' },
        { pid: 1, name: 'init' },
      ],
    },
    user: { uid: '0', name: 'alice' },
  },
}

before(async () => {
  room = await openDataRoom(['acme', 'zeta'])
  const { ports } = room
  app = dataApp(room, [...eventRoutes(ports), ...ledgerRoutes(ports), ...exportRoutes(ports)])
  host = await room.host('acme', 'web-1')
  leaves = await host.ship([
    shadow,
    { class_uid: 1007, activity_id: 1, severity_id: 1 },
    { class_uid: 1004, severity_id: 4 },
  ])
  const theirs = await room.host('zeta', 'theirs')
  await theirs.ship([shadow])
})
after(() => room[Symbol.asyncDispose]())

const places = (answer: { json(): { items: { leaf_index: number }[] } }) =>
  answer.json().items.map(({ leaf_index }) => leaf_index)

test('API-1: events come newest first or oldest first, page by page, filtered, and of the own tenant alone', async () => {
  const acme = app('acme', 'event:list')
  const [first, second, third] = leaves as [number, number, number]
  assert.deepEqual(places(await acme.get('/api/v1/events')), [third, second, first])
  assert.deepEqual(places(await acme.get('/api/v1/events?order=oldest&limit=2')), [first, second])
  const { items, next } = (await acme.get('/api/v1/events?limit=2')).json()
  assert.equal(items.length, 2)
  const rest = await acme.get(`/api/v1/events?limit=2&cursor=${next}`)
  assert.deepEqual([places(rest), rest.json().next], [[first], null])
  const filtered = (text: string) => acme.get(`/api/v1/events?filter=${encodeURIComponent(text)}`)
  assert.deepEqual(places(await filtered('severity>=high or activity=launch')), [third, second])
  assert.deepEqual(places(await filtered('text~"ETC/shadow" and host=web-1')), [first])
  assert.deepEqual(places(await filtered('kind=anchor and leaf=0')), [0])
  const times = '/api/v1/events?since=2026-01-01T00:00:01Z&until=2026-01-01T01:00:02%2B01:00'
  assert.deepEqual(places(await acme.get(times)), [second])
  const [item] = items
  assert.deepEqual(Object.keys(item), [
    'leaf_index',
    'leaf_hash',
    'time',
    'kind',
    'source',
    'host',
    'class_uid',
    'activity_id',
    'severity_id',
    'mark',
    'proof',
    'line',
  ])
  assert.deepEqual(item.host, { id: host.id, name: 'web-1' })
})

test('what is asked in another form is told what is wrong, and where', async () => {
  const acme = app('acme', 'event:list')
  const said = async (query: string) => {
    const answer = await acme.get(`/api/v1/events?${query}`)
    assert.equal(answer.statusCode, 400, query)
    return answer.json().problems as { at: string; rule: string }[]
  }
  const ids = `leaf in (${Array.from({ length: 10_000 }, (_, i) => i).join(',')})`
  assert.deepEqual(await said('filter=serverity%3Dhigh'), [
    {
      at: 'query.filter',
      rule: 'expected a field (class, activity, severity, time, kind, leaf, source, host, text), not or a bracket at character 1, received serverity; did you mean severity?',
    },
  ])
  for (const [query, at] of [
    ['cursor=eyJ', 'query.cursor'],
    ['cursor=-1', 'query.cursor'],
    ['limit=501', 'query.limit'],
    ['order=up', 'query.order'],
    ['since=yesterday', 'query.since'],
    ['until=2026-02-30T00:00:00Z', 'query.until'],
    ['reveal=yes', 'query.reveal'],
    ['sort=time', 'query'],
    [`filter=${encodeURIComponent(ids.slice(0, 5_000))}`, 'query.filter'],
  ] as const)
    assert.equal((await said(query))[0]?.at, at, query)
})

test('personal values are shown to whoever asks for them and may', async () => {
  const [leaf] = leaves as [number]
  const url = `/api/v1/events/${leaf}`
  const reader = app('acme', 'event:list')
  const revealer = app('acme', 'event:list', 'event:reveal')
  assert.equal((await reader.get(url)).json().personal, undefined)
  assert.equal((await revealer.get(url)).json().personal, undefined, 'nobody asked')
  assert.equal((await reader.get(`${url}?reveal=true`)).statusCode, 403)
  assert.equal((await reader.get('/api/v1/events?reveal=true')).statusCode, 403)
  const { line, personal } = (await revealer.get(`${url}?reveal=true`)).json()
  assert.equal(personal['/event/actor/user/name'].value, 'alice')
  assert.match(line.event.actor.user.name, /^commit:/)
  const listed = (await revealer.get('/api/v1/events?reveal=true&order=oldest&limit=1')).json()
  assert.equal(listed.items[0].personal['/event/actor/user/name'].value, 'alice')
  assert.deepEqual(room.revealed, [`acme: line ${leaf}`, `acme: 1 lines, ${leaf} to ${leaf}`])
})

test('an alert says why it is one, what it comes from, and shows the values of its evidence', async () => {
  const [leaf] = leaves as [number]
  const { line } = (await app('acme', 'event:list').get(`/api/v1/events/${leaf}`)).json()
  const reasons = [{ selection: 's', field: 'TargetFilename', attribute: '/event/file/path', value: '/etc/shadow' }]
  const finding: JsonObject = {
    class_uid: 2004,
    activity_id: 1,
    severity_id: 4,
    metadata: { uid: 'f-1' },
    actor: line.event.actor,
    finding_info: {
      uid: 'f-1',
      title: 'Shadow was read',
      desc: 'Somebody read it',
      analytic: { uid: 'rule-1', name: 'Shadow was read', version: '2' },
      attacks: [{ technique: { uid: 'T1003', name: 'Dumping' }, sub_technique: { uid: 'T1003.008' } }, {}],
      src_url: 'https://example.org',
    },
    evidences: [{ data: { reasons } }],
    unmapped: { leaves: [{ leaf_index: leaf, leaf_hash: 'ab', chain: line.chain }], falsepositives: ['backups'] },
  }
  const own = await room.say('acme', finding)
  await host.ship([{ ...finding, metadata: { uid: 'claimed' } }])
  const alerts = (await app('acme', 'alert:list').get('/api/v1/alerts')).json()
  assert.deepEqual(places({ json: () => alerts }), [own], 'a host may claim findings, it cannot make them')
  assert.deepEqual(alerts.items[0].host, { id: host.id, name: 'web-1' })
  const revealer = app('acme', 'event:list', 'event:reveal')
  const told = (await revealer.get(`/api/v1/events/${own}?reveal=true`)).json()
  assert.deepEqual(told.reason, {
    rule_id: 'rule-1',
    name: 'Shadow was read',
    description: 'Somebody read it',
    version: '2',
    reference: 'https://example.org',
    techniques: [{ id: 'T1003.008', name: null }],
    false_positives: ['backups'],
    matched: reasons,
    evidence: [{ leaf_index: leaf, leaf_hash: 'ab' }],
  })
  assert.deepEqual(
    told.ancestry.map(({ name, path, cmd_line }: Record<string, unknown>) => [name, path, cmd_line]),
    [
      ['cat', '/usr/bin/cat', 'cat /etc/shadow'],
      ['bash', '/usr/bin/bash', 'bash -i'],
      ['init', null, null],
    ],
  )
  assert.equal(told.personal['/event/actor/user/name'].value, 'alice')
  assert.equal((await revealer.get(`/api/v1/events/${leaf}`)).json().reason, null)
})

test('whatever a host has sealed, its line is told', async () => {
  const host = { id: 'h', name: 'n' }
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.jsonValue({ maxDepth: 3 }), (one, two) => {
      const shapes = [
        one,
        { actor: one, finding_info: two, class_uid: 2004 },
        { actor: { process: one }, evidences: [two], class_uid: 2004, unmapped: two },
      ]
      for (const event of shapes) {
        const line = Buffer.from(
          JSON.stringify({ chain: 'c', epoch: 0, event, seq: 0, time: '2026-01-01T00:00:00.000000000Z' }),
        )
        const entry = entryOf({ chain: 'c' }, { index: 0, line }, () => host)
        assert.ok(Array.isArray(ancestryOf(entry)))
        assert.equal(reasonOf(entry) === undefined, entry.classUid !== 2004)
        assert.ok(entry.hosts().length <= 2 && entry.text().length > 0)
      }
    }),
  )
})

test('LOG-7: the proof of a line leads to the pinned key, without us', async () => {
  const [leaf] = leaves as [number]
  const acme = app('acme', 'event:list', 'ledger:read')
  const inclusionOf = async () => (await acme.get(`/api/v1/events/${leaf}`)).json().inclusion
  assert.equal((await inclusionOf()).state, 'durable')
  await room.ledgers.seal()
  const signed = await inclusionOf()
  assert.deepEqual([signed.state, signed.published], ['signed', null])
  await room.ledgers.publish(0)
  const { state, leaf_hash, checkpoint, published } = await inclusionOf()
  assert.equal(state, 'published')
  const hash = (hex: string) => Uint8Array.fromHex(hex)
  const included = (of: Uint8Array, index: number, size: number, path: string[], root: Uint8Array) =>
    verifyInclusion(sha256, { leaf: of, index, size, root }, path.map(hash))
  const { vkey, published: known } = (await acme.get('/api/v1/ledger')).json()
  assert.equal(vkey, room.ledgers.vkey)

  // From the line to the tenant's root, from the line that names that root to the root checkpoint, and to its signature.
  const { root, size, head, root_checkpoint } = published
  included(hash(leaf_hash), leaf, size, published.path, hash(root))
  const parsed = parseLine(sha256, Buffer.from(head.line), 'testing')
  assert.ok('tenant_head' in parsed.line)
  assert.deepEqual([parsed.line.tenant_head.size, parsed.line.tenant_head.root], [size, root])
  const { text } = openNote(root_checkpoint.note, [parseVkey(sha256, vkey)], verifyEd25519, 'testing')
  const top = parseCheckpoint(text, 'testing')
  assert.equal(top.size, root_checkpoint.size)
  included(parsed.hash, head.leaf_index, top.size, head.path, top.root)
  assert.deepEqual([known.size, known.root_checkpoint.note], [size, root_checkpoint.note])
  assert.equal(root_checkpoint.quorum, 'none')
  assert.ok(root_checkpoint.countersigned.key_ids.length > 0)

  included(hash(leaf_hash), leaf, checkpoint.size, checkpoint.path, hash(checkpoint.root))
  const newest = parseCheckpoint(`${checkpoint.note.split('\n\n')[0]}\n`, 'testing')
  assert.deepEqual([newest.size, newest.root.toHex()], [checkpoint.size, checkpoint.root])
  const plain = await acme.get('/api/v1/ledger/checkpoint')
  assert.deepEqual([plain.headers['content-type'], plain.body], ['text/plain; charset=utf-8', checkpoint.note])
})

test("what is not there, and what is another tenant's, is not found", async () => {
  const acme = app('acme', 'event:list')
  const { size } = room.ledgers.get('acme')
  for (const leaf of [size, size + 5, Number.MAX_SAFE_INTEGER]) {
    const answer = await acme.get(`/api/v1/events/${leaf}`)
    assert.deepEqual([answer.statusCode, answer.json().code], [404, 'OBJECT_UNKNOWN'])
  }
  for (const leaf of ['-1', '1.5', 'x', '1e3x'])
    assert.equal((await acme.get(`/api/v1/events/${leaf}`)).statusCode, 400)
})

test('an export is told to the ledger, streams a bundle that verifies, and holds personal values only for who may', async () => {
  const exporter = app('acme', 'event:export')
  const [leaf] = leaves as [number]
  room.exported.length = 0
  const verified = async (body: object, by = exporter) => {
    const answer = await by.post('/api/v1/exports', body)
    assert.equal(answer.statusCode, 200, answer.body)
    assert.equal(answer.headers['content-type'], 'application/x-ndjson')
    assert.match(
      String(answer.headers['content-disposition']),
      /^attachment; filename="sealwatch-acme-\d{8}T\d{6}Z\.bundle"$/,
    )
    async function* bytes() {
      yield answer.rawPayload
    }
    return verifyBundle(bytes(), { sha256, verify: verifyEd25519, trust: [room.ledgers.vkey] })
  }
  const all = await verified({ what: { all: true } })
  assert.deepEqual([all.problem, all.complete, all.revealed], [undefined, true, 0])
  assert.equal((await verified({ what: { leaf } })).problem, undefined)
  assert.equal((await verified({ what: { since: '2026-01-01T00:00:02Z' } })).problem, undefined)
  assert.equal((await verified({ what: { alert: 'f-1' } })).problem, undefined)
  assert.equal((await exporter.post('/api/v1/exports', { what: { all: true }, reveal: true })).statusCode, 403)
  const open = await verified({ what: { all: true }, reveal: true }, app('acme', 'event:export', 'event:reveal'))
  assert.deepEqual([open.problem, open.revealed], [undefined, 3])
  for (const what of [{ alert: 'none' }, { leaf: 10 ** 9 }, { since: '2099-01-01T00:00:00Z' }]) {
    const answer = await exporter.post('/api/v1/exports', { what })
    assert.deepEqual([answer.statusCode, answer.json().code], [404, 'API_NOT_FOUND'])
  }
  for (const body of [{}, { what: {} }, { what: { all: true, leaf: 1 } }, { what: { all: false } }])
    assert.equal((await exporter.post('/api/v1/exports', body)).statusCode, 400)
  assert.equal(room.exported.length, 8)
})
