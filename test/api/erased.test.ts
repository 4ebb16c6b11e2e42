// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposableSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pressOf } from '../../apps/server/test/follow-link.ts'
import { startServer } from './server.ts'

/** Every word that begins so, in every file that is there, by its name. */
function remnants(dir: string, word: string): Record<string, string[]> {
  const found: Record<string, string[]> = {}
  for (const file of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue
    const text = readFileSync(join(file.parentPath, file.name), 'latin1')
    const words = new Set(text.match(new RegExp(`${word}[a-z]*`, 'g')))
    if (words.size > 0) found[file.name] = [...words]
  }
  return found
}

test('LOG-11 POL-1: of an erased tenant and an erased person no file says any more what they were called', async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), 'sealwatch-erased-'))
  const settings = { SEALWATCH_SERVER_TRUSTED_PROXIES: '127.0.0.1' }
  {
    await using server = await startServer(settings, undefined, { dir: dir.path })
    const cluster = server.root('cluster')
    await cluster.call('createTenant', { body: { name: 'doomed', title: 'Doomed' } })
    const doomed = server.root('doomed')
    await doomed.call('putRole', { params: { name: 'zqmarkrole' }, body: { actions: ['alert:list'] } })
    const actions = ['alert:list'] as const
    await doomed.call('createToken', { body: { name: 'zqmarktoken', actions: [...actions], ttl_seconds: 600 } })
    await doomed.call('addGroupRole', {
      params: { tenant_name: 'doomed' },
      body: { group: 'zqmarkgroup', role: 'viewer' },
    })
    const policy = JSON.parse(readFileSync('vectors/policies/good/network.json', 'utf8'))
    const named = { ...policy, name: 'zqmarkpolicy', description: `zqmarklong ${'and so on '.repeat(20)}` }
    await doomed.call('putPolicy', { params: { id: 'zqmarkid' }, body: { policy: JSON.stringify(named) } })
    await doomed.call('invitePerson', { body: { name: 'zqmarkinvited', role: 'viewer' } })
    const before = Object.keys(remnants(dir.path, 'zqmark'))
    assert.ok(before.includes('index.sqlite-wal'), 'the test sees what it looks for')
    await cluster.call('eraseTenant', { params: { tenant_name: 'doomed' } })
    assert.deepEqual(remnants(dir.path, 'zqmark'), {})

    const reason = 'A test signs in'
    const { url } = await cluster.call('openBreakGlass', { body: { name: 'Zqperson', reason, minutes: 60 } })
    await server.send(pressOf(url))
    const [person] = (await cluster.call('listPeople', {})).items.filter(({ name }) => name === 'Zqperson')
    assert.ok(person !== undefined)
    await cluster.call('erasePerson', { params: { person_id: person.person_id } })
    assert.deepEqual(remnants(dir.path, 'Zqperson'), {})
  }
  assert.deepEqual({ ...remnants(dir.path, 'zqmark'), ...remnants(dir.path, 'Zqperson') }, {})
})
