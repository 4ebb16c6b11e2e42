// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { errorsOf } from './errors.ts'
import { createLog } from './log.ts'

function createTestLog() {
  const lines: string[] = []
  const log = createLog(
    'gate',
    (line) => lines.push(line),
    () => 1_795_262_400_123,
  )
  return { log, lines }
}

test('a log line is one JSON object with time, level, component and message', () => {
  const { log, lines } = createTestLog()
  log.warn('it creaks', { hinge: 2, seq: 7n })
  log.critical('it fell')
  assert.deepEqual(lines, [
    '{"time":"2026-11-21T12:00:00.123Z","level":"warn","component":"gate","msg":"it creaks","hinge":2,"seq":"7"}\n',
    '{"time":"2026-11-21T12:00:00.123Z","level":"critical","component":"gate","msg":"it fell"}\n',
  ])
})

test('planted secrets never come out (LOG-5)', () => {
  const { log, lines } = createTestLog()
  const planted = 'hunter2-planted'
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  log.info('secrets', {
    password: planted,
    joinToken: planted,
    api_key: planted,
    'x-api-key': planted,
    nested: [{ headers: { Authorization: `Bearer ${planted}`, 'set-cookie': [planted] } }],
    privateKey: { d: planted },
    client_secret: 4711,
    passphrase: planted,
    DB_PASSWD: planted,
    harmless: pem,
    error: new Error(`reading ${pem}`),
  })
  const [line = ''] = lines
  assert.ok(!line.includes(planted), line)
  assert.ok(!line.includes('4711'), line)
  assert.ok(!line.includes('PRIVATE KEY'), line)
  assert.equal(line.match(/\[redacted\]/g)?.length, 13)
})

test('LOG-5: a secret within a text never comes out: message, field, error, stack, cause of a cause, our own errors', () => {
  const { log, lines } = createTestLog()
  const planted = 'hunter2-planted'
  const deepest = new Error(`connect postgres://app:${planted}@db/x`)
  const cause = new TypeError(`curl -u app:${planted} failed`, { cause: deepest })
  const table = { GATE_STUCK: { kind: 'unavailable', rule: 'it swings', advice: 'Oil it' } } as const
  const ours = errorsOf(table)('GATE_STUCK', {
    attempted: `opening https://h/?token=${planted}`,
    received: { password: planted, padding: 'x'.repeat(5_000) },
    advice: `Unset DB_PASSWORD=${planted}`,
    cause,
  })
  log.error(`got Authorization: Bearer ${planted}`, { argv: ['mysql', '--password', planted].join(' '), error: ours })
  log.error('again', { error: cause, bytes: Buffer.from(planted), list: [`PGPASSWORD=${planted} psql`] })
  assert.ok(!lines.join('').includes(planted), lines.join(''))
  assert.ok(!`${ours.message}${ours.stack}${JSON.stringify(ours)}`.includes(planted))
  const [first, second] = lines.map((line) => JSON.parse(line))
  assert.match(first.error.cause.cause.message, /postgres:\/\/app:\[redacted\]@db/)
  assert.equal(second.error.cause.name, 'Error')
  assert.equal(second.bytes, `${planted.length} bytes`)
})

test('a circle in what is logged costs its fields and nothing else', () => {
  const { log, lines } = createTestLog()
  const circle: Record<string, unknown> = {}
  circle.self = circle
  log.info('round', { circle })
  assert.equal(JSON.parse(lines[0] as string).msg, 'round')
})

test('a secret that is not there stays absent', () => {
  const { log, lines } = createTestLog()
  log.info('none', { token: null, cookie: undefined })
  assert.ok(lines[0]?.includes('"token":null'))
})

test('errors are told with what helps, long texts are cut', () => {
  const { log, lines } = createTestLog()
  const table = { GATE_STUCK: { kind: 'unavailable', rule: 'it swings', advice: 'Oil it' } } as const
  log.error('stuck', { error: errorsOf(table)('GATE_STUCK', { attempted: 'opening' }), other: new TypeError('no') })
  log.info('long', { text: 'x'.repeat(5000) })
  const stuck = JSON.parse(lines[0] as string)
  assert.equal(stuck.error.code, 'GATE_STUCK')
  assert.equal(stuck.error.advice, 'Oil it')
  assert.equal(stuck.other.message, 'no')
  assert.ok((lines[1] as string).length < 2200)
})
