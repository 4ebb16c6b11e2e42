// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base/errors'
import fc from 'fast-check'
import { type FeedFormatName, type FeedReading, feedFormats, readFeed, reputationLimits } from './index.ts'
import { createReputation } from './reputation.ts'

const utf8 = new TextEncoder()
const asOfMs = Date.UTC(2026, 10, 23)
const read = (format: FeedFormatName, text: string) => readFeed({ name: 'f', format }, utf8.encode(text), asOfMs)
const codeOf = (format: FeedFormatName, text: string) => {
  try {
    read(format, text)
    return 'none'
  } catch (error) {
    return isSealwatchError(error) ? error.code : error
  }
}

/** Everything that is listed: prefix, weight, and hours left where the entry has its own end. */
function listed(reading: FeedReading, addresses: readonly string[]): string[] {
  const ttlSeconds = 10 * 86_400
  const feed = { name: 'f', format: 'plain', source: { file: '/f' }, weight: 1, category: 'c', ttlSeconds } as const
  const reputation = createReputation({ feeds: [{ ...feed, refreshSeconds: 60 }], except: [] })
  reputation.take('f', reading)
  return addresses.flatMap((address) =>
    reputation.lookup(address, asOfMs).map(({ prefix, weight, untilMs }) => {
      const hours = (untilMs - asOfMs) / 3_600_000
      return `${prefix} ${weight}${hours === 240 ? '' : ` ${hours}h`}`
    }),
  )
}

test('DET-1 DROP of Spamhaus is read as text and as JSON', () => {
  const text = '; Spamhaus DROP List 2026/11/23\n; Last-Modified: …\n192.0.2.0/24 ; SBL1\r\n2001:db8::/32 ; SBL2\n'
  const json =
    '{"cidr":"192.0.2.0/24","sblid":"SBL1","rir":"apnic"}\n{"cidr":"2001:db8::/32","sblid":"SBL2","rir":"ripencc"}\n{"type":"metadata","timestamp":1790000000,"size":97,"records":2,"copyright":"(c)"}\n'
  for (const reading of [read('spamhaus-drop', text), read('spamhaus-drop-json', json)]) {
    assert.deepEqual([reading.prefixes, reading.wrong], [2, 0])
    assert.deepEqual(listed(reading, ['192.0.2.1', '2001:db8::1']), ['192.0.2.0/24 1', '2001:db8::/32 1'])
  }
})

test('DET-1 netsets of FireHOL, lists of CrowdSec and AbuseIPDB, and plain lists are read', () => {
  const lines = '192.0.2.1\n198.51.100.0/24\n'
  const texts: readonly (readonly [FeedFormatName, string])[] = [
    ['firehol', `#\n# firehol_level1\n# Maintainer: …\n\n${lines}`],
    ['crowdsec-blocklist', lines],
    ['abuseipdb', lines],
    ['plain', `\uFEFF192.0.2.1 # mine\n\t198.51.100.0-198.51.100.255 ; theirs`],
  ]
  for (const [format, text] of texts)
    assert.deepEqual(
      listed(read(format, text), ['192.0.2.1', '198.51.100.9']),
      ['192.0.2.1/32 1', '198.51.100.0/24 1'],
      format,
    )
})

const decisions = [
  { id: 1, origin: 'crowdsec', type: 'ban', scope: 'Ip', value: '192.0.2.1', duration: '3h59m59.5s', simulated: false },
  { id: 2, origin: 'cscli', type: 'captcha', scope: 'range', value: '198.51.100.0/24', duration: '24h0m0s' },
  { id: 3, scope: 'Ip', value: '192.0.2.2', duration: '-5m0s' },
  { id: 4, scope: 'Ip', value: '192.0.2.3', duration: '4h', simulated: true },
  { id: 5, scope: 'Country', value: 'XX', duration: '4h' },
]
const asked = ['192.0.2.1', '198.51.100.1', '192.0.2.2', '192.0.2.3']

