// SPDX-License-Identifier: Apache-2.0
// The trust-store file as people and Kubernetes change it, under a whole server.

import assert from 'node:assert/strict'
import { mkdir, mkdtempDisposable, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ApiProblem } from '@sealwatch/contract/api'
import { generateSigner } from '@sealwatch/keys'
import { startServer, type TestServer } from './server.ts'

type Key = {
  readonly key_id: string
  readonly public_key: string
  readonly valid_from: string
  readonly algorithm: string
}
const keyOf = (key_id: string): Key => ({
  key_id,
  algorithm: 'ed25519',
  public_key: generateSigner().publicKey.toBase64(),
  valid_from: '2026-11-01T00:00:00Z',
})
const fileOf = (keys: readonly object[], tenant = 'default') =>
  JSON.stringify({ version: 1, tenants: { [tenant]: { services: { billing: { keys } } } } }, undefined, 1)

async function until<T>(ask: () => Promise<T>, fits: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await ask()
    if (fits(found)) return found
    await delay(50)
  }
}

const keysIn = async (server: TestServer) => {
  const { items } = await server.root('default').call('listSigningKeys', { query: { producer: 'billing' } })
  const isOpen = ({ valid_until }: { valid_until: string | null }) => valid_until === null
  return items.map((key) => `${key.key_id} ${isOpen(key) ? 'open' : 'ended'} ${key.source}`)
}
const refusals = async (server: TestServer) => {
  const { items } = await server.root('cluster').call('listEvents', { query: { filter: 'source=server', limit: 100 } })
  return items.flatMap(({ line }) => {
    const { event } = line as unknown as { event?: { metadata: { event_code: string }; message: string } }
    return event?.metadata.event_code === 'trust_store_refused' ? [event.message] : []
  })
}

test('ING-5 the file is taken as it changes; a bad one changes nothing, is told of, and does not keep a server from starting', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-trust-store-'))
  // As a Secret is mounted: file -> ..data/file, ..data -> a folder of its own for each state.
  const path = join(dir.path, 'trust.json')
  let state = 0
  const mount = async (text: string | Uint8Array) => {
    state += 1
    await mkdir(join(dir.path, `..state-${state}`))
    await writeFile(join(dir.path, `..state-${state}`, 'trust.json'), text)
    await symlink(`..state-${state}`, join(dir.path, '..next'))
    await rename(join(dir.path, '..next'), join(dir.path, '..data'))
  }
  const [one, two, three] = [keyOf('one'), keyOf('two'), keyOf('three')]
  await mount(fileOf([one]))
  await symlink('..data/trust.json', path)
  const data = join(dir.path, 'server')
  await mkdir(data)
  const settings = { SEALWATCH_SERVER_TRUST_STORE: path }
  {
    await using server = await startServer(settings, undefined, { dir: data })
    await until(
      () => keysIn(server),
      (keys) => keys.join() === 'one open file',
    )
    await mount(fileOf([one, two]))
    await until(
      () => keysIn(server),
      (keys) => keys.join() === 'one open file,two open file',
    )
    await mount(fileOf([two]))
    await until(
      () => keysIn(server),
      (keys) => keys.join() === 'one ended file,two open file',
    )
    await server.root('default').call('addSigningKey', { params: { producer: 'billing' }, body: { ...three } })
    const bad: readonly (readonly [string | Uint8Array, RegExp])[] = [
      [fileOf([two]).slice(0, 60), /line \d+, .*end of the text/],
      [Buffer.alloc(1024 * 1024 + 1, 'x'), /more than 1048576 bytes/],
      [Buffer.alloc(1024 * 1024, 0xff), /not UTF-8/],
      [fileOf([two, { ...keyOf('two') }]), /keys\/1: the id two stands at line \d+, .*keys\/0 already/],
      [fileOf([two, { ...two, key_id: 'again' }]), /keys\/1: the key .* stands at/],
      [fileOf([two, { ...keyOf('four'), algorithm: 'hmac-sha256' }]), /hmac/],
      [fileOf([two, { ...keyOf('four'), public_key: three.public_key }]), /under three/],
      [fileOf([keyOf('three')]), /the id three/],
      [fileOf([keyOf('four')], 'nobodys'), /\/tenants\/nobodys/],
      [fileOf([two]).replace('"key_id"', '"key_id": "x", "key_id"'), /key_id/],
      [fileOf([{ ...two, more: 1 }]), /more/],
    ]
    for (const [i, [text, rule]] of bad.entries()) {
      await mount(text)
      const told = await until(
        () => refusals(server),
        ({ length }) => length > i,
      )
      assert.ok(
        told.some((message) => rule.test(message)),
        `${rule}: ${told.join('\n')}`,
      )
      assert.deepEqual(await keysIn(server), ['one ended file', 'three open api', 'two open file'])
    }
    await rm(path)
    await until(
      () => refusals(server),
      (told) => told.some((message) => /no such file/.test(message)),
    )
    await mkdir(path)
    await until(
      () => refusals(server),
      (told) => told.some((message) => /EISDIR/.test(message)),
    )
    assert.deepEqual(await keysIn(server), ['one ended file', 'three open api', 'two open file'])
  }
  await using server = await startServer(settings, undefined, { dir: data })
  assert.deepEqual(await keysIn(server), ['one ended file', 'three open api', 'two open file'])
  await rm(path, { recursive: true })
  await writeFile(path, fileOf([one, two]))
  await until(
    () => keysIn(server),
    (keys) => keys.join() === 'one open file,three open api,two open file',
  )
})

test('SIG-6 a key of the file that leaked is revoked with since when, stays so whatever the file says, and is examined', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-trust-store-'))
  const path = join(dir.path, 'trust.json')
  const [one, two] = [keyOf('one'), keyOf('two')]
  await writeFile(path, fileOf([one, two]))
  await using server = await startServer({ SEALWATCH_SERVER_TRUST_STORE: path })
  const root = server.root('default')
  await until(
    () => keysIn(server),
    (keys) => keys.length === 2,
  )
  const params = { key_id: 'one' }
  const compromised_since = '2026-11-02T00:00:00.000000000Z'
  const body = { cause: 'found in an image', compromised_since }
  await until(
    () => root.call('revokeSigningKey', { params, body }).catch((error: unknown) => error),
    // The list shows it a moment before its line is in the ledger, from when on it can be revoked.
    (answer) => {
      if (answer instanceof ApiProblem && answer.problem.code === 'SIGNING_KEY_UNKNOWN') return false
      if (answer instanceof Error) throw answer
      return true
    },
  )
  await writeFile(path, fileOf([{ ...one, valid_until: '2030-01-01T00:00:00Z' }]))
  await until(
    () => keysIn(server),
    (keys) => keys.includes('two ended file'),
  )
  const shown = await root.call('getSigningKey', { params })
  assert.ok(shown.revoked_at !== null && shown.compromised_since === compromised_since, JSON.stringify(shown))
  assert.equal(shown.valid_until, null, 'the file does not touch it any more')
  await root.call('examineSigningKey', { params })
  const { state } = await until(
    () => root.call('getKeyExamination', { params }),
    (found) => found.state !== 'running',
  )
  assert.equal(state, 'done')
})
