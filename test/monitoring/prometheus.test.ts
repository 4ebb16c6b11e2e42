// SPDX-License-Identifier: Apache-2.0
// ING-7: a real host, a real server, a real Prometheus, and the rules that we hand out.

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Ed25519Signer, generateSigner } from '@sealwatch/keys'
import { joinHost } from '../api/host.ts'
import { startServer } from '../api/server.ts'
import { eventually } from '../system/platform.ts'
import { noPrometheus, startPrometheus } from './prometheus.ts'

const event = { class_uid: 1007, activity_id: 1, actor: { user: { name: 'ana' } } }

/** Claims the key that was enrolled, and signs with another. */
const forging = ({ keyId, publicKey }: Ed25519Signer): Ed25519Signer => ({ ...generateSigner(), keyId, publicKey })

test('ING-7 OPS-1 wrong signatures reach the security team at once; what is in order wakes nobody', {
  skip: noPrometheus ?? false,
}, async () => {
  await using server = await startServer()
  const { health } = (await server.root('cluster').call('getStatus')) as { health: string }
  await using prometheus = await startPrometheus(new URL(health).host)
  await prometheus.read()

  await using honest = await joinHost(server, 'default', 'web-1')
  honest.see(event)
  await prometheus.read()
  await prometheus.read()
  assert.deepEqual(await prometheus.alerts(), [])

  await using unknown = await joinHost(server, 'default', 'web-2', generateSigner)
  unknown.see(event)
  const rejects = await prometheus.alert(({ labels }) => labels.alertname === 'SealwatchCanonicalRejectsHigh')
  assert.equal(rejects.state, 'pending', 'until it has lasted')
  assert.equal(rejects.labels.tenant, 'default')
  const names = new Set((await prometheus.alerts()).map(({ labels }) => labels.alertname))
  assert.deepEqual([...names], ['SealwatchCanonicalRejectsHigh'], 'a key that nobody knows is no forgery')

  await using forger = await joinHost(server, 'default', 'web-3', forging)
  forger.see(event)
  const forged = await prometheus.alert(({ labels }) => labels.alertname === 'SealwatchInvalidSignature')
  assert.equal(forged.state, 'firing')
  assert.deepEqual([forged.labels.team, forged.labels.tenant], ['security', 'default'])
  assert.equal(forged.annotations.summary, 'Rows of tenant default carry signatures that are wrong')
})

test('ING-7 a quarantined byte that a disk changed is told by the server that starts over it', {
  skip: noPrometheus ?? false,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-test-conservation-'))
  try {
    {
      await using server = await startServer({}, undefined, { dir })
      await using unknown = await joinHost(server, 'default', 'web-1', generateSigner)
      unknown.see(event)
      const waiting = async () =>
        (await server.root('default').call('listQuarantine', { query: { limit: 1 } })).items[0]
      await eventually('what is kept aside', waiting)
    }
    const [segment = ''] = readdirSync(join(dir, 'quarantine/default'))
    const path = join(dir, 'quarantine/default', segment)
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.fill((bytes.at(-1) as number) ^ 1, bytes.length - 1))

    await using server = await startServer({}, undefined, { dir })
    const { health } = (await server.root('cluster').call('getStatus')) as { health: string }
    await using prometheus = await startPrometheus(new URL(health).host)
    const broken = await prometheus.alert(({ labels }) => labels.alertname === 'SealwatchConservationBroken')
    assert.deepEqual([broken.state, broken.labels.tenant], ['firing', 'default'])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