test('DET-1 decisions of CrowdSec are read as its APIs and cscli write them, with the end that each has', () => {
  const due = ['192.0.2.1/32 1 4h', '198.51.100.0/24 1 24h']
  const local = { new: decisions, deleted: [{ ...decisions[0], value: '203.0.113.1' }] }
  const alerts = [
    { id: 9, decisions: decisions.slice(0, 2) },
    { id: 10, decisions: decisions.slice(2) },
    { id: 11, decisions: null },
  ]
  for (const document of [decisions, local, alerts]) {
    const reading = read('crowdsec-json', JSON.stringify(document))
    assert.deepEqual(listed(reading, asked), due)
    assert.deepEqual([reading.prefixes, reading.passedOver, reading.wrong], [2, 3, 0])
  }
  const central = {
    new: [
      { scenario: 'crowdsecurity/ssh-bf', scope: 'ip', decisions: [{ value: '192.0.2.1', duration: '4h' }] },
      { scenario: 'crowdsecurity/x', scope: 'range', decisions: [{ value: '198.51.100.0/24', duration: '24h' }] },
      { scenario: 'crowdsecurity/x', scope: 'user', decisions: [{ value: 'ann', duration: '24h' }] },
    ],
    deleted: [{ scope: 'ip', decisions: ['203.0.113.1'] }],
    links: { blocklists: [] },
  }
  assert.deepEqual(listed(read('crowdsec-json', JSON.stringify(central)), asked), due)
  for (const nothing of ['null', '[]', '{"new":null,"deleted":null}'])
    assert.equal(read('crowdsec-json', nothing).prefixes, 0, nothing)
})

test('DET-1 the raw output of cscli is read, whatever commas the names of networks hold', () => {
  const raw = [
    'id,source,ip,reason,action,country,as,events_count,expiration,simulated,alert_id',
    '1,crowdsec,Ip:192.0.2.1,crowdsecurity/ssh-bf,ban,XX,"64500 EXAMPLE, Inc",5,3h59m59.5s,false,1',
    '2,cscli,Range:198.51.100.0/24,manual,ban,,64500 EXAMPLE, Inc., Ltd,0,24h,false,2',
    '3,cscli,Ip:192.0.2.2,manual,ban,,,0,-5m,false,3',
    '4,cscli,Ip:192.0.2.3,manual,ban,,,0,5m,true,4',
    '5,cscli,Ip:2001:db8::1,manual,ban,,,0,4h,false,4',
  ].join('\n')
  const reading = read('crowdsec-decisions', raw)
  assert.deepEqual(listed(reading, [...asked, '2001:db8::1']), [
    '192.0.2.1/32 1 4h',
    '198.51.100.0/24 1 24h',
    '2001:db8::1/128 1 4h',
  ])
  assert.deepEqual([reading.passedOver, reading.wrong], [2, 0])
})

test('DET-1 scores of AbuseIPDB are shares of the weight', () => {
  const data = [
    {
      ipAddress: '192.0.2.1',
      countryCode: 'XX',
      abuseConfidenceScore: 100,
      lastReportedAt: '2026-11-22T00:00:00+00:00',
    },
    { ipAddress: '2001:db8::1', abuseConfidenceScore: 75 },
  ]
  const document = JSON.stringify({ meta: { generatedAt: '2026-11-22T00:00:00+00:00' }, data })
  assert.deepEqual(listed(read('abuseipdb-json', document), ['192.0.2.1', '2001:db8::1']), [
    '192.0.2.1/32 1',
    '2001:db8::1/128 0.75',
  ])
})

test('DET-1 of what a feed says twice, the later end and the greater weight count', () => {
  const twice = (...durations: readonly string[]) =>
    JSON.stringify(durations.map((duration) => ({ scope: 'Ip', value: '192.0.2.1', duration })))
  for (const durations of [
    ['4h', '24h', '1h'],
    ['24h', '4h'],
  ])
    assert.deepEqual(listed(read('crowdsec-json', twice(...durations)), ['192.0.2.1']), ['192.0.2.1/32 1 24h'])
  const data = [10, 90, 50].map((abuseConfidenceScore) => ({ ipAddress: '192.0.2.1', abuseConfidenceScore }))
  assert.deepEqual(listed(read('abuseipdb-json', JSON.stringify({ data })), ['192.0.2.1']), ['192.0.2.1/32 0.9'])
})

