// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import type { Json } from '@sealwatch/base/json'
import { buildFinding, EntrySchema, type EventBase, type OcsfProcess } from '@sealwatch/contract'
import fc from 'fast-check'
import { testIo } from '../../test/test-io.ts'
import type { Io } from '../io.ts'
import { type Place, placeOf } from '../place.ts'
import { type AlertGroup, createAlertGroups } from './alert-groups.ts'
import { type ReadEntry, readEntry } from './entry.ts'
import { eventLeafOf } from './next-steps.ts'
import { renderAlert, renderEvent } from './render.ts'

const vectors = join(import.meta.dirname, '../../../../vectors/events')
const vector = (name: string) => JSON.parse(readFileSync(join(vectors, `${name}.json`), 'utf8')) as EventBase

const commitment = `commit:${'0'.repeat(64)}`

function entryOf(event: unknown, side: object = {}, leafIndex = 7n) {
  const line = { chain: 'c'.repeat(32), seq: 3, time: '2026-01-01T00:00:00.000000000Z', event }
  const encode = (value: object) => Buffer.from(JSON.stringify(value))
  return create(EntrySchema, {
    tenant: 'default',
    leafIndex,
    line: encode(line),
    side: Object.keys(side).length === 0 ? Buffer.of() : encode(side),
  })
}

const finding = (event: EventBase) =>
  buildFinding({
    uid: 'finding-1',
    rule: {
      id: 'r1',
      title: 'Read of a password file by an unexpected program',
      severity: 'high',
      attacks: [
        { technique: { uid: 'T1003' }, sub_technique: { uid: 'T1003.008', name: '/etc/passwd and /etc/shadow' } },
      ],
      falsepositives: [],
    },
    event,
    leaf: { tenant: 'default', chain: 'c'.repeat(32), seq: 1, leaf_index: 6, leaf_hash: 'f'.repeat(64) },
    reasons: [],
    createdMs: Date.UTC(2026, 0, 1, 8),
  })

const shownAlert = (entry: ReadEntry, ...rest: [Io, Place]) =>
  renderAlert({ first: entry, last: entry, times: 1 }, ...rest)

