// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PolicyDraft, policyDocument } from '@sealwatch/contract/policy'
import fc from 'fast-check'
import { compilePolicy, evaluatePolicy, type FileTable, fileTableLimits, fileTableOf, fileWays } from '../index.ts'

const accounts = new Map([
  [0, 'root'],
  [33, 'www-data'],
  [1000, 'ann'],
])
const some = <T>(values: readonly T[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 })
const users = some([0, 33, 1000, 4_294_967_295, 'ann', 'root', 'nobody-here'])
const subject = fc
  .record(
    { executables: some(['/usr/bin/cat', '/usr/bin/*', '/opt/a']), users, units: fc.constant<string[]>(['x.service']) },
    { requiredKeys: [] },
  )
  .filter((each) => Object.keys(each).length > 0)
const patterns = ['/etc/shadow', '/etc/*', '/srv/**', '/srv/a/key', '/srv/*/key', '/etc/s*']
const operations = some(['read', 'write', 'create', 'rename'] as const)
const filePolicy = fc
  .array(
    fc.record(
      { paths: some(patterns), operations, may: fc.array(subject, { maxLength: 2 }) },
      { requiredKeys: ['paths', 'may'] },
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map(
    (rules) =>
      ({ type: 'file', name: 'x', rules: rules.map((each, at) => ({ id: `r${at}`, ...each })) }) as PolicyDraft,
  )
const processPolicy = fc
  .record({
    default: fc.constantFrom('allow' as const, 'deny' as const),
    rules: fc.array(
      fc.record(
        {
          action: fc.constantFrom('allow' as const, 'deny' as const),
          executables: some(patterns),
          users,
          ancestors: fc.constant<string[]>(['/usr/sbin/sshd']),
          command_lines: fc.constant<string[]>(['* -x']),
        },
        { requiredKeys: ['action', 'executables'] },
      ),
      { minLength: 1, maxLength: 4 },
    ),
  })
  .map(
    (given) =>
      ({
        type: 'process',
        name: 'x',
        ...given,
        rules: given.rules.map((each, at) => ({ id: `r${at}`, ...each })),
      }) as PolicyDraft,
  )
const asked = fc.record({
  path: fc.constantFrom('/etc/shadow', '/etc/other', '/srv/a/key', '/srv/a/b', '/srv/key', '/home/x'),
  way: fc.constantFrom(...fileWays),
  uid: fc.constantFrom(0, 1, 33, 1000, 1001, 4_294_967_295),
  program: fc.constantFrom('/usr/bin/cat', '/usr/bin/less', '/opt/a', '/opt/b', undefined),
})
type Asked = typeof asked extends fc.Arbitrary<infer A> ? A : never

/** As the warden goes about it (docs/formats/frame.md, 11.3). */
function refusedBy(table: FileTable, { path, way, uid, program }: Asked) {
  const { paths, programs, users: rows, policies, rules } = table
  const isOf = (row: FileTable['paths'][number]) => {
    if (row.reach === 'itself') return row.path === path
    const below = path.startsWith(`${row.path}/`) ? path.slice(row.path.length + 1) : ''
    return below !== '' && (row.reach === 'below' || !below.includes('/'))
  }
  const ofFile = paths.filter(isOf).reduce((bits, each) => bits | each.rules, 0n)
  const ofProgram = program === undefined ? programs.unknown : (programs.named.get(program) ?? programs.others)
  const ofUser = rows.findLast(({ from }) => from <= uid)?.rules ?? 0n
  const holds = ofFile & table.ways[way] & ofProgram & ofUser
  return policies
    .map((own) => rules.find((_, bit) => (((holds & own) >> BigInt(bit)) & 1n) === 1n))
    .find((first) => first?.denies === true)
}

/** All that the act may be told as. */
function eventsOf({ path, way, uid, program }: Asked): object[] {
  const name = accounts.get(uid)
  const user = { uid: String(uid), ...(name !== undefined && { name }) }
  const actor = { user, process: program === undefined ? {} : { file: { path: program } } }
  const head = { metadata: {}, device: { uid: 'h', hostname: 'web-1' }, actor }
  const ways = way === 'run' ? ['read'] : way === 'unknown' ? ['read', 'write', 'read_write'] : [way]
  const launch = { ...head, class_uid: 1007, activity_id: 1, process: { file: { path } }, unmapped: { filename: path } }
  const opens = ways.map((access) => ({
    ...{ ...head, class_uid: 1001, activity_id: access === 'read' ? 2 : 3, file: { path } },
    unmapped: { watched: path, access },
  }))
  return way === 'run' ? [launch, ...opens] : opens
}

const made = (drafts: readonly PolicyDraft[]) => {
  const policies = drafts.map((draft, at) => ({ id: `p${at}`, compiled: compilePolicy(policyDocument.parse(draft)) }))
  return { policies, ...fileTableOf({ policies, accounts }) }
}

test('POL-2 AGT-1 what the table refuses of a file or a program the same policy denies, whatever it is opened for', () => {
  let refused = 0
  const drafts = fc.array(fc.oneof(filePolicy, processPolicy), { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(drafts, asked, (given, tried) => {
      const { policies, table, left } = made(given)
      assert.deepEqual(left, [])
      const by = table && refusedBy(table, tried)
      if (by === undefined) return
      refused += 1
      const own = policies.find(({ id }) => id === by.policy)
      assert(own !== undefined)
      const isOfFiles = own.compiled.policy.type === 'file'
      for (const event of eventsOf(tried).filter((each) => 'process' in each !== isOfFiles || tried.way !== 'run')) {
        const [said] = evaluatePolicy(own.compiled, event)
        assert.equal(said?.effect, 'deny', JSON.stringify(event))
      }
    }),
    { seed: 7, numRuns: 4_000 },
  )
  assert(refused > 300, `${refused} were refused`)
})

test('POL-2 AGT-1 what a policy denies of a path that it names, to whoever is known, is refused', () => {
  const rules = [
    {
      id: 'keys',
      paths: ['/srv/a/key', '/etc/*'],
      may: [{ executables: ['/opt/a'], users: ['ann'] }, { users: [33] }],
    },
  ]
  const { table, beyond } = made([{ type: 'file', name: 'x', rules }])
  assert(table !== undefined && beyond.length === 0)
  fc.assert(
    fc.property(asked, (tried) => {
      const due = made([{ type: 'file', name: 'x', rules }]).policies.flatMap(({ compiled }) =>
        evaluatePolicy(compiled, eventsOf(tried)[tried.way === 'run' ? 1 : 0] as object),
      )
      assert.equal(refusedBy(table, tried) !== undefined, due[0]?.effect === 'deny', JSON.stringify(tried))
    }),
    { seed: 7, numRuns: 500 },
  )
})

test('AGT-1 which policies of files are told alone: nothing to ask the kernel about, or no room', () => {
  const file = (more: object): PolicyDraft =>
    ({ type: 'file', name: 'x', rules: [{ id: 'r', paths: ['/etc/shadow'], may: [], ...more }] }) as PolicyDraft
  const beyond = [
    file({ operations: ['rename'] }),
    file({ paths: ['/etc/s*'] }),
    { type: 'process', name: 'x', rules: [{ id: 'r', action: 'deny', command_lines: ['* -x'] }] } as PolicyDraft,
  ]
  assert.deepEqual(made(beyond).beyond, ['p0', 'p1', 'p2'])
  const rules = [0, 1, 2].map((rule) => {
    const paths = Array.from({ length: 200 }, (_, at) => `/srv/${rule}-${at}`)
    return { id: `r${rule}`, paths, may: [] }
  })
  assert(rules.length * 200 > fileTableLimits.pathsMax)
  const { table, left } = made([file({}), { type: 'file', name: 'x', rules }, file({ paths: ['/etc/gshadow'] })])
  assert.deepEqual([left, table?.paths.length], [['p1'], 2])
})