test('DET-1 wrong entries are counted, and the first are told with their lines; the others are taken', () => {
  const wrong = [
    '192.0.2.1/24',
    'x',
    '192.0.2.300',
    '192.0.2.9-192.0.2.1',
    '0.0.0.0/0',
    '192.0.2.0/33',
    '1.2.3.4-::1',
    '::/3',
    '192.0.2.1/08',
  ]
  const right = Array.from({ length: 40 }, (_, at) => `198.51.100.${at}`)
  const reading = read('plain', [...right, ...wrong].join('\n'))
  assert.deepEqual([reading.prefixes, reading.wrong], [40, wrong.length])
  assert.deepEqual(
    reading.told.map(({ place, received, rule }) => [place, received, rule]),
    [
      [41, '192.0.2.1/24', 'a prefix without bits behind its length'],
      [42, 'x', 'an address, prefix or range'],
      [43, '192.0.2.300', 'an address, prefix or range'],
      [44, '192.0.2.9-192.0.2.1', 'a range from low to high'],
      [45, '0.0.0.0/0', 'a prefix that is not as wide as that'],
    ],
  )
})

test('DET-1 a feed of garbage, an empty one and one that lists the Internet are refused', () => {
  const page = '<!doctype html>\n<title>503</title>\n<p>Back soon\n'
  for (const format of Object.keys(feedFormats) as FeedFormatName[])
    assert.equal(codeOf(format, page), 'FEED_MALFORMED', format)
  assert.equal(codeOf('plain', '192.0.2.1\n192.0.2.2\n192.0.2.3\nx'), 'none')
  assert.equal(codeOf('plain', '192.0.2.1\n192.0.2.2\nx'), 'FEED_MALFORMED')
  assert.equal(codeOf('plain', '# nothing\n\n'), 'FEED_EMPTY')
  assert.equal(codeOf('abuseipdb-json', '{"data":[]}'), 'FEED_EMPTY')
  assert.equal(codeOf('plain', '0.0.0.0/3\n32.0.0.0/3\n64.0.0.0/24'), 'FEED_TOO_WIDE')
  assert.equal(codeOf('plain', '224.0.0.0/3\n10.0.0.0/8\n10.0.0.0/9'), 'none')
  assert.throws(() => read('plain', 'x\n'), /1 entries of 1 that are wrong, the first at 1: \\?"x/)
})

test('DET-1 a feed is at most as large as its limits', () => {
  const bytes = new Uint8Array(reputationLimits.documentBytesMax + 1)
  assert.throws(() => readFeed({ name: 'f', format: 'crowdsec-json' }, bytes, asOfMs), { code: 'FEED_TOO_LARGE' })
})

test('DET-1 whatever a feed is made of, it is read or refused', () => {
  const hostile = [
    '['.repeat(500_000),
    JSON.stringify({ data: [{ ipAddress: { toString: 1 }, abuseConfidenceScore: 1 }] }),
    `{"new":[${'['.repeat(3_000)}${']'.repeat(3_000)}]}`,
    `{"new":[{"decisions":{"toString":1}}]}`,
    '\u0000\uffff\ud800',
    `${'1'.repeat(100_000)}\n`,
    `1,2,Ip:${','.repeat(100_000)}\n`,
  ]
  for (const format of Object.keys(feedFormats) as FeedFormatName[]) {
    for (const text of hostile) assert.match(String(codeOf(format, text)), /^FEED_|^none$/, format)
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.json(), fc.string({ unit: fc.constantFrom(...'0129.:/-,;#\n{}[]"nul') })),
        (text) => assert.match(String(codeOf(format, text)), /^FEED_|^none$/),
      ),
      { seed: 8, numRuns: 500 },
    )
  }
})
