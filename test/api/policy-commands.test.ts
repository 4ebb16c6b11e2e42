// SPDX-License-Identifier: Apache-2.0
// API-4, POL-2: the policy commands against a whole server.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run } from '../../apps/cli/src/cli.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { startServer, type TestServer } from './server.ts'

const vectors = join(import.meta.dirname, '../../vectors/policies')
const network = join(vectors, 'good/network.json')
let server: TestServer
let token: string
let dir: string

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-policy-commands-'))
  server = await startServer()
  const actions = ['policy:read', 'policy:write', 'policy:try']
  token = (await server.root('default').call('createToken', { body: { name: 'p', actions, ttl_seconds: 600 } })).token
})
after(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true })
})

async function policy(...args: string[]) {
  const io = testIo({ env: { SEALWATCH_TOKEN: token }, errTty: true })
  const code = await run(['policy', ...args, '--server', server.url], io)
  return { code, out: io.said(), err: io.complained() }
}
const json = async (...args: string[]) => JSON.parse((await policy(...args, '--json')).out)

test('a policy is put, listed, shown, changed from what was shown, compared, and deleted', async () => {
  const made = await policy('put', 'web', network, '--new')
  assert.equal(made.code, 0, made.err)
  assert.match(made.out, /^web is at version 1, recorded at leaf \d+ of default\.\n$/)
  assert.match((await policy('put', 'web', network)).out, /says so already, at version 1/)
  assert.match((await policy('list')).out, /web +network +enabled +4 +1 +\S+ \S+ UTC +Web servers speak/)

  const file = join(dir, 'web.json')
  writeFileSync(file, (await policy('show', 'web', '--json')).out)
  const record = JSON.parse(readFileSync(file, 'utf8'))
  assert.deepEqual([record.id, record.version], ['web', 1])
  assert.match((await policy('disable', 'web')).out, /web is off: version 2/)

  writeFileSync(file, JSON.stringify({ ...record, default: 'allow' }))
  const late = await policy('put', 'web', file)
  assert.equal(late.code, 3)
  assert.match(late.err, /Meanwhile version 2, by machine:tok_\w+:\n~ enabled true -> false\n/)
  assert.match(late.err, /CLI_CHANGED/)
  const difference = await policy('diff', 'web', file)
  assert.deepEqual([difference.code, difference.out], [1, '~ default "deny" -> "allow"\n~ enabled false -> true\n'])
  assert.equal((await policy('put', 'web', file, '--force')).code, 0)
  assert.equal((await policy('diff', 'web', file)).out, 'Nothing differs.\n')
  assert.deepEqual((await json('diff', 'web', '--from', '1', '--to', '2')).patch, [
    { op: 'replace', path: '/enabled', value: false },
  ])

  const { items } = await json('history', 'web')
  assert.deepEqual(
    items.map(({ version, change }: { version: number; change: string }) => `${version} ${change}`),
    ['3 replaced', '2 disabled', '1 created'],
  )
  assert.equal((await json('show', 'web', '--version', '1')).default, 'deny')
  assert.equal(typeof (await json('show', 'web', '--signed')).envelope.payload, 'string')
  assert.match((await policy('delete', 'web')).out, /web is deleted: version 4/)
  assert.equal((await policy('show', 'web')).code, 1)
})

test('a file with an error is not sent, and is shown', async () => {
  const { code, err } = await policy('put', 'bad', join(vectors, 'bad/typo.json'))
  assert.equal(code, 2)
  assert.match(err, /typo\.json:4:3: error.*Did you mean "enabled"\?.*CLI_POLICY/s)
  assert.deepEqual((await json('list')).items, [])
})

test('a policy is tried, and what it would have done is told', async () => {
  const { code, out } = await policy('dry-run', '--file', join(vectors, 'good/retention.json'), '--days', '1')
  assert.equal(code, 0)
  assert.match(out, /^Over 1 day, \S+ \S+ UTC to \S+ \S+ UTC: \d+ events\n/)
  assert.match(out, /evidence +would not have fired {2}\(keep \d+\)/)
  assert.match((await policy('dry-run', '--file', network)).out, /No event of the class Network Activity/)
  assert.equal((await policy('dry-run')).code, 2)
})