describe('entries', () => {
  test('who did an act stands beside it; what a host saw names its actor itself', () => {
    const act = {
      time: Date.UTC(2026, 0, 1),
      severity: 'Medium',
      class_name: 'Entity Management',
      activity_name: 'Create',
      message: 'the tenant acme was created',
      actor: { app_name: 'sealwatch-server', user: { uid: 'operator:root\u001b' } },
    }
    const shown = (event: object) => renderEvent(readEntry(entryOf(event)), testIo())
    assert.match(shown(act), /the tenant acme was created {2}by operator:root\\x1b {2}leaf 7$/m)
    assert.doesNotMatch(shown({ ...act, actor: { user: { uid: '0' } } }), / by /)
  })

  test('LOG-1 of an event that came in within the span that was asked for and says another time that is said', () => {
    const span = { sinceMs: 1000, untilMs: 2000 }
    const shown = (time: number) => renderEvent(readEntry(entryOf({ ...vector('file-read'), time })), testIo(), span)
    const came = [999, 1000, 1999, 2000].map((time) => /leaf 7(.*)\n/.exec(shown(time))?.[1])
    assert.deepEqual(came, ['  came in later', '', '', '  came in earlier'])
  })

  test('an entry is the OCSF event with its personal values and where its proof is', () => {
    const event = { actor: { user: { name: commitment, uid: '0' } }, unmapped: { site: 'exec' } }
    const { event: read } = readEntry(entryOf(event, { '/event/actor/user/name': { salt: '00', value: 'root' } }))
    assert.deepEqual(read, {
      actor: { user: { name: 'root', uid: '0' } },
      unmapped: {
        site: 'exec',
        ledger: {
          tenant: 'default',
          leaf_index: 7,
          chain: 'c'.repeat(32),
          seq: 3,
          time: '2026-01-01T00:00:00.000000000Z',
        },
      },
    })
  })

  test('an alert says what, who, from where, on what, and how to prove it', () => {
    const text = shownAlert(readEntry(entryOf(finding(vector('memory-read-vm')))), testIo(), placeOf("/a b/it's"))
    assert.match(text, /High +Read of a password file by an unexpected program +T1003\.008/)
    assert.match(text, /who +\/root\/tracer \(pid 1300, uid 0/)
    assert.match(text, /ancestry +systemd -> bash -> tracer/)
    assert.match(text, /object +\/usr\/sbin\/keyservice \(pid 900\)/)
    assert.match(
      text,
      /leaf 7 of default: sudo \.\/sealwatch audit export --alert finding-1 -o alert\.bundle --data '\/a b\/it'\\''s'/,
    )
  })

  const threat = (data: object = {}) => ({
    ...{ class_uid: 2004, time: Date.UTC(2026, 0, 1), severity: 'Critical', message: 'An attack on a service' },
    actor: { app_name: 'sealwatch-server', user: { uid: 'token:tok_1' } },
    metadata: { event_code: 'request_threat' },
    finding_info: { uid: 'u1', title: 'An attack on a service: sql injection', first_seen_time: Date.UTC(2026, 0, 1) },
    evidences: [
      {
        data: {
          ...{ method: 'GET', route: '/search', type: 'sql_injection', score: 97, confidence: 0.97 },
          ...{ recommended_action: 'block', action: 'observe' },
          reasons: [
            {
              ...{ detector: 'rules', id: '942100', what: 'rule 942100: SQL injection', where: 'ARGS_GET:q' },
              ...{ matched: "#' OR #=#", weight: 5.4 },
            },
            { detector: 'model', what: 'written like an attack', weight: 3 },
          ],
          ...data,
        },
      },
    ],
  })

  test('DET-3 the alert of a request says which route, of what kind, how sure, why, who asked, and what can be done', () => {
    const entry = { ...readEntry(entryOf(threat())), tenant: 'acme' }
    assert.deepEqual(shownAlert(entry, testIo(), placeOf('/x')).split('\n').slice(1), [
      '    by        token:tok_1; who sent the request the ledger is not told',
      '    route     GET /search',
      '    verdict   sql injection, score 97 of 100, confidence 0.97: block; the service was told to observe',
      "    because   rules:942100 +5.4 rule 942100: SQL injection in ARGS_GET:q: #' OR #=#; and 1 more (--json)",
      '    harmless  sudo ./sealwatch detect feedback 7 false-alarm --tenant acme --data /x',
      "    except    sudo ./sealwatch detect except add 'rules:942100' --route /search --method GET --where 'ARGS_GET:q' --until 30d --because WHY --tenant acme --data /x",
      '    proof     leaf 7 of acme: sudo ./sealwatch audit export --alert u1 -o alert.bundle --tenant acme --data /x',
      '',
    ])
  })

  test('DET-3 of a request of which the service told no route no exception is put forward, nor by what is redacted', () => {
    const shown = (data: object) => shownAlert(readEntry(entryOf(threat(data))), testIo(), placeOf('/x'))
    const unnamed = shown({ route: undefined })
    assert.match(unnamed, /route +GET of which the service told no name\n/)
    assert.doesNotMatch(unnamed, /except add/)
    assert.doesNotMatch(shown({ route: '/search*' }), /except add/)
    const reasons = [{ detector: 'model', what: 'x', where: 'ARGS_GET:s…', weight: 5 }]
    assert.match(shown({ reasons }), /except add model --route \/search --method GET --until 30d/)
    assert.match(shown({ reasons: 1, score: null, type: [] }), /verdict +\[\], score null of 100/)
  })

  test('DET-3 an alert of a rule says how the rule explains itself, by the number that the alert has', () => {
    const text = shownAlert(readEntry(entryOf(finding(vector('file-read')))), testIo(), placeOf('/x'))
    assert.match(text, /why +sudo \.\/sealwatch rules explain r1 --event 7 --data \/x\n/)
    const two = finding(vector('file-read'))
    const together = { ...two, unmapped: { leaves: [...two.unmapped.leaves, ...two.unmapped.leaves] } }
    assert.doesNotMatch(shownAlert(readEntry(entryOf(together)), testIo(), placeOf('/x')), /rules explain/)
    assert.deepEqual(
      [eventLeafOf(two as unknown as Json), eventLeafOf(vector('file-read') as unknown as Json)],
      [6, undefined],
    )
  })

  test('of a process of which nothing but its pid is known an alert says that it is gone', () => {
    const { actor, ...event } = vector('file-delete') as EventBase & { actor: object }
    const nobody = { ...event, actor: { ...actor, user: { uid: '4294967295' } } } as EventBase
    const text = shownAlert(readEntry(entryOf(finding(nobody))), testIo(), placeOf('/x'))
    assert.match(text, /who +a process that is gone \(pid 1700\)$/m)
  })

  test('an event is one line, whatever stands in it', () => {
    const event = { ...vector('process-launch'), message: 'a\nb\x1b[2J', class_name: 'x\r' }
    const text = renderEvent(readEntry(entryOf(event)), testIo())
    assert.equal(text.split('\n').length, 2)
    assert.ok(text.includes('a\\nb\\x1b[2J'))
    assert.ok(!text.includes('\x1b'))
  })

  test('AGT-1 lines that changed are shown by sign, and by colour where there is any, with nothing raw', () => {
    const event = { ...vector('file-write'), unmapped: { diff: '@@ -1,1 +1,1 @@\n-a\x1b[2J\n+\u202eb' } }
    const entry = readEntry(entryOf(event))
    const [, ...plain] = renderEvent(entry, testIo()).split('\n')
    assert.deepEqual(plain, ['    @@ -1,1 +1,1 @@', '    -a\\x1b[2J', '    +\\u{202e}b', ''])
    const coloured = renderEvent(entry, { ...testIo(), color: true })
    assert.ok(coloured.includes('\x1b[31m-a') && coloured.includes('\x1b[32m+'))
    assert.ok(!coloured.includes('\x1b[2J') && !coloured.includes('\u202e'))
  })

  test('what is the same for rule, actor and object is one alert within ten minutes, with how often', () => {
    const base = finding(vector('file-read'))
    const { process } = base.actor as { process: OcsfProcess }
    const minute = 60_000
    const at = (leaf: number, minutes: number, change: object = {}) =>
      readEntry(entryOf({ ...base, time: base.time + minutes * minute, ...change }, {}, BigInt(leaf)))
    const groups = createAlertGroups()
    const elsewhere = { device: { ...base.device, uid: 'other' } }
    // The next process of a loop: another pid, the same program, started by the same process.
    const next = { actor: { ...base.actor, process: { ...process, pid: 77, uid: '77:1' } } }
    const other = { evidences: [{ file: { path: '/etc/gshadow' } }] }
    const entries = [at(1, 0), at(2, 0, elsewhere), at(3, 1, next), at(4, 2, other), at(5, 10), at(6, 10.5)]
    const closed = entries.flatMap((entry) => groups.take(entry).closed)
    const told = [...closed, ...groups.rest()].map(({ first, last, times }) => [first.leafIndex, last.leafIndex, times])
    assert.deepEqual(told, [
      [1, 5, 3],
      [2, 2, 1],
      [4, 4, 1],
      [6, 6, 1],
    ])
    const [group] = closed
    assert.match(
      renderAlert(group as AlertGroup, testIo(), placeOf('/x')),
      /again +3 times until .*, the last: .*cat.* \(leaf 5\)\n/,
    )
  })

  test('an alert made of hostile text shows none of it raw', () => {
    const base = finding(vector('file-read'))
    const hostile = JSON.parse(
      JSON.stringify(base).replaceAll('/etc/shadow', '\\u001b]0;x\\u0007').replaceAll('cat', '\\u202etac'),
    )
    const text = shownAlert(readEntry(entryOf(hostile)), testIo(), placeOf(undefined))
    assert.ok(!text.includes('\x1b') && !text.includes('\u202e') && !text.includes('\x07'))
  })

  test('what a hostile host sealed as an event is shown, marked as malformed, and changed nowhere', () => {
    const event = { class_name: 'Process Activity', message: 42, time: 1e300, unmapped: 'mine' }
    const entry = readEntry(entryOf(event))
    assert.deepEqual(entry.event, event)
    assert.match(
      renderEvent(entry, testIo()),
      /Process Activity: \? +42 {2}leaf 7 {2}malformed event by chain c{32}\n$/,
    )
    const alert = shownAlert(entry, testIo(), placeOf(undefined))
    assert.match(alert, /malformed event by chain c{32}\n.*leaf 7 of default\n$/s)
    const [whole, found] = [vector('process-launch'), finding(vector('file-read'))].map((of) => readEntry(entryOf(of)))
    assert.ok(whole && found)
    const shown = renderEvent(whole, testIo()) + shownAlert(found, testIo(), placeOf(undefined))
    assert.ok(!shown.includes('malformed'))
  })

  test('what an alert says to paste into a shell is one command', () => {
    const sound = finding(vector('file-read'))
    const hostile = { ...sound, finding_info: { ...sound.finding_info, uid: 'x; reboot' } }
    assert.match(shownAlert(readEntry(entryOf(hostile)), testIo(), placeOf(undefined)), /--alert 'x; reboot' -o/)
  })

  test('no JSON stops a listing', () => {
    const told = [finding(vector('memory-read-vm')), finding(vector('file-read')), threat()]
    const sound = fc.constantFrom(...told) as fc.Arbitrary<Json>
    const bent = fc.tuple(
      sound,
      fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
      fc.jsonValue() as fc.Arbitrary<Json>,
    )
    const events = fc.oneof(
      fc.jsonValue(),
      bent.map(([event, path, value]) => bend(event, path, value)),
    )
    fc.assert(
      fc.property(events, (event) => {
        const entry = readEntry(entryOf(event))
        assert.equal(renderEvent(entry, testIo()).split('\n').length, 2)
        const { group } = createAlertGroups().take(entry)
        assert.match(renderAlert({ ...group, times: 2 }, testIo(), placeOf(undefined)), /leaf 7 of default/)
      }),
      { seed: 1, numRuns: 500 },
    )
  })
})

/** The same value, with another one somewhere below: each step of the path chooses one of the members there. */
function bend(value: Json, [step, ...path]: readonly number[], replacement: Json): Json {
  if (step === undefined || typeof value !== 'object' || value === null) return replacement
  const members = Object.entries(value)
  const bent = members.map(([name, inner], i) => [
    name,
    i === step % members.length ? bend(inner as Json, path, replacement) : inner,
  ])
  const copy = Object.fromEntries(bent)
  return Array.isArray(value) ? Object.values(copy) : copy
}
