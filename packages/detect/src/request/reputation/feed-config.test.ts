// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { localPrefixes, readReputationConfig } from './index.ts'

const feed = {
  name: 'spamhaus-drop',
  format: 'spamhaus-drop-json',
  source: { url: 'https://www.spamhaus.org/drop/drop_v4.json' },
  weight: 0.9,
  category: 'hijacked',
}
const read = (value: unknown) => readReputationConfig(value, 'reading feeds.json')

test('DET-1 a configuration of feeds says what is not told by itself', () => {
  const config = read({ feeds: [feed] })
  assert.deepEqual(config, {
    feeds: [{ ...feed, ttlSeconds: 604_800, refreshSeconds: 86_400 }],
    except: [...localPrefixes],
  })
  const secret = { header: 'Key', file: '/etc/sealwatch/abuseipdb.key' }
  const source = { url: 'https://api.abuseipdb.com/api/v2/blacklist', secret }
  assert.deepEqual(read({ feeds: [{ ...feed, source }], except: [] }).feeds[0]?.source, source)
})

test('DET-1 all that is wrong in a configuration of feeds is told together, by its place', () => {
  const wrong = {
    feeds: [
      { ...feed, name: 'With Blanks', weight: 1.5, format: 'csv', surprise: 1 },
      { ...feed, source: { file: 'relative' } },
      { ...feed, ttlSeconds: 60, source: { url: 'ftp://a/b' } },
    ],
    except: ['10.0.0.0/8', '10.0.0.1/8'],
  }
  assert.throws(
    () => read(wrong),
    (error: Error & { code: string }) => {
      assert.equal(error.code, 'REPUTATION_CONFIG')
      for (const place of ['/feeds/0/name', '/feeds/0/weight', '/feeds/0/format', 'surprise', '/feeds/1/source'])
        assert.match(error.message, new RegExp(place))
      return true
    },
  )
  const conflicts = { feeds: [feed, { ...feed, ttlSeconds: 60 }], except: ['10.0.0.1/8'] }
  assert.throws(() => read(conflicts), /\/feeds\/1\/name.*\/feeds\/1\/ttlSeconds.*\/except\/0: must be a prefix/)
  for (const nothing of [null, [], 'x', { feeds: [], x: 1 }])
    assert.throws(() => read(nothing), { code: 'REPUTATION_CONFIG' })
})
