// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PolicyDraft, policyDocument } from '@sealwatch/contract/policy'
import fc from 'fast-check'
import { addressNumber, compilePolicy, deniedBy, evaluatePolicy, networkTableLimits, networkTableOf } from '../index.ts'

const accounts = new Map([
  [0, 'root'],
  [33, 'www-data'],
  [1000, 'ann'],
])
const addresses = [
  '10.0.0.0/8',
  '10.1.0.0/16',
  '10.1.2.3',
  '0.0.0.0/0',
  '::/0',
  '2001:db8::/32',
  '127.0.0.0/8',
  '::ffff:192.0.2.0/120',
  '::/64',
]
const some = <T>(values: readonly T[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 })
const ruleOf = (executables: readonly string[]) =>
  fc.record(
    {
      action: fc.constantFrom('allow' as const, 'deny' as const),
      direction: fc.constantFrom('outbound' as const, 'inbound' as const),
      protocols: some(['tcp', 'udp', 'icmp'] as const),
      addresses: some(addresses),
      ports: some([22, 443, '1-1023', '400-500', '65535']),
      users: some([0, 33, 4_294_967_295, 'ann', 'root', 'nobody-here']),
      executables: some(executables),
      units: fc.constant<string[]>(['x.service']),
    },
    { requiredKeys: ['action'] },
  )
const policyOf = (executables: readonly string[]) =>
  fc
    .record({
      rules: fc.array(ruleOf(executables), { maxLength: 5 }),
      default: fc.constantFrom('allow' as const, 'deny' as const),
    })
    .map(
      (given) =>
        ({
          type: 'network',
          name: 'x',
          ...given,
          rules: given.rules.map((each, at) => ({ id: `r${at}`, ...each })),
        }) as PolicyDraft,
    )
const connection = fc.record({
  protocol: fc.constantFrom(6, 17, 1, 58, 200),
  ip: fc.constantFrom(
    '10.1.2.3',
    '10.1.2.4',
    '10.9.9.9',
    '11.0.0.0',
    '127.0.0.1',
    '::1',
    '::',
    '0.0.0.0',
    '192.0.2.7',
    '2001:db8::1',
    '2001:db9::',
    '::fffe:ffff:ffff',
    '255.255.255.255',
  ),
  port: fc.constantFrom(22, 23, 400, 443, 500, 501, 1023, 1024, 65_535),
  uid: fc.constantFrom(0, 1, 33, 34, 1000, 4_294_967_295),
  program: fc.constantFrom(
    '/usr/bin/curl',
    '/usr/bin/wget',
    '/opt/a/b',
    '/usr/sbin/nginx',
    '/usr/sbin/nginxx',
    undefined,
  ),
})
type Tried = typeof connection extends fc.Arbitrary<infer C> ? C : never
const isLocal = (ip: string) => /^127\.|^::1?$|^0\.0\.0\.0$/.test(ip)

/** As the agent tells it. */
const eventOf = ({ protocol, ip, port, uid, program }: Tried) => {
  const name = accounts.get(uid)
  return {
    ...{ class_uid: 4001, activity_id: 1, metadata: {}, device: { uid: 'h', hostname: 'web-1' } },
    actor: {
      user: { uid: String(uid), ...(name !== undefined && { name }) },
      process: program === undefined ? {} : { file: { path: program } },
    },
    connection_info: { direction_id: isLocal(ip) ? 4 : 2, protocol_num: protocol },
    dst_endpoint: { ip, port },
  }
}

/** What the table says of a connection, and what the policies do, each the first that denies. */
function bothSay(drafts: readonly PolicyDraft[], tried: Tried) {
  const policies = drafts.map((draft, at) => ({
    id: `p${at}`,
    version: at,
    compiled: compilePolicy(policyDocument.parse(draft)),
  }))
  const { table, left } = networkTableOf({ policies, accounts })
  assert(table !== undefined && left.length === 0)
  const found = deniedBy(table, { ...tried, address: addressNumber(tried.ip) as bigint })
  const due = policies.flatMap(({ id, version, compiled }) =>
    evaluatePolicy(compiled, eventOf(tried)).flatMap(({ effect, rule }) =>
      effect === 'deny' ? [[id, version, rule]] : [],
    ),
  )
  return { found: found && [found.policy, found.version, found.rule], due }
}

test('POL-2 AGT-1 the table denies a connection exactly where a policy says deny of its event, by the same rule', () => {
  let denied = 0
  const named = policyOf(['/usr/bin/curl', '/opt/a/b', '/usr/sbin/nginx'])
  fc.assert(
    fc.property(fc.array(named, { minLength: 1, maxLength: 3 }), connection, (drafts, tried) => {
      const { found, due } = bothSay(drafts, tried)
      denied += found === undefined ? 0 : 1
      assert.deepEqual(found, due[0])
    }),
    { seed: 7, numRuns: 2_000 },
  )
  assert(denied > 300, `${denied} were denied`)
})

test('AGT-1 of programs by patterns, which the kernel cannot tell, nothing is denied that a policy does not deny', () => {
  let denied = 0
  const patterns = policyOf(['/usr/bin/curl', '/usr/bin/*', '/opt/**'])
  fc.assert(
    fc.property(patterns, connection, (draft, tried) => {
      const { found, due } = bothSay([draft], tried)
      denied += found === undefined ? 0 : 1
      assert(found === undefined || due.length === 1, JSON.stringify({ draft, tried }))
    }),
    { seed: 7, numRuns: 2_000 },
  )
  assert(denied > 100, `${denied} were denied`)
})

test('a policy that has no room in the table is left out whole, and those after it that have are not', () => {
  const many = (count: number): PolicyDraft => ({
    type: 'network',
    name: 'x',
    rules: Array.from({ length: count }, (_, at) => ({ id: `r${at}`, action: 'deny', ports: [at + 1] })),
  })
  const policies = [100, 200, 100].map((count, at) => ({
    id: `p${at}`,
    version: 1,
    compiled: compilePolicy(policyDocument.parse(many(count))),
  }))
  const { table, left } = networkTableOf({ policies, accounts })
  assert.deepEqual([left, table?.rules.length, table?.policies.length], [['p1'], 202, 2])
  assert(networkTableLimits.rulesMax >= 202)
  assert.deepEqual(networkTableOf({ policies: [], accounts }), { table: undefined, left: [] })
})
